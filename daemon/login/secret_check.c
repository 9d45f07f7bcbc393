#include "daemon/login/secret_check.h"

#include "conf/check.h"
#include "protocol/secret.h"

void secrets_note_broken(struct settings *settings)
{
	const struct auth_users *users = &settings->auth_users;

	for (size_t i = 0; i < users->count; i++)
		if (secret_kind(users->users[i].secret) == SECRET_BROKEN)
			fault_add(&settings->notes, users->path, users->users[i].line,
				  "the secret of user \"%.80s\" begins like one of SCRAM, and is none: "
				  "it opens nothing",
				  users->users[i].name);
	for (size_t i = 0; i < settings->database_count; i++)
		if (secret_kind(settings->databases[i].password) == SECRET_BROKEN)
			database_fault(&settings->notes, settings, &settings->databases[i],
				       "its password begins like a secret of SCRAM, and is none: "
				       "it opens nothing");
}
