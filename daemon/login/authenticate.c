#include "daemon/login/authenticate.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "conf/memory.h"
#include "daemon/login/exchange.h"
#include "daemon/login/lookup.h"
#include "daemon/login/sasl.h"
#include "daemon/session.h"
#include "daemon/worker.h"
#include "protocol/hash.h"
#include "protocol/keyring.h"
#include "protocol/scram.h"
#include "protocol/secret.h"

/* --- secrets of users that have none ------------------------------------------------------- */

/* As many as a user of that name would most likely have. */
static uint32_t likely_iterations(const struct session *session, enum auth_method method)
{
	const struct settings *settings = session->worker->settings;
	const struct auth_users *users = &settings->auth_users;
	bool is_plain_likely = method == AUTH_SCRAM && users->plain_count > users->scram_count;
	uint32_t found = is_plain_likely ? 0 : users->scram_iterations;

	/* Of what the server has, anybody could change his own part, and see who is told of that. */
	if (lookup_is_by_query(session) || found == 0)
		found = (uint32_t)settings->scram_iterations;
	return method == AUTH_PLAIN && found > SCRAM_ITERATIONS_MOST ? SCRAM_ITERATIONS_MOST : found;
}

/* A SCRAM secret that nobody knows the password of, the same one for the same name. */
static void invent_scram(const struct session *session, enum auth_method method, char *text)
{
	struct scram_secret secret;

	scram_invent_salt(&secret, likely_iterations(session, method),
			  session->worker->keyring->process_key, session->user_name);
	scram_hash(secret.salt, secret.salt_length, secret.stored_key);
	memcpy(secret.server_key, secret.stored_key, SCRAM_KEY_BYTES);
	scram_secret_print(&secret, text);
}

/* What a user of that name would most likely have, so that it is asked in the same way. */
static bool would_have_scram(const struct session *session, const struct user_record *record,
			     enum auth_method method)
{
	const struct auth_users *users = &session->worker->settings->auth_users;
	enum secret_kind kind = secret_kind(record->secret);

	if (method == AUTH_PLAIN)
		return false;
	if (method == AUTH_SCRAM || kind == SECRET_SCRAM || kind == SECRET_BROKEN ||
	    users->scram_count > users->count - users->scram_count)
		return true;
	/* One who is known, but may not log in any more, is asked as PgBouncer does. */
	return !record->is_known && auth_cache_saw_scram(session->worker->auth_cache);
}

static bool some_have_scram(const struct session *session)
{
	return session->worker->settings->auth_users.scram_count > 0 ||
	       auth_cache_saw_scram(session->worker->auth_cache);
}

/* Anybody may give himself a secret of his own on the server, with as many iterations as he likes. */
static bool can_be_checked(const char *stored)
{
	struct scram_secret secret;
	bool can_be =
		scram_secret_parse(stored, &secret) && secret.iterations <= SCRAM_ITERATIONS_MOST;

	explicit_bzero(&secret, sizeof secret);
	return can_be;
}

static bool is_useful(const char *stored, enum auth_method method)
{
	switch (secret_kind(stored)) {
	case SECRET_NONE:
	case SECRET_BROKEN:
		return false;
	case SECRET_MD5:
		return method != AUTH_SCRAM;
	case SECRET_SCRAM:
		return method != AUTH_PLAIN || can_be_checked(stored);
	default:
		return true;
	}
}

/* --- methods ------------------------------------------------------------------------------ */

struct password_check {
	struct scram_secret secret;
	char *password;
	bool is_right;
	unsigned char client_key[SCRAM_KEY_BYTES];
};

static void check_password(void *arg)
{
	struct password_check *check = arg;

	check->is_right = scram_secret_has_password(&check->secret, check->password,
						    check->client_key);
}

static void password_check_free(void *arg)
{
	struct password_check *check = arg;

	text_wipe(check->password);
	explicit_bzero(check, sizeof *check);
	free(check);
}

/* With the client's response, which it takes. NULL without memory. */
static struct password_check *password_check_new(struct exchange *exchange, const char *stored)
{
	struct password_check *check = calloc(1, sizeof *check);

	if (check == NULL)
		return NULL;
	scram_secret_parse(stored, &check->secret);
	check->password = exchange->response;
	exchange->response = NULL;
	return check;
}

/* The derivation, milliseconds of work, runs elsewhere. Its key opens servers with that secret, too. */
static bool await_scram_check(struct exchange *exchange, const char *stored)
{
	struct worker *worker = exchange->session->worker;
	struct password_check *check = password_check_new(exchange, stored);

	if (check == NULL)
		return failure_set(exchange->why, FAILURE_NO_MEMORY);
	/* In a lane of the user's own: those of one secret may all be costly. */
	if (!await_helper(exchange, &worker->helpers->login,
			  hash_text_nonzero(exchange->session->user_name), check_password,
			  password_check_free, check))
		return false;
	bool is_right = check->is_right & !exchange->doomed;
	if (is_right)
		exchange_note_proven(exchange, &check->secret, check->client_key);
	password_check_free(check);
	return is_right || failure_set(exchange->why, FAILURE_PASSWORD_FAILED);
}

/* A wrong password is as much work as where there is a SCRAM secret. */
static bool await_refusal(struct exchange *exchange)
{
	char invented[SCRAM_TEXT_MOST];

	if (!some_have_scram(exchange->session))
		return failure_set(exchange->why, FAILURE_PASSWORD_FAILED);
	invent_scram(exchange->session, AUTH_PLAIN, invented);
	return await_scram_check(exchange, invented);
}

/* A password, sent as it is. */
static bool await_plain(struct exchange *exchange)
{
	if (!await_password_message(exchange, AUTHENTICATION_PLAIN, NULL, 0))
		return false;
	if (secret_kind(exchange->stored) == SECRET_SCRAM)
		return await_scram_check(exchange, exchange->stored);
	bool is_right = secret_has_password(exchange->stored, exchange->session->user_name,
					    exchange->response);
	return (is_right & !exchange->doomed) || await_refusal(exchange);
}

static bool await_md5(struct exchange *exchange)
{
	unsigned char salt[MD5_SALT_BYTES];

	if (!random_take(&exchange->session->worker->random, salt, sizeof salt))
		return failure_set(exchange->why, FAILURE_NO_MEMORY);
	if (!await_password_message(exchange, AUTHENTICATION_MD5, salt, sizeof salt))
		return false;
	bool is_right = secret_has_md5_response(exchange->stored, exchange->session->user_name,
						salt, exchange->response);
	return (is_right & !exchange->doomed) ||
	       failure_set(exchange->why, FAILURE_PASSWORD_FAILED);
}

static bool await_proof(struct exchange *exchange, enum auth_method method)
{
	switch (method) {
	case AUTH_PLAIN:
		return await_plain(exchange);
	case AUTH_MD5:
		return secret_kind(exchange->stored) == SECRET_SCRAM ? await_sasl(exchange) :
								       await_md5(exchange);
	case AUTH_SCRAM:
		return await_sasl(exchange);
	default: /* nothing weaker takes the place of what is not known here */
		return failure_set(exchange->why, FAILURE_LOGIN_REJECTED);
	}
}

/* --- who ---------------------------------------------------------------------------------- */

static const char *doom(const struct user_record *record)
{
	if (!record->is_known)
		return "no such user";
	switch (secret_kind(record->secret)) {
	case SECRET_NONE:
		return "the user has no password";
	case SECRET_BROKEN:
		return "the user's secret begins like one of SCRAM, and is none";
	case SECRET_SCRAM:
		return "the user's secret has too many iterations for a password sent as it is";
	default:
		return "the user's secret is of no use with this auth_type";
	}
}

/*
 * The log says what the client is not told: why it could not come in, or that it only had the wrong password, since
 * a line takes time, by which those who do not exist would be told from the others.
 */
static void log_refusal(const struct session *session, const struct user_record *record,
			bool was_doomed)
{
	session_log(session, LEVEL_LOG, "%s", was_doomed ? doom(record) : "wrong password");
}

static bool await_password(struct session *session, const struct user_record *record,
			   enum auth_method method, struct failure *why, int64_t deadline)
{
	struct exchange exchange = {
		.session = session, .stored = record->secret, .why = why, .deadline = deadline};
	char invented[SCRAM_TEXT_MOST];

	if (!is_useful(record->secret, method)) {
		exchange.doomed = true;
		exchange.stored = invented;
		invent_scram(session, method, invented);
		/* As a plain text it is as good as any. */
		if (!would_have_scram(session, record, method))
			invented[0] = 'P';
	}
	bool proven = await_proof(&exchange, method);
	if (!proven && (why->kind == FAILURE_PASSWORD_FAILED || why->kind == FAILURE_SASL_FAILED)) {
		log_refusal(session, record, exchange.doomed);
		lookup_doubt(session);
	}
	exchange_release(&exchange);
	return proven;
}

/* Nothing is to be hidden where no password is asked for; the words are PgBouncer's. */
static enum failure_kind refusal_of_trust(const struct session *session)
{
	return lookup_is_by_query(session) ? FAILURE_NO_SUCH_USER : FAILURE_TRUST_FAILED;
}

bool await_known(struct session *session, enum failure_kind unknown, struct failure *why,
		 int64_t deadline)
{
	struct user_record record = {0};

	/* Where nobody has been named, everybody is believed. */
	if (!lookup_has_source(session))
		return true;
	bool known = await_user_record(session, &record, why, deadline);
	if (known && !record.is_known) {
		log_refusal(session, &record, true);
		known = failure_set(why, unknown);
	}
	user_record_release(&record);
	return known;
}

bool await_authenticated(struct session *session, enum auth_method method, struct failure *why,
			 int64_t deadline)
{
	struct user_record record = {0};

	if (method == AUTH_ANY)
		return true;
	if (method == AUTH_TRUST)
		return await_known(session, refusal_of_trust(session), why, deadline);
	bool done = await_user_record(session, &record, why, deadline) &&
		    await_password(session, &record, method, why, deadline);
	user_record_release(&record);
	return done;
}
