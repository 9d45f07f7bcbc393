#include "daemon/login/admission.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/hba.h"
#include "daemon/login/authenticate.h"
#include "daemon/login/exchange.h"
#include "daemon/login/vouch.h"
#include "daemon/runtime/certificate.h"
#include "daemon/runtime/tls.h"
#include "daemon/session.h"
#include "daemon/system_user.h"
#include "daemon/worker.h"

/* No name of a user in a certificate is longer. */
#define NAME_BYTES 256

/* Where one look-up hangs, all do. */
#define LANE_OF_PEERS 1

static const struct hba_rule *find_rule(const struct session *session,
					const struct settings *settings, bool is_replication)
{
	struct hba_client client = {
		.family = session->peer.family,
		.has_tls = session->client.tls != NULL,
		.is_replication = is_replication,
		.database = session->database_name,
		.user = session->user_name,
	};

	memcpy(client.address, session->peer.address, sizeof client.address);
	return hba_find(&settings->hba, &client);
}

/* In PostgreSQL's words, since there one looks for them. */
static bool no_rule(const struct session *session, struct failure *why)
{
	char host[PEER_TEXT_BYTES];

	if (session->peer.family == AF_UNIX)
		memcpy(host, "[local]", sizeof "[local]");
	else
		peer_host(&session->peer, host, sizeof host);
	failure_set(why, FAILURE_NO_HBA_LINE);
	return failure_detail(why,
			      "No line of auth_hba_file fits host \"%s\", user \"%.64s\", database "
			      "\"%.64s\", %s.",
			      host, session->user_name, session->database_name,
			      session->client.tls != NULL ? "SSL encryption" : "no encryption");
}

/* --- certificates ------------------------------------------------------------------------- */

static bool has_name(const struct session *session, const struct settings *settings,
		     const char *map)
{
	char name[NAME_BYTES];

	return certificate_name(&session->client, name, sizeof name) &&
	       hba_ident_allows(&settings->hba, map, name, session->user_name);
}

/* What a line may ask for on top of its method. */
static bool check_clientcert(const struct session *session, const struct settings *settings,
			     const struct hba_rule *rule)
{
	const char *wanted = hba_option(rule, "clientcert");

	return wanted == NULL ||
	       (strcmp(wanted, "verify-full") == 0 ?
			has_name(session, settings, hba_option(rule, "map")) :
			certificate_is_good(tls_ssl(&session->client)));
}

/* --- the system's users ------------------------------------------------------------------- */

static bool await_peer(struct session *session, const struct settings *settings, const char *map,
		       struct failure *why, int64_t deadline)
{
	struct exchange exchange = {.session = session, .why = why, .deadline = deadline};
	struct system_user *user = system_user_of_peer(session->client.fd);

	if (user == NULL)
		return failure_set(why,
				   errno == ENOMEM ? FAILURE_NO_MEMORY : FAILURE_PEER_REJECTED);
	if (!await_helper(&exchange, &session->worker->helpers->login, LANE_OF_PEERS,
			  system_user_look_up, free, user))
		return false;
	bool allowed = user->name[0] != '\0' &&
		       hba_ident_allows(&settings->hba, map, user->name, session->user_name);
	free(user);
	return allowed || failure_set(why, FAILURE_PEER_REJECTED);
}

/* --- admission ---------------------------------------------------------------------------- */

static bool await_method(struct session *session, struct settings *settings,
			 const struct hba_rule *rule, struct failure *why, int64_t deadline)
{
	enum auth_method method = rule != NULL ? rule->method : settings->auth_type;
	const char *map = hba_option(rule, "map");

	if (!check_clientcert(session, settings, rule))
		return failure_set(why, FAILURE_CERTIFICATE_REJECTED);
	switch (method) {
	case AUTH_PAM:
	case AUTH_LDAP:
		return await_vouched(session, settings, method, hba_option(rule, "pamservice"),
				     rule != NULL ? rule->directory : settings->directory, why,
				     deadline);
	case AUTH_REJECT:
		return failure_set(why, FAILURE_LOGIN_REJECTED);
	case AUTH_CERT:
		if (!has_name(session, settings, map))
			return failure_set(why, FAILURE_CERTIFICATE_REJECTED);
		return await_known(session, FAILURE_CERTIFICATE_REJECTED, why, deadline);
	case AUTH_PEER:
		return await_peer(session, settings, map, why, deadline) &&
		       await_known(session, FAILURE_PEER_REJECTED, why, deadline);
	default:
		return await_authenticated(session, method, why, deadline);
	}
}

bool await_admitted(struct session *session, bool is_replication, struct failure *why,
		    int64_t deadline)
{
	/* A reload meanwhile must not take the line away. */
	struct settings *settings = settings_hold(session->worker->settings);
	bool by_line = settings->auth_type == AUTH_HBA;
	const struct hba_rule *rule = by_line ? find_rule(session, settings, is_replication) : NULL;

	bool admitted = by_line && rule == NULL ?
				no_rule(session, why) :
				await_method(session, settings, rule, why, deadline);
	settings_drop(settings);
	return admitted;
}
