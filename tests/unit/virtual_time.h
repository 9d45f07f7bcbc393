/*
 * Time that passes only from one event to the next, and numbers that repeat with their seed.
 */
#ifndef MILLPOND_TESTS_UNIT_VIRTUAL_TIME_H
#define MILLPOND_TESTS_UNIT_VIRTUAL_TIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

struct event_at {
	int64_t time;
	uint64_t number; /* of two events at one time the earlier made comes first */
	int kind;
	unsigned epoch; /* for the one who handles it, to tell that it has been overtaken */
	void *subject;
};

/* A binary heap. */
static struct event_at *events;
static size_t event_count, event_room;
static uint64_t event_number;
static uint64_t random_state;

__attribute__((unused)) static uint64_t random_next(void)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return random_state * UINT64_C(2685821657736338717) >> 8;
}

__attribute__((unused)) static int random_between(int low, int high)
{
	return low + (int)(random_next() % (uint64_t)(high - low + 1));
}

__attribute__((unused)) static bool chance(int in_a_thousand)
{
	return random_between(1, 1000) <= in_a_thousand;
}

static bool event_is_before(size_t one, size_t other)
{
	return events[one].time != events[other].time ? events[one].time < events[other].time
						      : events[one].number < events[other].number;
}

static void event_swap(size_t one, size_t other)
{
	struct event_at kept = events[one];
	events[one] = events[other];
	events[other] = kept;
}

__attribute__((unused)) static void event_make(int64_t time, int kind, void *subject,
					       unsigned epoch)
{
	if (event_count == event_room) {
		event_room = event_room * 2 + 1024;
		events = realloc(events, event_room * sizeof *events);
		if (events == NULL)
			abort();
	}
	size_t at = event_count++;
	events[at] = (struct event_at){time, ++event_number, kind, epoch, subject};
	for (; at > 0 && event_is_before(at, (at - 1) / 2); at = (at - 1) / 2)
		event_swap(at, (at - 1) / 2);
}

/* Takes the next event; false when there is none. */
__attribute__((unused)) static bool event_take(struct event_at *event)
{
	if (event_count == 0)
		return false;
	*event = events[0];
	events[0] = events[--event_count];
	for (size_t at = 0;;) {
		size_t least = at;
		for (size_t child = 2 * at + 1; child <= 2 * at + 2; child++)
			if (child < event_count && event_is_before(child, least))
				least = child;
		if (least == at)
			return true;
		event_swap(at, least);
		at = least;
	}
}

__attribute__((unused)) static void events_release(void)
{
	free(events);
	events = NULL;
	event_count = event_room = 0;
}

#endif
