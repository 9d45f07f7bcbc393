#include "daemon/lookup.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/session.h"
#include "daemon/worker.h"

bool await_user_record(struct session *session, struct user_record *record, struct failure *why,
		       int64_t deadline)
{
	const struct settings *settings = session->worker->settings;
	const char *secret = auth_users_find(&settings->auth_users, session->user_name);

	(void)deadline;
	*record = (struct user_record){.is_known = secret != NULL};
	if (secret == NULL || secret[0] == '\0')
		return true;
	record->secret = strdup(secret);
	return record->secret != NULL || failure_set(why, FAILURE_NO_MEMORY);
}

void user_record_release(struct user_record *record)
{
	if (record->secret != NULL)
		explicit_bzero(record->secret, strlen(record->secret));
	free(record->secret);
	record->secret = NULL;
}
