#include "daemon/daemon.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/rand.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "daemon/client_tls.h"
#include "daemon/dial.h"
#include "daemon/notify.h"
#include "daemon/resolve.h"
#include "daemon/runtime/coroutine.h"
#include "daemon/session.h"

/* Housekeeping acts within a third of a second. */
#define TICK_US 250000
/* Descriptors for everything but clients and servers: files, the resolver, those turned away. */
#define DESCRIPTORS_KEPT 48
/* How long an immediate end may take to tell everyone. */
#define END_LIMIT_US INT64_C(1000000)

/* --- commands ----------------------------------------------------------------------------- */

static void log_change(void *context, const char *line)
{
	struct daemon *daemon = context;
	log_write(&daemon->log, LEVEL_LOG, NULL, "%s", line);
}

static void log_faults(struct daemon *daemon, const struct fault_list *faults,
		       enum log_level level)
{
	char line[16] = "";

	for (size_t i = 0; i < faults->count; i++) {
		const struct fault *fault = &faults->faults[i];
		if (fault->line > 0)
			snprintf(line, sizeof line, ":%d", fault->line);
		log_write(&daemon->log, level, NULL, "%s%s: %s", fault->file, line, fault->text);
		line[0] = '\0';
	}
}

static void adopt(struct daemon *daemon, struct settings *settings)
{
	settings_drop(daemon->settings);
	daemon->settings = settings;
	settings_drop(daemon->worker.settings);
	daemon->worker.settings = settings_hold(settings);
	pools_adopt(&daemon->pools, settings, loop_now());
}

/* What can still go wrong with settings whose text is good; they are dropped then. */
static bool prepare(struct daemon *daemon, struct settings *settings, struct fault_list *faults)
{
	if (!client_tls_prepare(settings, faults)) {
		settings_drop(settings);
		return false;
	}
	if (!log_configure(&daemon->log, settings, daemon->verbose, daemon->quiet)) {
		fault_add(faults, settings->logfile, 0, "cannot be opened: %s", strerror(errno));
		settings_drop(settings);
		return false;
	}
	return true;
}

bool daemon_reload(struct daemon *daemon)
{
	struct fault_list faults;

	log_write(&daemon->log, LEVEL_LOG, NULL, "reloading %s", daemon->settings->path);
	notify_reloading();
	fault_list_init(&faults);
	struct settings *settings =
		settings_reload(daemon->settings, &faults, log_change, daemon);
	bool good = settings != NULL && prepare(daemon, settings, &faults);
	if (good)
		adopt(daemon, settings);
	else
		log_write(&daemon->log, LEVEL_ERROR, NULL,
			  "RELOAD failed, the old settings stay in force");
	log_faults(daemon, good ? &settings->notes : &faults, good ? LEVEL_WARNING : LEVEL_ERROR);
	fault_list_release(&faults);
	notify_ready();
	return good;
}

bool daemon_set(struct daemon *daemon, const char *name, const char *value, struct failure *why)
{
	struct fault_list faults;

	fault_list_init(&faults);
	struct settings *settings = settings_change(daemon->settings, name, value, &faults);
	bool good = settings != NULL && prepare(daemon, settings, &faults);
	if (good) {
		settings_describe_changes(daemon->settings, settings, log_change, daemon);
		adopt(daemon, settings);
	} else {
		log_faults(daemon, &faults, LEVEL_ERROR);
		failure_set(why, FAILURE_CONSOLE_ERROR, "SET failed");
		failure_detail(why, "%.180s", faults.count > 0 ? faults.faults[0].text : "");
	}
	fault_list_release(&faults);
	return good;
}

void daemon_pause(struct daemon *daemon)
{
	daemon->paused = daemon->pools.paused = true;
	for (struct pool *pool = daemon->pools.first; pool != NULL; pool = pool->next)
		pool_pause(pool, loop_now());
}

void daemon_resume(struct daemon *daemon)
{
	daemon->paused = daemon->pools.paused = false;
	for (struct pool *pool = daemon->pools.first; pool != NULL; pool = pool->next)
		pool_resume(pool, loop_now());
}

static void kill_sessions(struct daemon *daemon, enum failure_kind reason)
{
	for (struct session *session = daemon->worker.sessions; session != NULL;
	     session = session->next)
		session_kill(session, reason);
}

void daemon_shut_down(struct daemon *daemon)
{
	if (daemon->state == DAEMON_ENDING)
		return;
	log_write(&daemon->log, LEVEL_LOG, NULL, "shutting down");
	notify_stopping();
	daemon->state = DAEMON_ENDING;
	daemon->ends_by = loop_now() + END_LIMIT_US;
	daemon->worker.closing = daemon->worker.ending = true;
	listeners_close(&daemon->listeners);
	pools_stop(&daemon->pools, loop_now());
	dial_cancel_all(&daemon->worker);
	kill_sessions(daemon, FAILURE_SHUTTING_DOWN);
	event_active(daemon->tick, EV_TIMEOUT, 0);
}

void daemon_shut_down_gently(struct daemon *daemon, enum daemon_state waiting_for)
{
	if (daemon->state == DAEMON_ENDING)
		return;
	notify_stopping();
	daemon->state = waiting_for;
	daemon->worker.closing = true;
	listeners_close_tcp(&daemon->listeners);
	if (waiting_for == DAEMON_WAITING_FOR_SERVERS)
		pools_stop(&daemon->pools, loop_now());
	event_active(daemon->tick, EV_TIMEOUT, 0);
}

/* --- now and then ------------------------------------------------------------------------- */

/* What an ending process still waits for. */
static bool is_deserted(const struct daemon *daemon)
{
	return daemon->worker.session_count == 0 && daemon->worker.loop.running_count == 0 &&
	       pools_server_count(&daemon->pools) == 0;
}

static void look_for_the_end(struct daemon *daemon)
{
	if (daemon->state == DAEMON_WAITING_FOR_SERVERS && pools_server_count(&daemon->pools) == 0)
		daemon_shut_down(daemon);
	if (daemon->state == DAEMON_WAITING_FOR_CLIENTS && daemon->worker.client_count == 0)
		daemon_shut_down(daemon);
	if (daemon->state == DAEMON_ENDING &&
	    (is_deserted(daemon) || loop_now() >= daemon->ends_by))
		loop_stop(&daemon->worker.loop);
}

/* One line, in the words of PgBouncer, for the log and for systemctl status. */
static void report_statistics(struct daemon *daemon, int64_t elapsed_us)
{
	struct stats sum = {0};
	struct stats average;
	char line[512];

	for (struct pool *pool = daemon->pools.first; pool != NULL; pool = pool->next)
		stats_add(&sum, &pool->stats);
	stats_average(&average, &daemon->period_start, &sum, elapsed_us);
	daemon->period_start = sum;
	snprintf(line, sizeof line,
		 "stats: %" PRIu64 " xacts/s, %" PRIu64 " queries/s, %" PRIu64
		 " client parses/s, %" PRIu64 " server parses/s, %" PRIu64 " binds/s, %" PRIu64
		 " client logins/s, in %" PRIu64 " B/s, out %" PRIu64 " B/s, xact %" PRIu64
		 " us, query %" PRIu64 " us, wait %" PRIu64 " us",
		 average.xact_count, average.query_count, average.client_parse_count,
		 average.server_parse_count, average.bind_count, average.client_login_count,
		 average.received, average.sent, average.xact_time, average.query_time,
		 average.wait_time);
	if (daemon->settings->log_stats)
		log_write(&daemon->log, LEVEL_LOG, NULL, "%s", line);
	notify_status(line);
}

static void end_period_if_due(struct daemon *daemon, int64_t now)
{
	int64_t elapsed = now - daemon->period_began_at;

	if (elapsed < daemon->settings->stats_period_us || daemon->settings->stats_period_us <= 0)
		return;
	daemon->period_began_at = now;
	pools_end_period(&daemon->pools, elapsed);
	report_statistics(daemon, elapsed);
}

/* Sessions at rest have no timer; only where there is a limit for them are they looked at. */
static void look_at_sessions(struct daemon *daemon, int64_t now)
{
	if (daemon->settings->client_idle_timeout_us == 0 && daemon->settings->user_count == 0 &&
	    !daemon->worker.has_sleepers && !daemon->settings->server_fast_close)
		return;
	daemon->worker.has_sleepers = false;
	for (struct session *session = daemon->worker.sessions; session != NULL;
	     session = session->next)
		session_tick(session, now);
}

static void tick(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	struct daemon *daemon = arg;
	int64_t now = loop_now();

	callback_begins(&daemon->worker.loop);
	pools_tick(&daemon->pools, now);
	pools_forget_idle_talk(&daemon->pools);
	look_at_sessions(daemon, now);
	dial_again(&daemon->worker);
	end_period_if_due(daemon, now);
	loop_trim(&daemon->worker.loop);
	if (daemon->watchdog_us > 0 && now - daemon->watchdog_at >= daemon->watchdog_us) {
		daemon->watchdog_at = now;
		notify_alive();
	}
	look_for_the_end(daemon);
	callback_ends(&daemon->worker.loop);
}

/* --- signals ------------------------------------------------------------------------------ */

static void on_stop_signal(struct daemon *daemon, int number, enum daemon_state waiting_for)
{
	const char *name = number == SIGTERM ? "SIGTERM" : "SIGINT";

	log_write(&daemon->log, LEVEL_LOG, NULL, "got %s", name);
	if (daemon->state == DAEMON_RUNNING)
		daemon_shut_down_gently(daemon, waiting_for);
	else
		daemon_shut_down(daemon);
}

static void on_resume_signal(struct daemon *daemon)
{
	if (daemon->state != DAEMON_RUNNING) {
		log_write(&daemon->log, LEVEL_LOG, NULL,
			  "got SIGUSR2 while shutting down, ignoring");
		return;
	}
	log_write(&daemon->log, LEVEL_LOG, NULL, "got SIGUSR2, RESUME");
	daemon_resume(daemon);
}

static void on_signal(evutil_socket_t number, short what, void *arg)
{
	(void)what;
	struct daemon *daemon = arg;

	callback_begins(&daemon->worker.loop);
	switch (number) {
	case SIGTERM:
		on_stop_signal(daemon, SIGTERM, DAEMON_WAITING_FOR_CLIENTS);
		break;
	case SIGINT:
		on_stop_signal(daemon, SIGINT, DAEMON_WAITING_FOR_SERVERS);
		break;
	case SIGQUIT:
		log_write(&daemon->log, LEVEL_LOG, NULL, "got SIGQUIT");
		daemon_shut_down(daemon);
		break;
	case SIGHUP:
		log_write(&daemon->log, LEVEL_LOG, NULL, "got SIGHUP, re-reading config");
		daemon_reload(daemon);
		break;
	case SIGUSR1:
		log_write(&daemon->log, LEVEL_LOG, NULL, "got SIGUSR1, PAUSE");
		daemon_pause(daemon);
		break;
	default:
		on_resume_signal(daemon);
	}
	callback_ends(&daemon->worker.loop);
}

static bool watch_signals(struct daemon *daemon)
{
	static const int numbers[] = {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2};

	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		daemon->signals[i] =
			evsignal_new(daemon->worker.loop.base, numbers[i], on_signal, daemon);
		if (daemon->signals[i] == NULL || event_add(daemon->signals[i], NULL) != 0)
			return false;
	}
	return true;
}

/* --- beginning and end -------------------------------------------------------------------- */

/* As many descriptors as the hard limit allows; how many clients that is good for. */
static size_t raise_descriptor_limit(struct daemon *daemon)
{
	struct rlimit limit = {0};

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	getrlimit(RLIMIT_NOFILE, &limit);
	size_t clients = limit.rlim_cur > DESCRIPTORS_KEPT ? limit.rlim_cur - DESCRIPTORS_KEPT : 1;
	log_write(&daemon->log, LEVEL_LOG, NULL,
		  "file descriptor limit: %llu, good for %zu clients and servers; max_client_conn: %d",
		  (unsigned long long)limit.rlim_cur, clients, daemon->settings->max_client_conn);
	if (clients < (size_t)daemon->settings->max_client_conn)
		log_write(&daemon->log, LEVEL_WARNING, NULL,
			  "max_client_conn is more than the file descriptor limit allows "
			  "(raise LimitNOFILE)");
	return clients;
}

static bool worker_init(struct worker *worker, struct daemon *daemon)
{
	*worker = (struct worker){
		.daemon = daemon,
		.log = &daemon->log,
		.offload = &daemon->offload,
		.keyring = &daemon->keyring,
		.pools = &daemon->pools,
		.settings = settings_hold(daemon->settings),
	};
	if (!loop_init(&worker->loop))
		return false;
	worker->resolver = resolver_new(&worker->loop, daemon->settings->resolv_conf);
	worker->session_limit = raise_descriptor_limit(daemon);
	return worker->resolver != NULL;
}

static void worker_release(struct worker *worker)
{
	cancel_keys_release(&worker->cancel_keys);
	resolver_free(worker->resolver);
	coroutine_free_spares(&worker->loop);
	writer_release(&worker->requests);
	writer_release(&worker->replies);
	if (worker->loop.deepest_bytes > 0) /* known in debug builds */
		log_write(worker->log, LEVEL_LOG, NULL, "deepest stack: %zu bytes",
			  worker->loop.deepest_bytes);
	loop_release(&worker->loop);
	settings_drop(worker->settings);
}

bool daemon_init(struct daemon *daemon, struct settings *settings, int verbose, bool quiet)
{
	static const struct timeval period = {.tv_usec = TICK_US};
	uint64_t seed = 0;

	*daemon = (struct daemon){.settings = settings, .verbose = verbose, .quiet = quiet};
	log_init(&daemon->log, verbose);
	if (!log_configure(&daemon->log, settings, verbose, quiet)) {
		log_write(&daemon->log, LEVEL_FATAL, NULL, "cannot open log file %s: %s",
			  settings->logfile, strerror(errno));
		return false;
	}
	RAND_bytes((unsigned char *)&seed, sizeof seed);
	offload_init(&daemon->offload);
	quotas_init(&daemon->quotas);
	if (!keyring_init(&daemon->keyring) ||
	    !worker_init(&daemon->worker, daemon) ||
	    !pools_init(&daemon->pools, settings, &dial_calls, &daemon->worker, seed) ||
	    !watch_signals(daemon)) {
		log_write(&daemon->log, LEVEL_FATAL, NULL, "cannot start: %s", strerror(errno));
		return false;
	}
	daemon->tick = event_new(daemon->worker.loop.base, -1, EV_PERSIST, tick, daemon);
	daemon->watchdog_us = notify_watchdog_us();
	daemon->period_began_at = loop_now();
	return daemon->tick != NULL && event_add(daemon->tick, &period) == 0;
}

bool daemon_listen(struct daemon *daemon)
{
	return listeners_open(&daemon->listeners, &daemon->worker);
}

bool daemon_run(struct daemon *daemon)
{
	log_faults(daemon, &daemon->settings->notes, LEVEL_WARNING);
	pools_adopt(&daemon->pools, daemon->settings, loop_now());
	notify_ready();
	loop_run(&daemon->worker.loop);
	return is_deserted(daemon);
}

void daemon_release(struct daemon *daemon)
{
	for (size_t i = 0; i < sizeof daemon->signals / sizeof *daemon->signals; i++)
		if (daemon->signals[i] != NULL)
			event_free(daemon->signals[i]);
	event_free(daemon->tick);
	offload_release(&daemon->offload);
	keyring_release(&daemon->keyring);
	quotas_release(&daemon->quotas);
	pools_release(&daemon->pools);
	worker_release(&daemon->worker);
	log_release(&daemon->log);
	settings_drop(daemon->settings);
}
