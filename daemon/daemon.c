#include "daemon/daemon.h"

#include <errno.h>
#include <event2/thread.h>
#include <inttypes.h>
#include <openssl/rand.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "conf/array.h"
#include "daemon/balance.h"
#include "daemon/console/console_stats.h"
#include "daemon/login/auth_query.h"
#include "daemon/login/prepare_keys.h"
#include "daemon/notify.h"
#include "daemon/processors.h"
#include "daemon/reload.h"
#include "daemon/runtime/coroutine.h"
#include "daemon/server/dial.h"

/* Descriptors for everything but clients and servers: files, the resolver, those turned away. */
#define DESCRIPTORS_KEPT 48
#define KEPT_FOR_EACH_WORKER 4
/* ... of which clients on the Unix socket may have so many, and so many those who come when there are none
 * left: with cancel requests, as admins, or to be told so. */
#define KEPT_FOR_UNIX 16
#define KEPT_IN_RESERVE 16
/* This part of the others, up to so many, is not for clients, or whoever comes in crowds would leave no
 * server. */
#define PART_FOR_SERVERS 8
#define KEPT_FOR_SERVERS 128
/* How long an immediate end may take to tell everyone. */
#define END_LIMIT_US INT64_C(1000000)

/* --- the end ------------------------------------------------------------------------------ */

static void order_all(struct daemon *daemon, enum worker_order order)
{
	for (unsigned i = 0; i < daemon->worker_count; i++)
		worker_give_order(&daemon->workers[i], order);
}

void daemon_shut_down(struct daemon *daemon)
{
	static const struct timeval last_ticks = {.tv_usec = LAST_TICKS_US};

	if (daemon->state == DAEMON_ENDING)
		return;
	log_write(&daemon->log, LEVEL_LOG, "shutting down");
	notify_stopping();
	daemon->state = DAEMON_ENDING;
	daemon->ends_by = loop_now() + END_LIMIT_US;
	suspend_end(daemon);
	listeners_close(&daemon->listeners);
	pools_stop(&daemon->pools, loop_now());
	order_all(daemon, WORKER_END);
	event_add(daemon->tick, &last_ticks);
}

void daemon_shut_down_gently(struct daemon *daemon, enum daemon_state waiting_for)
{
	if (daemon->state == DAEMON_ENDING)
		return;
	notify_stopping();
	daemon->state = (int)waiting_for;
	suspend_end(daemon); /* nobody could do it any more */
	order_all(daemon, WORKER_CLOSE);
	listeners_close_tcp(&daemon->listeners);
	if (waiting_for == DAEMON_WAITING_FOR_SERVERS)
		pools_stop(&daemon->pools, loop_now());
	event_active(daemon->tick, EV_TIMEOUT, 0);
}

/* --- now and then ------------------------------------------------------------------------- */

/* What an ending process still waits for. */
static bool is_deserted(struct daemon *daemon)
{
	for (unsigned i = 0; i < daemon->worker_count; i++)
		if (!worker_is_deserted(&daemon->workers[i]))
			return false;
	return pools_server_count(&daemon->pools) == 0;
}

static void look_for_the_end(struct daemon *daemon)
{
	if (daemon->state == DAEMON_WAITING_FOR_SERVERS && pools_server_count(&daemon->pools) == 0)
		daemon_shut_down(daemon);
	if (daemon->state == DAEMON_WAITING_FOR_CLIENTS && daemon->client_count == 0)
		daemon_shut_down(daemon);
	if (daemon->state == DAEMON_ENDING &&
	    (is_deserted(daemon) || loop_now() >= daemon->ends_by))
		loop_stop(&daemon->workers->loop);
}

/* In the words of PgBouncer; `unit` is that of the times. */
static void print_statistics(const struct stats *average, const char *unit, char *line, size_t bytes)
{
	snprintf(line, bytes,
		 "stats: %" PRIu64 " xacts/s, %" PRIu64 " queries/s, %" PRIu64
		 " client parses/s, %" PRIu64 " server parses/s, %" PRIu64 " binds/s, %" PRIu64
		 " client logins/s, in %" PRIu64 " B/s, out %" PRIu64 " B/s, xact %" PRIu64
		 " %s, query %" PRIu64 " %s, wait %" PRIu64 " %s",
		 average->xact_count, average->query_count, average->client_parse_count,
		 average->server_parse_count, average->bind_count, average->client_login_count,
		 average->received, average->sent, average->xact_time, unit, average->query_time,
		 unit, average->wait_time, unit);
}

/* One line for the log, and, with a micro sign, for systemctl status. */
static void report_statistics(struct daemon *daemon, int64_t elapsed_us)
{
	struct stats sum;
	struct stats average;
	char line[512];
	char status[512];

	pools_stats(&daemon->pools, &sum);
	stats_average(&average, &daemon->period_start, &sum, elapsed_us);
	daemon->period_start = sum;
	print_statistics(&average, "us", line, sizeof line);
	print_statistics(&average, "\u00b5s", status, sizeof status);
	if (daemon->settings->log_stats)
		log_write(&daemon->log, LEVEL_LOG, "%s", line);
	notify_status(status);
}

static void end_period_if_due(struct daemon *daemon, int64_t now)
{
	int64_t elapsed = now - daemon->pools.periods.began_at;

	if (elapsed < daemon->settings->stats_period_us || daemon->settings->stats_period_us <= 0)
		return;
	pools_end_period(&daemon->pools, now);
	console_stats_end_period(daemon);
	report_statistics(daemon, elapsed);
}

/* systemd hears of a hung worker by hearing nothing. */
static void give_sign_of_life(struct daemon *daemon, int64_t now)
{
	if (daemon->watchdog_us <= 0 || now - daemon->watchdog_at < daemon->watchdog_us ||
	    watchdog_sees_stalled(&daemon->watchdog))
		return;
	daemon->watchdog_at = now;
	notify_alive();
}

static void tick(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	struct daemon *daemon = arg;
	int64_t now = loop_now();

	worker_does(daemon->workers, "housekeeping of the pools", 0);
	suspend_tick(daemon);
	listeners_resume(&daemon->listeners);
	if (daemon->suspension == NOT_SUSPENDED)
		pools_tick(&daemon->pools, now);
	for (size_t forgotten = pools_forget_idle(&daemon->pools, now); forgotten > 0; forgotten--)
		log_write(&daemon->log, LEVEL_LOG, "cleaning up idle pool");
	end_period_if_due(daemon, now);
	balance_measure(daemon->workers);
	dns_tick(daemon, now);
	auth_cache_wipe_stale(&daemon->auth_cache, auth_query_fresh_since(daemon->settings));
	give_sign_of_life(daemon, now);
	look_for_the_end(daemon);
}

/* --- signals ------------------------------------------------------------------------------ */

static void on_stop_signal(struct daemon *daemon, int number, enum daemon_state waiting_for)
{
	const char *name = number == SIGTERM ? "SIGTERM" : "SIGINT";

	log_write(&daemon->log, LEVEL_LOG, "got %s", name);
	if (daemon->state == DAEMON_RUNNING)
		daemon_shut_down_gently(daemon, waiting_for);
	else
		daemon_shut_down(daemon);
}

static void on_resume_signal(struct daemon *daemon)
{
	if (daemon->state != DAEMON_RUNNING) {
		log_write(&daemon->log, LEVEL_LOG, "got SIGUSR2 while shutting down, ignoring");
		return;
	}
	log_write(&daemon->log, LEVEL_LOG, "got SIGUSR2, RESUME");
	suspend_end(daemon);
	pools_resume(&daemon->pools, NULL, loop_now());
}

static void reload_main(void *arg)
{
	await_reload(arg);
}

static void on_hangup(struct daemon *daemon)
{
	if (daemon->state == DAEMON_ENDING) {
		log_write(&daemon->log, LEVEL_LOG, "got SIGHUP while shutting down, ignoring");
		return;
	}
	log_write(&daemon->log, LEVEL_LOG, "got SIGHUP, re-reading config");
	if (coroutine_start(&daemon->workers->loop, reload_main, daemon) == NULL)
		log_write(&daemon->log, LEVEL_ERROR, "RELOAD failed: out of memory");
}

static void on_signal(evutil_socket_t number, short what, void *arg)
{
	(void)what;
	struct daemon *daemon = arg;

	switch (number) {
	case SIGTERM:
		on_stop_signal(daemon, SIGTERM, DAEMON_WAITING_FOR_CLIENTS);
		break;
	case SIGINT:
		on_stop_signal(daemon, SIGINT, DAEMON_WAITING_FOR_SERVERS);
		break;
	case SIGQUIT:
		log_write(&daemon->log, LEVEL_LOG, "got SIGQUIT");
		daemon_shut_down(daemon);
		break;
	case SIGHUP:
		on_hangup(daemon);
		break;
	case SIGUSR1:
		log_write(&daemon->log, LEVEL_LOG, "got SIGUSR1, PAUSE");
		pools_pause(&daemon->pools, NULL, loop_now());
		break;
	default:
		on_resume_signal(daemon);
	}
}

static bool watch_signals(struct daemon *daemon)
{
	static const int numbers[] = {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2};

	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a log as large as it may be is no reason to end */
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		daemon->signals[i] =
			evsignal_new(daemon->workers->loop.base, numbers[i], on_signal, daemon);
		if (daemon->signals[i] == NULL || event_add(daemon->signals[i], NULL) != 0)
			return false;
	}
	return true;
}

/* --- beginning and end -------------------------------------------------------------------- */

static size_t kept_for_servers(size_t limit)
{
	size_t part = limit / PART_FOR_SERVERS;

	return part < KEPT_FOR_SERVERS ? part : KEPT_FOR_SERVERS;
}

/* As many descriptors as the hard limit allows; how many clients that is good for. */
static size_t raise_descriptor_limit(struct daemon *daemon)
{
	struct rlimit limit = {0};

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	getrlimit(RLIMIT_NOFILE, &limit);
	size_t kept = DESCRIPTORS_KEPT + KEPT_FOR_EACH_WORKER * daemon->worker_count;
	size_t clients = limit.rlim_cur > kept ? limit.rlim_cur - kept : 1;
	log_write(&daemon->log, LEVEL_LOG,
		  "file descriptor limit: %llu, good for %zu clients and servers; max_client_conn: %d",
		  (unsigned long long)limit.rlim_cur, clients, daemon->settings->max_client_conn);
	if (clients - kept_for_servers(clients) < (size_t)daemon->settings->max_client_conn)
		log_write(&daemon->log, LEVEL_WARNING,
			  "max_client_conn is more than the file descriptor limit allows "
			  "(raise LimitNOFILE)");
	return clients;
}

bool daemon_has_descriptors(struct daemon *daemon, bool is_unix)
{
	size_t servers = pools_server_count(&daemon->pools);
	size_t kept = kept_for_servers(daemon->session_limit);
	size_t more = is_unix ? KEPT_FOR_UNIX : 0;
	size_t sessions = worker_total_sessions(daemon->workers);

	return sessions + (servers > kept ? servers : kept) <
	       daemon->session_limit + more + daemon->reserve_count;
}

bool daemon_has_reserve(struct daemon *daemon)
{
	return daemon->reserve_count < KEPT_IN_RESERVE;
}

static bool make_workers(struct daemon *daemon)
{
	daemon->worker_count = daemon->settings->workers > 0 ? (unsigned)daemon->settings->workers :
							       processors_available();
	daemon->workers = aligned_alloc(64, daemon->worker_count * sizeof *daemon->workers);
	if (daemon->workers == NULL)
		return false;
	for (unsigned i = 0; i < daemon->worker_count; i++) {
		struct worker *worker = &daemon->workers[i];
		memset(worker, 0, sizeof *worker);
		worker->index = i;
		worker->all = daemon->workers;
		worker->count = daemon->worker_count;
		worker->daemon = daemon;
		worker->log = &daemon->log;
		worker->helpers = &daemon->helpers;
		worker->pools = &daemon->pools;
		worker->cancel_keys = &daemon->cancel_keys;
		worker->keyring = &daemon->keyring;
		worker->auth_cache = &daemon->auth_cache;
		worker->settings = settings_hold(daemon->settings);
		if (!worker_init(worker))
			return false;
	}
	return true;
}

bool daemon_init(struct daemon *daemon, struct settings *settings, int verbose, bool quiet)
{
	static const struct timeval period = {.tv_usec = BALANCE_PERIOD_US};
	uint64_t seed = 0;

	*daemon = (struct daemon){.settings = settings, .verbose = verbose, .quiet = quiet};
	log_init(&daemon->log, verbose);
	if (!log_configure(&daemon->log, settings, verbose, quiet)) {
		log_write(&daemon->log, LEVEL_FATAL, "cannot open log file %s: %s",
			  settings->logfile, strerror(errno));
		return false;
	}
	RAND_bytes((unsigned char *)&seed, sizeof seed);
	evthread_use_pthreads(); /* the resolvers share a source of random numbers */
	helpers_init(&daemon->helpers);
	auth_cache_init(&daemon->auth_cache);
	quotas_init(&daemon->quotas);
	cancel_keys_init(&daemon->cancel_keys);
	dns_init(&daemon->dns);
	if (!keyring_init(&daemon->keyring) || !make_workers(daemon) ||
	    !pools_init(&daemon->pools, settings, daemon->worker_count, &dial_calls,
			daemon->workers, seed) ||
	    !watch_signals(daemon)) {
		log_write(&daemon->log, LEVEL_FATAL, "cannot start: %s", strerror(errno));
		return false;
	}
	daemon->session_limit = raise_descriptor_limit(daemon);
	daemon->tick = event_new(daemon->workers->loop.base, -1, EV_PERSIST, tick, daemon);
	daemon->watchdog_us = notify_watchdog_us();
	stats_periods_init(&daemon->pools.periods, loop_now());
	return daemon->tick != NULL && event_add(daemon->tick, &period) == 0;
}

bool daemon_listen(struct daemon *daemon)
{
	return listeners_open(&daemon->listeners, daemon->workers);
}

bool daemon_start(struct daemon *daemon)
{
	for (unsigned i = 0; i < daemon->worker_count; i++)
		if (!worker_start(&daemon->workers[i])) {
			log_write(&daemon->log, LEVEL_FATAL,
				  "cannot start the thread of worker %u of %u: %s (see workers)", i,
				  daemon->worker_count, strerror(errno));
			return false;
		}
	if (!watchdog_start(&daemon->watchdog, daemon->workers)) {
		log_write(&daemon->log, LEVEL_FATAL, "cannot start the watchdog's thread: %s",
			  strerror(errno));
		return false;
	}
	balance_measure(daemon->workers); /* the first clients may come all at once */
	log_write(&daemon->log, LEVEL_LOG, "%u workers", daemon->worker_count);
	return true;
}

/* One that hangs is left behind. */
static bool join_all(struct daemon *daemon)
{
	struct timespec until;
	bool joined = true;

	watchdog_stop(&daemon->watchdog);
	order_all(daemon, WORKER_STOP);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 1;
	for (unsigned i = 1; i < daemon->worker_count; i++)
		joined &= pthread_timedjoin_np(daemon->workers[i].thread, NULL, &until) == 0;
	for (unsigned i = 0; joined && i < daemon->worker_count; i++)
		worker_take_stock(&daemon->workers[i]);
	return joined;
}

bool daemon_run(struct daemon *daemon)
{
	log_faults(&daemon->log, &daemon->settings->notes, LEVEL_WARNING);
	pools_adopt(&daemon->pools, daemon->settings, loop_now());
	prepare_keys(daemon->workers);
	notify_ready();
	loop_run(&daemon->workers->loop);
	return join_all(daemon) && is_deserted(daemon);
}

bool daemon_release(struct daemon *daemon)
{
	for (size_t i = 0; i < ARRAY_SIZE(daemon->signals); i++)
		if (daemon->signals[i] != NULL)
			event_free(daemon->signals[i]);
	event_free(daemon->tick);
	bool helpers_ended = helpers_release(&daemon->helpers);
	keyring_release(&daemon->keyring);
	auth_cache_release(&daemon->auth_cache);
	quotas_release(&daemon->quotas);
	pools_release(&daemon->pools);
	for (unsigned i = 0; i < daemon->worker_count; i++)
		worker_release(&daemon->workers[i]);
	free(daemon->workers);
	cancel_keys_release(&daemon->cancel_keys);
	forwards_release(&daemon->forwards);
	dns_release(&daemon->dns);
	log_release(&daemon->log);
	settings_drop(daemon->settings);
	return helpers_ended;
}
