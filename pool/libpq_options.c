#include "pool/libpq_options.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>

int libpq_version(void)
{
	return PQlibVersion();
}

static bool has(const PQconninfoOption *options, const char *keyword)
{
	for (; options != NULL && options->keyword != NULL; options++)
		if (strcmp(options->keyword, keyword) == 0)
			return true;
	return false;
}

/* All that there are; the defaults may need a look-up of the user. */
static PQconninfoOption *all_options(void)
{
	return PQconninfoParse("", NULL);
}

bool libpq_knows(const char *keyword)
{
	PQconninfoOption *options = all_options();
	bool found = has(options, keyword);

	PQconninfoFree(options);
	return found;
}

const char *libpq_lacks(char *const *pairs)
{
	PQconninfoOption *options = pairs != NULL ? all_options() : NULL;

	while (pairs != NULL && *pairs != NULL && has(options, *pairs))
		pairs += 2;
	PQconninfoFree(options);
	return pairs != NULL ? *pairs : NULL;
}

/* It complains of the address, which leads nowhere, only once it has taken all options. */
bool libpq_takes(const char *const *keywords, const char *const *values, char *why, size_t size)
{
	PGconn *connection = PQconnectStartParams(keywords, values, 0);
	const char *message = connection != NULL ? PQerrorMessage(connection) : "out of memory";
	bool taken = strstr(message, "\"" LIBPQ_NOWHERE "\"") != NULL;

	snprintf(why, size, "%.*s", (int)strcspn(message, "\n"), message);
	PQfinish(connection);
	return taken;
}
