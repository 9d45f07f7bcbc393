#include "daemon/server/server_type.h"

#include <string.h>

enum server_type server_type_wanted(const struct conninfo *conninfo)
{
	const char *name = conninfo_value(conninfo, "target_session_attrs");

	for (int i = 0; name != NULL && server_type_names[i] != NULL; i++)
		if (strcmp(server_type_names[i], name) == 0)
			return (enum server_type)i;
	return SERVER_ANY;
}

static bool is_about_writing(enum server_type wanted)
{
	return wanted == SERVER_READ_WRITE || wanted == SERVER_READ_ONLY;
}

static bool is_on(const char *value)
{
	return value != NULL && (strcmp(value, "on") == 0 || strcmp(value, "t") == 0);
}

const char *server_type_question(enum server_type wanted, const struct parameters *reported)
{
	bool tells_standby = parameters_get(reported, "in_hot_standby") != NULL;
	bool tells_default = parameters_get(reported, "default_transaction_read_only") != NULL;

	if (wanted == SERVER_ANY)
		return NULL;
	if (is_about_writing(wanted))
		return tells_standby && tells_default ? NULL : "SHOW transaction_read_only";
	return tells_standby ? NULL : "SELECT pg_catalog.pg_is_in_recovery()";
}

static bool no(struct failure *why, const char *text)
{
	return failure_set(why, FAILURE_CONNECT_FAILED, text);
}

bool server_type_is(enum server_type wanted, const struct parameters *reported, const char *answer,
		    struct failure *why)
{
	bool is_asked = server_type_question(wanted, reported) != NULL;

	if (is_asked && answer == NULL)
		return no(why, "the server does not tell whether it is the one that is wanted");
	bool is_standby = is_on(is_asked ? answer : parameters_get(reported, "in_hot_standby"));
	bool is_read_only = is_standby ||
			    (!is_asked && is_on(parameters_get(reported, "default_transaction_read_only")));

	switch (wanted) {
	case SERVER_READ_WRITE:
		return !is_read_only || no(why, "session is read-only");
	case SERVER_READ_ONLY:
		return is_read_only || no(why, "session is not read-only");
	case SERVER_PRIMARY:
		return !is_standby || no(why, "server is in hot standby mode");
	case SERVER_STANDBY:
	case SERVER_PREFER_STANDBY:
		return is_standby || no(why, "server is not in hot standby mode");
	default:
		return true;
	}
}
