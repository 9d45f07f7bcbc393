#include "daemon/login/vouch.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "conf/memory.h"
#include "conf/settings.h"
#include "daemon/login/exchange.h"
#include "daemon/login/vouching.h"
#include "daemon/runtime/coroutine.h"
#include "daemon/session.h"
#include "daemon/worker.h"

/* PgBouncer's, so that what was set up for it goes on. */
#define PAM_SERVICE "pgbouncer"

/* How long may be asked if client_login_timeout does not say it. */
#define LONGEST_US INT64_C(60000000)

/* --- what the helper gets ----------------------------------------------------------------- */

static void vouching_free(void *arg)
{
	struct vouching *vouching = arg;

	text_wipe(vouching->password);
	free(vouching->user);
	free(vouching->host);
	settings_drop(vouching->settings);
	free(vouching);
}

/* NULL without memory. */
static struct vouching *vouching_new(const struct exchange *exchange, struct settings *settings)
{
	const struct session *session = exchange->session;
	struct vouching *vouching = calloc(1, sizeof *vouching);
	char host[PEER_TEXT_BYTES] = "[local]";
	int64_t latest = loop_now() + LONGEST_US;

	if (vouching == NULL)
		return NULL;
	if (session->peer.family != AF_UNIX)
		peer_host(&session->peer, host, sizeof host);
	vouching->settings = settings_hold(settings);
	vouching->deadline = exchange->deadline < latest ? exchange->deadline : latest;
	vouching->user = strdup(session->user_name);
	vouching->password = strdup(exchange->response);
	vouching->host = strdup(host);
	if (vouching->user != NULL && vouching->password != NULL && vouching->host != NULL)
		return vouching;
	vouching_free(vouching);
	return NULL;
}

/* --- the verdict -------------------------------------------------------------------------- */

static bool let_in(struct session *session, struct vouching *vouching)
{
	session->secrets[POOL_PASSWORD] = vouching->password;
	vouching->password = NULL;
	return true;
}

/* The log says what the client is not told. */
static bool await_refused(struct exchange *exchange, const struct vouching *vouching,
			  enum failure_kind refusal)
{
	struct session *session = exchange->session;
	int64_t until = loop_now() + vouching->delay_us;

	if (vouching->reason[0] != '\0')
		session_log(session, LEVEL_LOG, "%s", vouching->reason);
	if (vouching->delay_us > 0)
		await_sleep(session->client.loop,
			    until < exchange->deadline ? until : exchange->deadline);
	return failure_set(exchange->why, session_end_reason(session, refusal));
}

static bool await_verdict(struct exchange *exchange, struct vouching *vouching,
			  enum auth_method method)
{
	struct worker *worker = exchange->session->worker;
	bool is_pam = method == AUTH_PAM;

	if (!await_helper(exchange, is_pam ? &worker->helpers->pam : &worker->helpers->ldap, 0,
			  is_pam ? vouch_by_pam : vouch_by_ldap, vouching_free, vouching))
		return false;
	bool vouched = vouching->is_right ?
			       let_in(exchange->session, vouching) :
			       await_refused(exchange, vouching,
					     is_pam ? FAILURE_PAM_FAILED : FAILURE_LDAP_FAILED);
	vouching_free(vouching);
	return vouched;
}

bool await_vouched(struct session *session, struct settings *settings, enum auth_method method,
		   const char *service, const struct directory *directory, struct failure *why,
		   int64_t deadline)
{
	struct exchange exchange = {.session = session, .why = why, .deadline = deadline};

	if (!await_password_message(&exchange, AUTHENTICATION_PLAIN, NULL, 0)) {
		exchange_release(&exchange);
		return false;
	}
	struct vouching *vouching = vouching_new(&exchange, settings);
	exchange_release(&exchange);
	if (vouching == NULL)
		return failure_set(why, FAILURE_NO_MEMORY);
	vouching->service = service != NULL ? service : PAM_SERVICE;
	vouching->directory = directory;
	return await_verdict(&exchange, vouching, method);
}
