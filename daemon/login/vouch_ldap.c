/*
 * Whether a password is right, by LDAP: the server lets its owner bind with it. Either under a name
 * that is made of the user's, or under that of the one entry that is found for it.
 */
#include <ldap.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "conf/directory.h"
#include "daemon/login/vouch_socket.h"
#include "daemon/login/vouching.h"
#include "daemon/runtime/loop.h"

/* For a connection with its handshake, and for each answer. */
#define CONNECT_US INT64_C(5000000)
#define ANSWER_US INT64_C(10000000)

/* Always false; the first reason is kept. */
__attribute__((format(printf, 2, 3))) static bool refuse(struct vouching *vouching,
							 const char *format, ...)
{
	va_list arguments;

	if (vouching->reason[0] != '\0')
		return false;
	va_start(arguments, format);
	vsnprintf(vouching->reason, sizeof vouching->reason, format, arguments);
	va_end(arguments);
	return false;
}

/* With what the library or the server has to add. */
static bool failed(struct vouching *vouching, LDAP *ldap, const char *what, int status)
{
	char *more = NULL;

	ldap_get_option(ldap, LDAP_OPT_DIAGNOSTIC_MESSAGE, &more);
	refuse(vouching, "LDAP: %s at \"%.60s\": %.60s%s%.60s", what, vouching->directory->addresses,
	       ldap_err2string(status), more != NULL && *more != '\0' ? ": " : "",
	       more != NULL ? more : "");
	ldap_memfree(more);
	return false;
}

static struct timeval time_left(const struct vouching *vouching, int64_t most_us)
{
	int64_t left = vouching->deadline - loop_now();

	if (left > most_us)
		left = most_us;
	if (left < 1000)
		left = 1000;
	return (struct timeval){.tv_sec = left / 1000000, .tv_usec = left % 1000000};
}

/* Waits for all of an answer, which the caller frees; NULL: there is none. */
static LDAPMessage *next_answer(struct vouching *vouching, LDAP *ldap, const char *what, int question)
{
	struct timeval patience = time_left(vouching, ANSWER_US);
	LDAPMessage *answer = NULL;
	int status = LDAP_SERVER_DOWN;

	switch (ldap_result(ldap, question, LDAP_MSG_ALL, &patience, &answer)) {
	case 0:
		failed(vouching, ldap, what, LDAP_TIMEOUT);
		break;
	case -1:
		ldap_get_option(ldap, LDAP_OPT_RESULT_CODE, &status);
		failed(vouching, ldap, what, status);
		break;
	default:
		return answer;
	}
	ldap_msgfree(answer);
	return NULL;
}

/* What the answer says of how it went; it is freed. */
static int take_result(LDAP *ldap, LDAPMessage *answer)
{
	int status = LDAP_OTHER;
	int parsed = ldap_parse_result(ldap, answer, &status, NULL, NULL, NULL, NULL, 1);

	return parsed != LDAP_SUCCESS ? parsed : status;
}

/* Whether what was asked for is done; the log hears if not. */
static bool is_done(struct vouching *vouching, LDAP *ldap, const char *what, int question)
{
	LDAPMessage *answer = next_answer(vouching, ldap, what, question);

	if (answer == NULL)
		return false;
	int status = take_result(ldap, answer);
	return status == LDAP_SUCCESS || failed(vouching, ldap, what, status);
}

/* --- the way there ------------------------------------------------------------------------ */

/*
 * The library sets itself up at its first use, and once more at its first use of TLS, for which it takes no lock.
 * Whoever needs TLS is told if there can be none.
 */
static void set_up(void)
{
	const int as_client = 0;
	int version;

	ldap_get_option(NULL, LDAP_OPT_PROTOCOL_VERSION, &version);
	ldap_set_option(NULL, LDAP_OPT_X_TLS_NEWCTX, &as_client);
}

/* Whom to trust under TLS, ldap.conf says, or LDAPTLS_CACERT and their like, once for the process. */
static LDAP *open_server(struct vouching *vouching, struct vouch_socket *socket)
{
	static pthread_once_t is_set_up = PTHREAD_ONCE_INIT;
	const int version = LDAP_VERSION3;
	struct timeval patience = time_left(vouching, CONNECT_US);
	LDAP *ldap = NULL;

	pthread_once(&is_set_up, set_up);
	int status = ldap_initialize(&ldap, vouching->directory->addresses);

	if (status == LDAP_SUCCESS &&
	    (ldap_set_option(ldap, LDAP_OPT_PROTOCOL_VERSION, &version) != LDAP_SUCCESS ||
	     ldap_set_option(ldap, LDAP_OPT_REFERRALS, LDAP_OPT_OFF) != LDAP_SUCCESS ||
	     ldap_set_option(ldap, LDAP_OPT_RESTART, LDAP_OPT_ON) != LDAP_SUCCESS ||
	     ldap_set_option(ldap, LDAP_OPT_NETWORK_TIMEOUT, &patience) != LDAP_SUCCESS ||
	     !vouch_socket_bound(socket, ldap, ANSWER_US, vouching->deadline)))
		status = LDAP_LOCAL_ERROR;
	if (status == LDAP_SUCCESS)
		return ldap;
	refuse(vouching, "LDAP: \"%.80s\" cannot be used: %s", vouching->directory->addresses,
	       ldap_err2string(status));
	if (ldap != NULL)
		ldap_unbind_ext(ldap, NULL, NULL);
	return NULL;
}

static bool start_tls(struct vouching *vouching, LDAP *ldap)
{
	static const char what[] = "StartTLS";
	int question;
	int status = ldap_start_tls(ldap, NULL, NULL, &question);

	if (status != LDAP_SUCCESS)
		return failed(vouching, ldap, what, status);
	if (!is_done(vouching, ldap, what, question))
		return false;
	status = ldap_install_tls(ldap);
	return status == LDAP_SUCCESS || failed(vouching, ldap, what, status);
}

/* --- questions ---------------------------------------------------------------------------- */

/*
 * A bind without a name or without a password succeeds anywhere, and proves nothing (RFC 4513, 5.1.2);
 * only as nobody, to search, it is meant.
 */
static bool bind_as(struct vouching *vouching, LDAP *ldap, const char *what, const char *name,
		    char *password)
{
	struct berval credentials = {.bv_len = strlen(password), .bv_val = password};
	int question;
	int status = ldap_sasl_bind(ldap, name, LDAP_SASL_SIMPLE, &credentials, NULL, NULL,
				    &question);

	if (status != LDAP_SUCCESS)
		return failed(vouching, ldap, what, status);
	return is_done(vouching, ldap, what, question);
}

static bool prove(struct vouching *vouching, LDAP *ldap, const char *name)
{
	if (name[0] == '\0' || vouching->password[0] == '\0')
		return refuse(vouching, "LDAP: a bind without a name or a password proves nothing");
	return bind_as(vouching, ldap, "bind as the user", name, vouching->password);
}

static int scope_of(const struct directory *directory)
{
	static const int scopes[] = {
		[DIRECTORY_BASE] = LDAP_SCOPE_BASE,
		[DIRECTORY_ONE] = LDAP_SCOPE_ONELEVEL,
		[DIRECTORY_SUBTREE] = LDAP_SCOPE_SUBTREE,
	};
	return scopes[directory->scope];
}

/* The name of the one entry in an answer, to be freed; NULL: there is none, or more than one. */
static char *only_name(struct vouching *vouching, LDAP *ldap, LDAPMessage *answer, bool is_cut,
		       const char *filter)
{
	int count = ldap_count_entries(ldap, answer);
	LDAPMessage *entry = count == 1 && !is_cut ? ldap_first_entry(ldap, answer) : NULL;

	if (entry == NULL)
		refuse(vouching, "LDAP: %s entry fits %.100s below \"%.60s\"",
		       count > 0 ? "more than one" : "no", filter, vouching->directory->base_dn);
	return entry != NULL ? ldap_get_dn(ldap, entry) : NULL;
}

static char *search(struct vouching *vouching, LDAP *ldap, const char *filter)
{
	static const char what[] = "search";
	char none[] = LDAP_NO_ATTRS;
	char *attributes[] = {none, NULL};
	struct timeval patience = time_left(vouching, ANSWER_US);
	int question;
	/* Two are enough to know that it is not only one. */
	int status = ldap_search_ext(ldap, vouching->directory->base_dn,
				     scope_of(vouching->directory), filter, attributes, 0, NULL,
				     NULL, &patience, 2, &question);

	if (status != LDAP_SUCCESS) {
		failed(vouching, ldap, what, status);
		return NULL;
	}
	LDAPMessage *answer = next_answer(vouching, ldap, what, question);
	if (answer == NULL)
		return NULL;
	ldap_parse_result(ldap, answer, &status, NULL, NULL, NULL, NULL, 0);
	char *name = NULL;
	if (status == LDAP_SUCCESS || status == LDAP_SIZELIMIT_EXCEEDED)
		name = only_name(vouching, ldap, answer, status != LDAP_SUCCESS, filter);
	else
		failed(vouching, ldap, what, status);
	ldap_msgfree(answer);
	return name;
}

static bool find_and_prove(struct vouching *vouching, LDAP *ldap)
{
	const struct directory *directory = vouching->directory;

	if (!bind_as(vouching, ldap, "bind for the search", directory->bind_dn,
		     directory->bind_password))
		return false;
	char *filter = directory_filter(directory, vouching->user);
	char *name = search(vouching, ldap, filter);
	bool proven = name != NULL && prove(vouching, ldap, name);
	ldap_memfree(name);
	free(filter);
	return proven;
}

static bool make_and_prove(struct vouching *vouching, LDAP *ldap)
{
	char *name = directory_bind_name(vouching->directory, vouching->user);
	bool proven = prove(vouching, ldap, name);

	free(name);
	return proven;
}

void vouch_by_ldap(void *arg)
{
	struct vouching *vouching = arg;
	const struct directory *directory = vouching->directory;
	struct vouch_socket socket;
	LDAP *ldap = open_server(vouching, &socket);

	if (ldap == NULL)
		return;
	if (!directory->starts_tls || start_tls(vouching, ldap))
		vouching->is_right = directory->base_dn != NULL ? find_and_prove(vouching, ldap) :
								  make_and_prove(vouching, ldap);
	ldap_unbind_ext(ldap, NULL, NULL);
}
