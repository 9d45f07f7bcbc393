#include "pool/replication.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/text.h"

/* False without memory. */
static bool copy_text(char **to, const char *text)
{
	*to = text == NULL ? NULL : strdup(text);
	return text == NULL || *to != NULL;
}

struct replication *replication_copy(const struct replication *replication)
{
	struct replication *copy = replication == NULL ? NULL : calloc(1, sizeof *copy);

	if (copy == NULL)
		return NULL;
	copy->mode = replication->mode;
	if (copy_text(&copy->options, replication->options) &&
	    copy_text(&copy->application_name, replication->application_name) &&
	    copy_text(&copy->client_encoding, replication->client_encoding))
		return copy;
	replication_free(copy);
	return NULL;
}

void replication_free(struct replication *replication)
{
	if (replication == NULL)
		return;
	free(replication->options);
	free(replication->application_name);
	free(replication->client_encoding);
	free(replication);
}

bool replication_is_equal(const struct replication *one, const struct replication *other)
{
	if (one == NULL || other == NULL)
		return one == other;
	return one->mode == other->mode && text_is_same(one->options, other->options) &&
	       text_is_same(one->application_name, other->application_name) &&
	       text_is_same(one->client_encoding, other->client_encoding);
}

const char *replication_name(const struct replication *replication)
{
	if (replication == NULL)
		return "none";
	return replication->mode == REPLICATION_LOGICAL ? "logical" : "physical";
}
