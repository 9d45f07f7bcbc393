#include "daemon/runtime/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "daemon/runtime/coroutine.h"

static void inbox_filled(evutil_socket_t fd, short what, void *arg)
{
	(void)what;
	struct loop *loop = arg;
	uint64_t count;

	if (read(fd, &count, sizeof count) < 0 && errno != EAGAIN)
		abort(); /* an eventfd of our own cannot fail otherwise */
	pthread_mutex_lock(&loop->inbox_lock);
	struct loop_message *message = loop->inbox;
	loop->inbox = NULL;
	loop->inbox_end = &loop->inbox;
	pthread_mutex_unlock(&loop->inbox_lock);

	while (message != NULL) {
		struct loop_message *next = message->next;
		message->deliver(message); /* may free it */
		message = next;
	}
}

void loop_post(struct loop *loop, struct loop_message *message)
{
	message->next = NULL;
	pthread_mutex_lock(&loop->inbox_lock);
	bool was_empty = loop->inbox == NULL;
	*loop->inbox_end = message;
	loop->inbox_end = &message->next;
	pthread_mutex_unlock(&loop->inbox_lock);

	uint64_t one = 1;
	if (was_empty && write(loop->inbox_fd, &one, sizeof one) < 0)
		abort(); /* the counter cannot overflow: it is written once per emptying */
}

static struct event_base *base_new(void)
{
	struct event_config *config = event_config_new();
	if (config == NULL)
		return NULL;
	/* One thread per base, and edge-triggered events that also tell of a closed peer. */
	event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
	event_config_require_features(config, EV_FEATURE_ET | EV_FEATURE_EARLY_CLOSE);
	struct event_base *base = event_base_new_with_config(config);
	event_config_free(config);
	return base;
}

bool loop_init(struct loop *loop)
{
	*loop = (struct loop){.inbox_fd = -1};
	coroutine_queue_init(&loop->ready);
	coroutine_queue_init(&loop->yielded);
	turnstile_init(&loop->turnstile);
	loop->inbox_end = &loop->inbox;
	pthread_mutex_init(&loop->inbox_lock, NULL);

	loop->base = base_new();
	loop->scratch = malloc(SCRATCH_BYTES);
	/* Takes no memory before it is used. */
	loop->sealed = malloc(SEALED_BYTES);
	loop->inbox_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	bool has_batch = batch_init(&loop->batch);
	if (loop->base == NULL || !has_batch || loop->scratch == NULL || loop->sealed == NULL ||
	    loop->inbox_fd < 0)
		goto failed;
	loop->inbox_event =
		event_new(loop->base, loop->inbox_fd, EV_READ | EV_PERSIST, inbox_filled, loop);
	if (loop->inbox_event == NULL || event_add(loop->inbox_event, NULL) != 0)
		goto failed;
	return true;

failed:
	loop_release(loop);
	return false;
}

void loop_release(struct loop *loop)
{
	coroutine_free_spares(loop);
	if (loop->inbox_event != NULL)
		event_free(loop->inbox_event);
	if (loop->inbox_fd >= 0)
		close(loop->inbox_fd);
	if (loop->base != NULL)
		event_base_free(loop->base);
	free(loop->scratch);
	free(loop->sealed);
	batch_release(&loop->batch);
	pthread_mutex_destroy(&loop->inbox_lock);
}

void loop_run(struct loop *loop)
{
	loop->is_stopped = false;
	while (!loop->is_stopped) {
		int wait = coroutines_are_ready(loop) ? EVLOOP_NONBLOCK : 0;
		int failed = event_base_loop(loop->base,
					     EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY | wait);
		loop->is_stopped |= failed == -1;
		loop->time = 0;
		loop->turnstile.used_us = 0;
		coroutines_run(loop);
		batch_end(loop);
	}
}

void loop_stop(struct loop *loop)
{
	loop->is_stopped = true;
	event_base_loopbreak(loop->base);
}

/* Not inlined: its local would have the compiler guard the stack of every function that asks for the time. */
__attribute__((noinline)) int64_t loop_now(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}
