/*
 * The sockets on which clients arrive: TCP addresses and a Unix socket, opened here or passed by
 * systemd. Accepting never stops for good: when descriptors run out, clients are told so.
 */
#ifndef MILLPOND_DAEMON_LISTENER_H
#define MILLPOND_DAEMON_LISTENER_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>

#include "conf/settings.h"

struct worker;

#define LISTENERS_MOST 32

struct listener {
	struct worker *worker;
	struct listeners *all;
	int fd;
	bool is_unix;
	struct event *event; /* NULL: closed */
	char path[108]; /* of a Unix socket to remove at the end, or "" */
};

struct listeners {
	struct listener list[LISTENERS_MOST];
	size_t count;
	int spare_fd;		/* given up for a moment to refuse a client politely */
	struct event *resume; /* accepting again after a pause */
	bool held;
};

/*
 * An address or folder that is not there is left out, with a warning. False: one of them is in use, or none is left;
 * `listeners` is empty, and the log says why.
 */
bool listeners_open(struct listeners *listeners, struct worker *worker);

/* What new settings say of sockets holds for those who come from now on. */
void listeners_adopt(struct listeners *listeners, const struct settings *settings);

/* Lets whoever comes wait, until it is taken back. */
void listeners_hold(struct listeners *listeners);
void listeners_go_on(struct listeners *listeners);

/* Accepts again, unless it is held: at each tick, should there have been no memory for it in time. */
void listeners_resume(struct listeners *listeners);

/* Stops listening: on TCP only, or altogether. */
void listeners_close_tcp(struct listeners *listeners);
void listeners_close(struct listeners *listeners);

#endif
