#include "daemon/reload.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "daemon/daemon.h"
#include "daemon/errand.h"
#include "daemon/login/client_tls.h"
#include "daemon/login/prepare_keys.h"
#include "daemon/login/secret_check.h"
#include "daemon/notify.h"
#include "daemon/runtime/coroutine.h"
#include "daemon/server/server_check.h"
#include "daemon/session.h"

/* One that finds another under way looks again after this. */
#define NEXT_US INT64_C(10000)

/* --- taking over -------------------------------------------------------------------------- */

/* Nobody keeps a database that the file does not have any more. */
static void end_removed(struct worker *worker)
{
	for (struct session *session = worker->sessions; session != NULL; session = session->next)
		if (session->phase == SESSION_LOGGED_IN && session->share->database == NULL)
			session_kill(session, FAILURE_DATABASE_REMOVED);
}

static void adopt_here(struct worker *worker, void *arg)
{
	struct settings *settings = arg;

	settings_drop(worker->settings);
	worker->settings = settings_hold(settings);
	pools_adopt_share(worker->pools, worker->index, settings);
	end_removed(worker);
}

/* The pools go first, since limits hold at once; then each worker in its own thread. After that nobody can close
 * or pause what is removed. */
static void await_adopted(struct daemon *daemon, struct settings *settings)
{
	settings_drop(daemon->settings);
	daemon->settings = settings;
	daemon->watchdog.limit_us = settings->watchdog_us;
	listeners_adopt(&daemon->listeners, settings);
	pools_adopt(&daemon->pools, settings, loop_now());
	auth_cache_expire(&daemon->auth_cache);
	while (!await_everywhere(daemon->workers, adopt_here, settings, 0))
		await_sleep(&daemon->workers->loop, loop_now() + NEXT_US);
	quota_enable_removed(&daemon->quotas, settings);
	pools_resume_removed(&daemon->pools, loop_now());
	prepare_keys(daemon->workers);
}

/* --- making ------------------------------------------------------------------------------- */

/* What reads and opens files, and may block. */
struct change {
	struct daemon *daemon;
	const char *name; /* of the setting to be changed; NULL: the file is read again */
	const char *value;
	struct settings *settings; /* the new ones, or NULL */
	bool keeps_tls; /* what was set cannot be used for TLS, which stays as it was */
	struct fault_list faults;
	struct fault_list differences; /* lines for the log, once all is good */
};

static void note_difference(void *context, const char *line)
{
	struct change *change = context;
	fault_add(&change->differences, "", 0, "%s", line);
}

static void log_differences(const struct change *change)
{
	for (size_t i = 0; i < change->differences.count; i++)
		log_write(&change->daemon->log, LEVEL_LOG, "%s",
			  change->differences.faults[i].text);
}

static bool begins_with(const char *name, const char *beginning)
{
	return strncasecmp(name, beginning, strlen(beginning)) == 0;
}

/* Whether it is a setting of TLS; PgBouncer keeps what it has where it cannot set TLS up anew, and its SET
 * succeeds all the same. */
static bool is_for_tls(const struct settings *settings, const char *name)
{
	struct setting_row row;
	bool is_known = false;

	if (name == NULL || (!begins_with(name, "client_tls") && !begins_with(name, "server_tls")))
		return false;
	for (size_t i = 0; !is_known && settings_row(settings, i, &row); i++)
		is_known = strcasecmp(row.key, name) == 0;
	return is_known;
}

static bool is_mode(const char *name)
{
	return strcasecmp(name, "client_tls_sslmode") == 0 ||
	       strcasecmp(name, "server_tls_sslmode") == 0;
}

/*
 * A key and its certificate can only be set one after the other, and belong together after the second.
 * Until then clients are offered what they were. Of a mode that cannot be had nothing is taken over.
 */
static bool prepare_client_tls(struct change *change, struct settings *settings)
{
	const struct settings *old = change->daemon->settings;
	bool is_about_it = change->name == NULL || begins_with(change->name, "client_tls");

	if (is_about_it && client_tls_prepare(settings, &change->faults))
		return true;
	if (is_about_it && (change->name == NULL || is_mode(change->name)))
		return false;
	client_tls_keep(settings, old);
	change->keeps_tls = is_about_it;
	return true;
}

/* What can still go wrong with settings, which is told together with what is wrong with their text. */
static bool prepare(struct change *change, struct settings *settings)
{
	struct daemon *daemon = change->daemon;
	struct fault_list *faults = &change->faults;

	bool good = faults->count == 0;

	good &= prepare_client_tls(change, settings);
	good &= servers_check(settings, faults);
	secrets_note_broken(settings);
	if (!good) {
		change->keeps_tls = is_for_tls(settings, change->name);
		return false;
	}
	if (log_configure(&daemon->log, settings, daemon->verbose, daemon->quiet))
		return true;
	fault_add(faults, settings->logfile, 0, "cannot be opened: %s", strerror(errno));
	return false;
}

/* Reads the file again. NULL: with all that is wrong with it. */
static struct settings *reread(struct change *change)
{
	struct daemon *daemon = change->daemon;
	struct settings *settings =
		settings_reload(daemon->settings, &change->faults, note_difference, change);

	if (prepare(change, settings))
		return settings;
	settings_drop(settings);
	/* The log may have been rotated all the same. */
	log_configure(&daemon->log, daemon->settings, daemon->verbose, daemon->quiet);
	return NULL;
}

/* Gives one setting another value. NULL: with a fault. */
static struct settings *set_one(struct change *change)
{
	struct settings *old = change->daemon->settings;
	struct settings *settings =
		settings_change(old, change->name, change->value, &change->faults);

	if (settings == NULL) {
		/* But a word that is no mode is refused. */
		change->keeps_tls = is_for_tls(old, change->name) && !is_mode(change->name);
		return NULL;
	}
	if (!prepare(change, settings)) {
		settings_drop(settings);
		return NULL;
	}
	settings_describe_changes(old, settings, note_difference, change);
	return settings;
}

/* In a helper thread; the settings in force stay what they are meanwhile. */
static void make_settings(void *arg)
{
	struct change *change = arg;

	change->settings = change->name == NULL ? reread(change) : set_one(change);
}

static bool await_change(struct change *change)
{
	struct daemon *daemon = change->daemon;
	struct loop *loop = &daemon->workers->loop;

	while (daemon->is_reloading)
		await_sleep(loop, loop_now() + NEXT_US);
	daemon->is_reloading = true;
	fault_list_init(&change->faults);
	fault_list_init(&change->differences);
	if (!await_offload(&daemon->helpers.reload, loop, make_settings, change))
		make_settings(change); /* without a thread it is this or nothing */
	if (change->settings != NULL) {
		log_differences(change);
		await_adopted(daemon, change->settings);
	}
	fault_list_release(&change->differences);
	daemon->is_reloading = false;
	return change->settings != NULL;
}

bool await_reload(struct daemon *daemon)
{
	struct change change = {.daemon = daemon};

	log_write(&daemon->log, LEVEL_LOG, "reloading %s", daemon->settings->path);
	notify_reloading();
	bool good = await_change(&change);
	log_write(&daemon->log, good ? LEVEL_LOG : LEVEL_ERROR, "%s",
		  good ? "reloaded, the new settings are in force"
		       : "RELOAD failed, the old settings stay in force");
	log_faults(&daemon->log, good ? &change.settings->notes : &change.faults,
		   good ? LEVEL_WARNING : LEVEL_ERROR);
	fault_list_release(&change.faults);
	notify_ready();
	return good;
}

/* What SET itself has made odd; that of the file has been logged before. */
static void log_notes_of_set(struct log *log, const struct fault_list *notes)
{
	for (size_t i = 0; i < notes->count; i++)
		if (strcmp(notes->faults[i].file, "SET") == 0)
			log_write(log, LEVEL_WARNING, "SET: %s", notes->faults[i].text);
}

bool await_set(struct daemon *daemon, const char *name, const char *value, bool *keeps_tls,
	       struct failure *why)
{
	struct change change = {.daemon = daemon, .name = name, .value = value};
	const struct fault_list *faults = &change.faults;

	bool good = await_change(&change);
	*keeps_tls = change.keeps_tls;
	if (!good || change.keeps_tls)
		log_faults(&daemon->log, faults, LEVEL_ERROR);
	if (change.keeps_tls) {
		log_write(&daemon->log, LEVEL_WARNING, "TLS setup failed: %.180s",
			  faults->count > 0 ? faults->faults[0].text : "out of memory");
		good = true;
	} else if (!good) {
		failure_set(why, FAILURE_CONSOLE_ERROR, "SET failed");
		failure_detail(why, "%.180s", faults->count > 0 ? faults->faults[0].text : "");
	} else {
		log_notes_of_set(&daemon->log, &change.settings->notes);
	}
	fault_list_release(&change.faults);
	return good;
}
