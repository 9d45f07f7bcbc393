/*
 * The load generator: N clients on one thread, cheap itself, that check every reply.
 *
 *	load --port=PORT --workload=NAME [--clients=16] [--seconds=2] [--warmup=0.3] [--pid=POOLER] [--gate]
 *	     [--tls=full|resumed] [--password=TEXT]
 *
 * Workloads: simple, extended, prepared, transaction, connect, login (and leave), big; idle (everyone connects
 * at once and stays), statements (and prepares the same fifty) and waiting (everyone asks while --holders=8
 * other clients hold the server connections).
 * Prints one line of key=value and exits 0, or says what was wrong and exits 1. CPU is that of process
 * --pid, over the measured interval exactly. With --gate the interval begins when a line arrives on standard
 * input, after "ready" was printed, and the connections stay until a second one. With --password logins
 * are by SCRAM-SHA-256.
 */
#include "tests/bench/load/crowd.h"
#include "tests/bench/load/process.h"
#include "tests/bench/load/scram.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { LOGIN_SECONDS = 60 };

struct options {
	const char *workload, *user, *database;
	unsigned port, clients, holders;
	double seconds, warmup;
	int pid;
	int gate;
};

#define PATIENCE_NS 10000000000u

static const struct option long_options[] = {
	{"port", required_argument, NULL, 'p'},
	{"workload", required_argument, NULL, 'w'},
	{"clients", required_argument, NULL, 'c'},
	{"holders", required_argument, NULL, 'h'},
	{"seconds", required_argument, NULL, 's'},
	{"warmup", required_argument, NULL, 'u'},
	{"pid", required_argument, NULL, 'P'},
	{"user", required_argument, NULL, 'U'},
	{"database", required_argument, NULL, 'd'},
	{"tls", required_argument, NULL, 't'},
	{"password", required_argument, NULL, 'S'},
	{"gate", no_argument, NULL, 'g'},
	{"tls-library", no_argument, NULL, 'l'},
	{NULL, 0, NULL, 0},
};

static struct options read_options(int argc, char **argv)
{
	struct options options = {
		.workload = "simple",
		.user = "bench",
		.database = "bench",
		.clients = 16,
		.holders = 8,
		.seconds = 2,
		.warmup = 0.3,
	};
	int option;

	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		switch (option) {
		case 'p':
			options.port = (unsigned)atoi(optarg);
			break;
		case 'w':
			options.workload = optarg;
			break;
		case 'c':
			options.clients = (unsigned)atoi(optarg);
			break;
		case 'h':
			options.holders = (unsigned)atoi(optarg);
			break;
		case 's':
			options.seconds = atof(optarg);
			break;
		case 'u':
			options.warmup = atof(optarg);
			break;
		case 'P':
			options.pid = atoi(optarg);
			break;
		case 'U':
			options.user = optarg;
			break;
		case 'd':
			options.database = optarg;
			break;
		case 't':
			channel_secure(strcmp(optarg, "full") == 0 ? SECURITY_FULL :
								     SECURITY_RESUMED);
			break;
		case 'S':
			scram_set_password(optarg);
			break;
		case 'g':
			options.gate = 1;
			break;
		case 'l':
			puts(channel_library());
			exit(0);
		default:
			exit(2);
		}
	}
	if (options.port == 0 || options.clients == 0)
		die("--port and --clients are needed");
	return options;
}

static uint64_t after(double seconds)
{
	return now_ns() + (uint64_t)(seconds * 1e9);
}

static void poll_until(struct crowd *crowd, uint64_t deadline_ns)
{
	for (uint64_t now; (now = now_ns()) < deadline_ns;)
		crowd_poll(crowd, (int)((deadline_ns - now) / 1000000) + 1);
}

/* Waits until `*counter` and the lost clients together have reached `goal`. */
static void poll_for(struct crowd *crowd, const unsigned *counter, unsigned goal, double seconds)
{
	uint64_t deadline = after(seconds);

	while (*counter + crowd->lost < goal && now_ns() < deadline)
		crowd_poll(crowd, 100);
}

static void connect_all(struct crowd *crowd, unsigned first, unsigned count)
{
	crowd_connect(crowd, first, count);
	poll_for(crowd, &crowd->logged_in, first + count, LOGIN_SECONDS);
}

static void wait_at_gate(const struct options *options, const char *word)
{
	char line[64];

	if (!options->gate)
		return;
	puts(word);
	fflush(stdout);
	if (fgets(line, sizeof(line), stdin) == NULL)
		exit(1);
}

static void usage_or_die(const struct options *options, struct usage *usage)
{
	if (!process_usage(options->pid, usage))
		die("process %d has ended", options->pid);
}

static void report_shares(const struct crowd *crowd)
{
	uint64_t least = UINT64_MAX, most = 0;

	for (unsigned i = 0; i < crowd->count; i++) {
		uint64_t own = crowd->clients[i].transactions;
		least = own < least ? own : least;
		most = own > most ? own : most;
	}
	printf(" client_min=%lu client_avg=%.1f client_max=%lu", least,
	       (double)crowd->transactions / crowd->count, most);
}

static void report_latency(const struct histogram *latency)
{
	static const struct {
		const char *name;
		double share;
	} points[] = {
		{"p50_us", 0.5},
		{"p99_us", 0.99},
		{"p999_us", 0.999},
	};

	for (unsigned i = 0; i < sizeof(points) / sizeof(points[0]); i++)
		printf(" %s=%.1f", points[i].name,
		       (double)histogram_percentile(latency, points[i].share) / 1e3);
	printf(" max_us=%.1f", (double)latency->largest / 1e3);
}

static void report_usage(const struct usage *begin, const struct usage *end, double seconds,
			 double transactions)
{
	double cpu_us = (double)(end->cpu_ns - begin->cpu_ns) / 1e3;
	double user_ms = (double)(end->user_ms - begin->user_ms);
	double system_ms = (double)(end->system_ms - begin->system_ms);
	double user_share = user_ms + system_ms > 0 ? user_ms / (user_ms + system_ms) : 0;

	printf(" cpu_us=%.3f user_us=%.3f system_us=%.3f busy=%.3f", cpu_us / transactions,
	       cpu_us / transactions * user_share, cpu_us / transactions * (1 - user_share),
	       cpu_us / 1e6 / seconds);
}

static void throughput(const struct options *options, struct crowd *crowd)
{
	struct usage begin, end;

	if (!crowd->script->reconnects) {
		connect_all(crowd, 0, crowd->count);
		if (crowd->logged_in < crowd->count)
			die("%u of %u clients could not log in", crowd->count - crowd->logged_in,
			    crowd->count);
	}
	wait_at_gate(options, "ready");
	crowd_run(crowd);
	poll_until(crowd, after(options->warmup));

	crowd_reset(crowd);
	usage_or_die(options, &begin);
	uint64_t started = now_ns();
	poll_until(crowd, after(options->seconds));
	/* On a machine that hardly gets to it, one transaction may take longer than a sample. */
	while (crowd->transactions == 0 && now_ns() - started < PATIENCE_NS)
		poll_until(crowd, after(options->seconds));
	usage_or_die(options, &end);
	double seconds = (double)(now_ns() - started) / 1e9;

	if (crowd->transactions == 0)
		die("no transaction within %.1f s", seconds);
	wait_at_gate(options, "done");
	printf("workload=%s clients=%u transactions=%lu seconds=%.3f tps=%.1f mb_s=%.2f",
	       options->workload, crowd->count, crowd->transactions, seconds,
	       (double)crowd->transactions / seconds, (double)crowd->bytes / 1e6 / seconds);
	report_latency(&crowd->latency);
	report_usage(&begin, &end, seconds, (double)crowd->transactions);
	report_shares(crowd);
	printf(" resumed=%.3f", (double)channel_resumed() / (double)crowd->connections);
	printf(" rss_bytes=%lu\n", process_resident_bytes(options->pid));
}

static double per_client(uint64_t before, uint64_t later, unsigned clients)
{
	return ((double)later - (double)before) / clients;
}

/* Everyone connects at once and stays; at last each asks once, to see that all are alive. */
static void idle(const struct options *options, struct crowd *crowd)
{
	uint64_t before = process_resident_bytes(options->pid);
	uint64_t started = now_ns();

	connect_all(crowd, 0, crowd->count);
	double connect_seconds = (double)(now_ns() - started) / 1e9;
	unsigned refused = crowd->count - crowd->logged_in;
	poll_until(crowd, after(options->seconds));
	uint64_t rested = process_resident_bytes(options->pid);

	for (unsigned i = 0; i < crowd->count; i++)
		if (crowd->clients[i].channel.is_open && crowd->clients[i].phase == CLIENT_WORKS)
			crowd_ask(crowd, i, &crowd->script->steps[0]);
	poll_for(crowd, &crowd->answered, crowd->count, LOGIN_SECONDS);
	poll_until(crowd, after(options->seconds));
	uint64_t used = process_resident_bytes(options->pid);

	printf("workload=idle clients=%u connect_seconds=%.3f refused=%u answered=%u "
	       "rss_before_bytes=%lu rss_bytes=%lu client_bytes=%.0f client_after_use_bytes=%.0f\n",
	       crowd->count, connect_seconds, refused, crowd->answered, before, rested,
	       per_client(before, rested, crowd->count), per_client(before, used, crowd->count));
}

/* Everyone takes one step of the script, and is answered. */
static void step(struct crowd *crowd, const struct exchange *exchange)
{
	crowd->answered = 0;
	for (unsigned i = 0; i < crowd->count; i++)
		crowd_ask(crowd, i, exchange);
	poll_for(crowd, &crowd->answered, crowd->count, LOGIN_SECONDS);
	if (crowd->answered < crowd->count)
		die("%u clients were not answered", crowd->count - crowd->answered);
}

/* What it takes to remember the statements of everyone, who has asked something before. */
static void statements(const struct options *options, struct crowd *crowd)
{
	connect_all(crowd, 0, crowd->count);
	step(crowd, &crowd->script->steps[0]);
	poll_until(crowd, after(options->seconds));
	uint64_t before = process_resident_bytes(options->pid);

	step(crowd, &crowd->script->steps[1]);
	step(crowd, &crowd->script->steps[2]);
	poll_until(crowd, after(options->seconds));
	uint64_t later = process_resident_bytes(options->pid);
	printf("workload=statements clients=%u rss_before_bytes=%lu rss_bytes=%lu client_bytes=%.0f\n",
	       crowd->count, before, later, per_client(before, later, crowd->count));
}

/* The last of the crowd hold all server connections, the others ask and have to wait. */
static void waiting(const struct options *options, struct crowd *crowd)
{
	const struct exchange *steps = crowd->script->steps;
	unsigned waiters = options->clients, all = crowd->count;

	uint64_t before = process_resident_bytes(options->pid);
	connect_all(crowd, 0, all);
	if (crowd->logged_in < all)
		die("%u of %u clients could not log in", all - crowd->logged_in, all);
	for (unsigned i = waiters; i < all; i++)
		crowd_ask(crowd, i, &steps[0]);
	poll_for(crowd, &crowd->answered, options->holders, LOGIN_SECONDS);

	for (unsigned i = 0; i < waiters; i++)
		crowd_ask(crowd, i, &steps[1]);
	poll_until(crowd, after(options->seconds));
	uint64_t later = process_resident_bytes(options->pid);
	if (crowd->answered != options->holders)
		die("%u answers while all servers were held", crowd->answered - options->holders);

	uint64_t released = now_ns();
	for (unsigned i = waiters; i < all; i++)
		crowd_ask(crowd, i, &steps[2]);
	poll_for(crowd, &crowd->answered, options->holders + all, LOGIN_SECONDS);
	double drain_seconds = (double)(now_ns() - released) / 1e9;
	if (crowd->answered < options->holders + all)
		die("%u clients were never answered", options->holders + all - crowd->answered);
	printf("workload=waiting clients=%u drain_seconds=%.3f rss_before_bytes=%lu rss_bytes=%lu "
	       "client_bytes=%.0f\n",
	       waiters, drain_seconds, before, later, per_client(before, later, waiters));
}

static void raise_descriptor_limit(unsigned clients)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	if (limit.rlim_max < clients + 16)
		die("the descriptor limit of %lu is too low for %u clients", limit.rlim_max,
		    clients);
	setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv)
{
	struct options options = read_options(argc, argv);
	const struct script *script = script_make(options.workload, options.user, options.database);
	bool is_waiting = strcmp(options.workload, "waiting") == 0;
	struct crowd crowd;

	if (script == NULL)
		die("no workload %s", options.workload);
	raise_descriptor_limit(options.clients);
	crowd_init(&crowd, script, options.port,
		   options.clients + (is_waiting ? options.holders : 0));
	if (is_waiting)
		waiting(&options, &crowd);
	else if (strcmp(options.workload, "idle") == 0)
		idle(&options, &crowd);
	else if (strcmp(options.workload, "statements") == 0)
		statements(&options, &crowd);
	else
		throughput(&options, &crowd);
	crowd_release(&crowd);
	channel_release();
	return 0;
}
