#include <strings.h>

#include "conf/array.h"
#include "daemon/console/admin.h"
#include "daemon/console/console_turn.h"
#include "daemon/runtime/coroutine.h"
#include "daemon/runtime/loop.h"
#include "daemon/session.h"

/* How often a command that has to wait looks whether it may answer. */
#define LOOK_US INT64_C(50000)

enum need { NOTHING, OPTIONAL, NEEDED, DATABASE /* or none, for all */ };

/* The verbs that only an admin may use; SHOW, SELECT and SET are for all. */
static const struct verb {
	const char *name;
	enum need argument;
	bool (*run)(struct session *session, const char *argument, struct failure *why);
	/* NULL, or how far it is; it is answered when it is done. */
	enum progress (*progress)(const struct session *session, const char *argument);
	/* NULL, or what undoes it for one who does not want to wait. */
	bool (*take_back)(struct session *session, const char *argument, struct failure *why);
	/* NULL, or what is said in front of the answer. */
	void (*remark)(struct writer *writer, const struct session *session);
} verbs[] = {
	{"RELOAD", NOTHING, await_admin_reload, NULL, NULL, admin_write_pending},
	{"PAUSE", DATABASE, admin_pause, admin_pause_progress, await_admin_resume, NULL},
	{"RESUME", DATABASE, await_admin_resume, NULL, NULL, NULL},
	{"DISABLE", DATABASE, admin_disable, NULL, NULL, NULL},
	{"ENABLE", DATABASE, admin_enable, NULL, NULL, NULL},
	{"RECONNECT", DATABASE, admin_reconnect, NULL, NULL, NULL},
	{"KILL", DATABASE, await_admin_kill, NULL, NULL, NULL},
	{"KILL_CLIENT", NEEDED, await_admin_kill_client, NULL, NULL, NULL},
	{"WAIT_CLOSE", DATABASE, admin_wait_close, admin_renewal_progress, NULL, NULL},
	{"SUSPEND", NOTHING, await_admin_suspend, admin_suspend_progress, NULL, NULL},
	{"SHUTDOWN", OPTIONAL, await_admin_shutdown, NULL, NULL, NULL},
};

static const struct verb *find_verb(const struct command *command)
{
	bool given = command->argument[0] != '\0';

	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (strcasecmp(verbs[i].name, command->verb) == 0)
			return verbs[i].argument == (given ? NOTHING : NEEDED) ? NULL : &verbs[i];
	}
	return NULL;
}

/* Ctrl-C: what nobody waits for any more is not to go on in silence. */
static bool await_taken_back(struct turn *turn, const struct verb *verb, struct failure *why)
{
	struct failure ignored;

	if (verb->take_back != NULL)
		verb->take_back(turn->session, turn->command.argument, &ignored);
	return failure_set(why, FAILURE_CANCELED);
}

/* Waits until the verb is done or undone, or the one who asked is gone. */
static bool await_done(struct turn *turn, const struct verb *verb, struct failure *why)
{
	struct session *session = turn->session;
	enum progress progress;

	/* Of the extended protocol the answers are put together later. */
	if (!turn->is_extended && !await_turn_sent(turn, why))
		return false;
	if (!stream_watch(&session->client)) /* to hear of its end */
		return failure_set(why, FAILURE_NO_MEMORY);
	session->wait_cancelled = false;
	while ((progress = verb->progress(session, turn->command.argument)) == UNDER_WAY) {
		if (stream_peer_is_gone(&session->client))
			return failure_set(why, FAILURE_CLIENT_GONE);
		if (session->wait_cancelled)
			return await_taken_back(turn, verb, why);
		if (!await_sleep(session->client.loop, loop_now() + LOOK_US))
			return turn_connection_failed(session, why);
	}
	return progress == DONE ||
	       failure_set(why, FAILURE_CONSOLE_ERROR, "RESUME was issued meanwhile");
}

static void log_issued(const struct turn *turn, const struct verb *verb)
{
	const char *argument = turn->command.argument;

	if (argument[0] == '\0')
		session_log(turn->session, LEVEL_LOG, "%s command issued", verb->name);
	else
		session_log(turn->session, LEVEL_LOG,
			    verb->argument == DATABASE ? "%s '%s' command issued" :
							 "%s %s command issued",
			    verb->name, argument);
}

bool await_verb(struct turn *turn, struct failure *why)
{
	const struct verb *verb = find_verb(&turn->command);

	if (verb == NULL)
		return failure_set(why, FAILURE_CONSOLE_SYNTAX, turn->command.verb);
	if (!turn->session->is_admin)
		return failure_set(why, FAILURE_CONSOLE_NOT_ADMIN);
	log_issued(turn, verb);
	if (!verb->run(turn->session, turn->command.argument, why))
		return false;
	if (verb->remark != NULL)
		verb->remark(&turn->reply, turn->session);
	if (verb->progress != NULL &&
	    verb->progress(turn->session, turn->command.argument) != DONE &&
	    !await_done(turn, verb, why))
		return false;
	write_command_complete(&turn->reply, verb->name);
	return true;
}
