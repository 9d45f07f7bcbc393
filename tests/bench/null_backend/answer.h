#pragma once
/*
 * What the backend says: one message in, its replies out. It knows the transaction status, named
 * statements and the reported parameters, since a pooler relies on those; a query is only classified.
 */
#include "tests/bench/null_backend/output.h"

#include <sys/types.h>

enum kind { KIND_NOTHING, KIND_ROW, KIND_BIG, KIND_BEGIN, KIND_END, KIND_UTILITY };

struct command {
	enum kind kind;
	const char *tag;
};

struct session {
	bool started; /* the startup packet has been answered */
	bool skips;   /* after an error in the extended protocol, until Sync */
	char status;  /* of the transaction: I, T or E */
	struct command unnamed, portal;
	struct statement *statements; /* the named ones, owned */
	struct output out;
};

void session_init(struct session *session);
void session_release(struct session *session);

/*
 * Answers the message at the beginning of `at`. Returns its size; 0 when it is incomplete; -1 when the
 * session is over. A message larger than `limit` is answered by its first `limit` bytes, and the others
 * are added to `*to_skip`. The byte after the message is written and restored, so it must exist.
 */
ssize_t answer_message(struct session *session, char *at, size_t have, size_t limit,
		       size_t *to_skip);
