#include "protocol/saslprep.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <stringprep.h>

#include "protocol/text.h"

/* NFKC makes at most so many bytes of one: of U+FDFA, which is 3 in UTF-8, it makes 33. */
#define MOST_GROWTH 11
/* More than SASLprep has. */
#define MOST_STEPS 32

static bool apply(char *text, size_t size, const Stringprep_profile *profile)
{
	return stringprep(text, size, STRINGPREP_NO_UNASSIGNED, profile) == STRINGPREP_OK;
}

/* SASLprep without its normalisation. */
static bool map_and_check(char *text, size_t size)
{
	Stringprep_profile profile[MOST_STEPS] = {0};
	const Stringprep_profile *step = stringprep_saslprep;

	for (size_t count = 0; step->operation != 0 && count < MOST_STEPS - 1; step++)
		if (step->operation != STRINGPREP_NFKC)
			profile[count++] = *step;
	return step->operation == 0 && apply(text, size, profile);
}

static bool normalise(char *text, size_t size)
{
	static const Stringprep_profile profile[] = {{.operation = STRINGPREP_NFKC}, {0}};

	return apply(text, size, profile);
}

char *saslprep(const char *password)
{
	size_t size = MOST_GROWTH * strlen(password) + 1;
	char *prepared = text_is_ascii(password) ? NULL : malloc(size);

	if (prepared == NULL)
		return NULL;
	strcpy(prepared, password);
	/* Nothing left is no password either. */
	if (map_and_check(prepared, size) && prepared[0] != '\0' && normalise(prepared, size))
		return prepared;
	explicit_bzero(prepared, size);
	free(prepared);
	return NULL;
}
