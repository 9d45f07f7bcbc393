#include "daemon/session_walk.h"

#include "daemon/runtime/coroutine.h"
#include "daemon/session.h"
#include "daemon/worker.h"

/* So many rows take well under a millisecond. */
#define STEPS_IN_A_ROW 32

void await_give_way(struct worker *worker, size_t *steps)
{
	if (++*steps % STEPS_IN_A_ROW == 0)
		await_turn(&worker->loop);
}

void walk_begin(struct walk *walk, struct worker *worker)
{
	*walk = (struct walk){.worker = worker, .outer = worker->walks, .next = worker->sessions};
	worker->walks = walk;
}

static void end(struct walk *walk)
{
	struct walk **link = &walk->worker->walks;

	while (*link != walk)
		link = &(*link)->outer;
	*link = walk->outer;
}

struct session *await_walk(struct walk *walk)
{
	await_give_way(walk->worker, &walk->steps);
	struct session *session = walk->next;
	if (session == NULL)
		end(walk);
	else
		walk->next = session->next;
	return session;
}

void walks_pass_over(struct worker *worker, const struct session *session)
{
	for (struct walk *walk = worker->walks; walk != NULL; walk = walk->outer)
		if (walk->next == session)
			walk->next = session->next;
}
