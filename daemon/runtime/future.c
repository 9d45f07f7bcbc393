#include "daemon/runtime/future.h"

#include "daemon/runtime/coroutine.h"

void future_complete(struct future *future)
{
	future->is_done = true;
	coroutine_wake(future->waiter);
}

static void arrive(struct loop_message *message)
{
	future_complete(container_of(message, struct future, message));
}

void future_post(struct future *future)
{
	future->message.deliver = arrive;
	loop_post(future->loop, &future->message);
}

void await_future(struct future *future)
{
	await_surely(future->loop, &future->is_done);
}
