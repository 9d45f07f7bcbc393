#include "pool/deferred.h"

#include "pool/pool.h"

void deferred_clear(struct deferred *deferred)
{
	*deferred = (struct deferred){.last_answered = &deferred->first_answered};
}

/* --- adding ------------------------------------------------------------------------------- */

void defer_answer(struct deferred *deferred, struct borrower *borrower)
{
	borrower->next = NULL;
	*deferred->last_answered = borrower;
	deferred->last_answered = &borrower->next;
}

static void push(struct server **list, struct server *server)
{
	server->next_in_batch = *list;
	*list = server;
}

void defer_dial(struct deferred *deferred, struct server *server)
{
	push(&deferred->dials, server);
}

void defer_check(struct deferred *deferred, struct server *server)
{
	push(&deferred->checks, server);
}

void defer_retire(struct deferred *deferred, struct server *server)
{
	push(&deferred->retired, server);
}

/* --- running ------------------------------------------------------------------------------ */

static void run_each(struct server *first, void (*run)(void *context, struct server *server),
		     void *context)
{
	struct server *next;

	for (struct server *server = first; server != NULL; server = next) {
		next = server->next_in_batch;
		server->next_in_batch = NULL;
		run(context, server);
	}
}

/* A batch is what one worker is to dial. */
static void run_dials(struct server *first, const struct pool_calls *calls, void *context)
{
	while (first != NULL) {
		struct server *last = first;
		while (last->next_in_batch != NULL && last->next_in_batch->worker == first->worker)
			last = last->next_in_batch;
		struct server *others = last->next_in_batch;
		last->next_in_batch = NULL;
		calls->dial(context, first);
		first = others;
	}
}

void deferred_run(const struct deferred *deferred, const struct pool_calls *calls, void *context)
{
	struct borrower *next;

	run_each(deferred->retired, calls->retire, context);
	for (struct borrower *borrower = deferred->first_answered; borrower != NULL;
	     borrower = next) {
		next = borrower->next;
		borrower->answered(borrower);
	}
	run_each(deferred->checks, calls->check, context);
	run_dials(deferred->dials, calls, context);
}
