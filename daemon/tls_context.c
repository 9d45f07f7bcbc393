#include "daemon/tls_context.h"

#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
