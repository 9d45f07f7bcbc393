#include "daemon/login/secret_check.h"

#include "conf/check.h"
#include "conf/memory.h"
#include "protocol/saslprep.h"
#include "protocol/secret.h"

/* A client's libpq normalises what can be prepared, and anything else it uses as it is. */
static bool may_be_normalised(const char *password)
{
	char *prepared = saslprep_is_complete(password) ? NULL : saslprep(password);
	bool may_be = prepared != NULL;

	text_wipe(prepared);
	return may_be;
}

static void note_user(struct settings *settings, const struct auth_user *user)
{
	bool asks_for_scram = settings->auth_type == AUTH_SCRAM || settings->auth_type == AUTH_HBA;
	enum secret_kind kind = secret_kind(user->secret);

	if (kind == SECRET_BROKEN)
		fault_add(&settings->notes, settings->auth_users.path, user->line,
			  "the secret of user \"%.80s\" begins like one of SCRAM, and is none: "
			  "it opens nothing",
			  user->name);
	else if (kind == SECRET_PLAIN && asks_for_scram && may_be_normalised(user->secret))
		fault_add(&settings->notes, settings->auth_users.path, user->line,
			  "the password of user \"%.80s\" has rare characters: where Unicode's "
			  "normalisation changes them, SCRAM lets in only by a SCRAM secret, as "
			  "PostgreSQL has it",
			  user->name);
}

void secrets_note_useless(struct settings *settings)
{
	const struct auth_users *users = &settings->auth_users;

	for (size_t i = 0; i < users->count; i++)
		note_user(settings, &users->users[i]);
	for (size_t i = 0; i < settings->database_count; i++)
		if (secret_kind(settings->databases[i].password) == SECRET_BROKEN)
			database_fault(&settings->notes, settings, &settings->databases[i],
				       "its password begins like a secret of SCRAM, and is none: "
				       "it opens nothing");
}
