/*
 * What the tag of a command (CommandComplete) tells about what its client leaves on the server: statements,
 * settings, and what it listens to; and whether what others have prepared may be outdated.
 */
#ifndef MILLPOND_RELAY_TAG_H
#define MILLPOND_RELAY_TAG_H

struct upstream;

/* While the request is still the pipeline's head. The client may have left meanwhile. */
void tag_note(struct upstream *upstream, const char *tag);

/* The server is outside a transaction: others come to see what was done in it. */
void tag_note_end(struct upstream *upstream);

#endif
