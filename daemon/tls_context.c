#include "daemon/tls_context.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/check.h"
#include "conf/suggest.h"
#include "conf/tls.h"

/* Nobody is there who could type a passphrase. */
static int no_passphrase(char *buffer, int size, int writing, void *arg)
{
	(void)buffer;
	(void)size;
	(void)writing;
	(void)arg;
	return 0;
}

void tls_context_asks_nobody(SSL_CTX *context)
{
	SSL_CTX_set_default_passwd_cb(context, no_passphrase);
}

bool tls_context_choose_ciphers(SSL_CTX *context, const char *ciphers)
{
	static const char never[] = ":!aNULL:!eNULL";
	size_t bytes = strlen(ciphers) + sizeof never;
	char *list = malloc(bytes);

	if (list == NULL)
		return false;
	snprintf(list, bytes, "%s%s", ciphers, never);
	bool chosen = SSL_CTX_set_cipher_list(context, list) == 1;
	free(list);
	return chosen;
}

/* --- settings ----------------------------------------------------------------------------- */

static const char *last_error(void)
{
	unsigned long error = ERR_peek_error();
	const char *reason = ERR_GET_LIB(error) == ERR_LIB_SYS ? strerror(ERR_GET_REASON(error)) :
								 ERR_reason_error_string(error);

	return reason != NULL ? reason : "it is not what it should be";
}

bool tls_context_refuse(struct fault_list *faults, const struct settings *settings,
			const char *setting, const char *value, const char *const *words)
{
	struct suggestion suggestion;

	suggestion_init(&suggestion, value);
	while (words != NULL && *words != NULL)
		suggestion_offer(&suggestion, *words++);
	setting_fault(faults, settings, setting, "%s: cannot use \"%s\": %s%s", setting, value,
		      last_error(), suggestion_text(&suggestion));
	ERR_clear_error();
	return false;
}

bool tls_context_take_ciphers(SSL_CTX *context, struct fault_list *faults,
			      const struct settings *settings, const char *setting,
			      const char *value)
{
	const char *ciphers = tls_ciphers(value);

	return ciphers == NULL || tls_context_choose_ciphers(context, ciphers) ||
	       tls_context_refuse(faults, settings, setting, ciphers, NULL);
}

/* PgBouncer's words for it, which somebody may look for, come last. */
bool tls_context_take_suites(SSL_CTX *context, struct fault_list *faults,
			     const struct settings *settings, const char *setting,
			     const char *value)
{
	if (value[0] == '\0' || SSL_CTX_set_ciphersuites(context, value) == 1)
		return true;
	tls_context_refuse(faults, settings, setting, value, NULL);
	setting_fault(faults, settings, setting, "failed to set the TLSv1.3 cipher suites");
	return false;
}
