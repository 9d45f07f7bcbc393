#include "pool/errands.h"

#include "pool/pool.h"

void errands_clear(struct pool_errands *errands)
{
	*errands = (struct pool_errands){.last_answered = &errands->first_answered};
}

/* --- adding ------------------------------------------------------------------------------- */

void errands_answer(struct pool_errands *errands, struct borrower *borrower)
{
	borrower->next = NULL;
	*errands->last_answered = borrower;
	errands->last_answered = &borrower->next;
}

static void push(struct server **list, struct server *server)
{
	server->next_in_batch = *list;
	*list = server;
}

void errands_dial(struct pool_errands *errands, struct server *server)
{
	push(&errands->dials, server);
}

void errands_check(struct pool_errands *errands, struct server *server)
{
	push(&errands->checks, server);
}

void errands_retire(struct pool_errands *errands, struct server *server)
{
	push(&errands->retired, server);
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

void errands_run(const struct pool_errands *errands, const struct pool_calls *calls, void *context)
{
	struct borrower *next;

	run_each(errands->retired, calls->retire, context);
	for (struct borrower *borrower = errands->first_answered; borrower != NULL;
	     borrower = next) {
		next = borrower->next;
		borrower->answered(borrower);
	}
	run_each(errands->checks, calls->check, context);
	run_dials(errands->dials, calls, context);
}
