#include "daemon/forward.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/settings.h"
#include "daemon/daemon.h"
#include "daemon/errand.h"
#include "daemon/runtime/coroutine.h"
#include "daemon/runtime/stream.h"
#include "daemon/server/conninfo.h"
#include "daemon/server/reach.h"
#include "daemon/worker.h"
#include "protocol/writer.h"

/* Of the last byte of a key. */
#define HOPS_LEFT 0x03

/* One that has to wait until another is done. */
struct waiting {
	struct waiting *next;
	struct coroutine *coroutine;
	bool is_let_in;
};

/* What is on its way to a peer. */
struct peer_line {
	struct peer_line *next;
	int id;
	unsigned connecting;
	unsigned sent; /* and not yet done with */
	unsigned waiting_count;
	struct waiting *first;
};

/* --- keys --------------------------------------------------------------------------------- */

void forward_sign(unsigned char key[CANCEL_KEY_BYTES], int peer_id)
{
	if (peer_id == 0)
		return;
	key[1] = (unsigned char)(peer_id & 0xff);
	key[2] = (unsigned char)(peer_id >> 8);
	key[7] |= HOPS_LEFT;
}

int forward_peer_of(const unsigned char key[CANCEL_KEY_BYTES])
{
	return key[1] | key[2] << 8;
}

void forward_restore(unsigned char key[CANCEL_KEY_BYTES])
{
	key[7] |= HOPS_LEFT;
}

/* --- whose turn it is --------------------------------------------------------------------- */

static struct peer_line *find_line(struct forwards *forwards, int id)
{
	struct peer_line *line = forwards->first;

	while (line != NULL && line->id != id)
		line = line->next;
	if (line != NULL || (line = calloc(1, sizeof *line)) == NULL)
		return line;
	line->id = id;
	line->next = forwards->first;
	forwards->first = line;
	forwards->count++;
	return line;
}

void forwards_release(struct forwards *forwards)
{
	while (forwards->first != NULL) {
		struct peer_line *line = forwards->first;
		forwards->first = line->next;
		free(line);
	}
}

static void stop_waiting(struct peer_line *line, const struct waiting *waiting)
{
	struct waiting **link = &line->first;

	while (*link != waiting)
		link = &(*link)->next;
	*link = waiting->next;
	line->waiting_count--;
}

/* On success one of the line's places is taken. */
static bool await_place(struct peer_line *line, struct loop *loop, unsigned places,
			int64_t deadline)
{
	struct waiting waiting = {.coroutine = coroutine_current(loop)};
	struct waiting **link = &line->first;
	bool woken = true;

	if (line->connecting + line->sent < places) {
		line->connecting++;
		return true;
	}
	while (*link != NULL)
		link = &(*link)->next;
	*link = &waiting;
	line->waiting_count++;
	while (woken && !waiting.is_let_in)
		woken = await_wake(loop, deadline);
	if (!waiting.is_let_in)
		stop_waiting(line, &waiting);
	else if (!woken && errno == ECANCELED) /* which is left to its next wait */
		coroutine_cancel(waiting.coroutine);
	return waiting.is_let_in;
}

static void leave_place(struct peer_line *line)
{
	struct waiting *next = line->first;

	line->connecting--;
	if (next == NULL)
		return;
	stop_waiting(line, next);
	line->connecting++;
	next->is_let_in = true;
	coroutine_wake(next->coroutine);
}

/* --- sending ------------------------------------------------------------------------------ */

/* The peer closes the connection when it has done what it can. */
static void await_done(struct loop *loop, int fd, const unsigned char *key, int64_t deadline)
{
	struct writer writer;
	struct stream stream;

	writer_init(&writer);
	write_cancel_request(&writer, key);
	stream_init(&stream, loop, fd, stream_ignore);
	if (!writer.failed && stream_send(&stream, writer.data, writer.length))
		await_end_of_stream(&stream, deadline);
	writer_release(&writer);
	stream_close(&stream);
}

static bool is_name(const char *host)
{
	return host[0] != '/' && host[0] != '@' && !host_is_numeric(host);
}

static bool await_connected(struct direct *direct, struct worker *worker,
			    const struct peer_entry *peer, struct failure *why, int64_t deadline)
{
	const char *reason = "no address";
	struct addresses addresses = {0};
	struct conninfo conninfo = {0};
	unsigned number = 0;
	char port[16];

	if (is_name(peer->host) &&
	    !await_addresses(worker, peer->host, &addresses, &reason, deadline)) {
		failure_set(why, FAILURE_DNS_FAILED);
		return failure_detail(why, "%s: %s", peer->host, reason);
	}
	snprintf(port, sizeof port, "%d", peer->port);
	conninfo_add(&conninfo, "host", peer->host);
	conninfo_add(&conninfo, "hostaddr",
		     host_is_numeric(peer->host) ? peer->host : addresses.text[0]);
	conninfo_add(&conninfo, "port", port);
	return await_reached(direct, &worker->loop, &conninfo, &number, why, deadline);
}

static void await_sent_on(struct worker *worker, struct peer_line *line,
			  const struct settings *settings, const struct peer_entry *peer,
			  const unsigned char *key)
{
	struct direct direct = {.fd = -1};
	struct failure why;
	int64_t deadline = deadline_after(settings->server_connect_timeout_us);

	if (!await_connected(&direct, worker, peer, &why, deadline)) {
		log_write(worker->log, LEVEL_LOG,
			  "cancel request not forwarded to peer %d: %s (%s)", peer->id, why.message,
			  why.detail);
		return;
	}
	line->connecting--;
	line->sent++;
	await_done(&worker->loop, direct.fd, key, deadline);
	line->sent--;
	line->connecting++;
}

struct forwarding {
	unsigned char key[CANCEL_KEY_BYTES];
	bool is_late; /* the answer: its turn has not come in time */
};

static void await_forward_there(struct worker *worker, void *arg)
{
	struct forwarding *forwarding = arg;
	int id = forward_peer_of(forwarding->key);
	struct settings *settings = settings_hold(worker->settings);
	const struct peer_entry *peer = settings_find_peer(settings, id);
	struct peer_line *line = peer == NULL ? NULL : find_line(&worker->daemon->forwards, id);

	forwarding->key[7]--;
	if (line == NULL)
		log_write(worker->log, LEVEL_DEBUG,
			  "cancel request not forwarded: there is no peer %d", id);
	else if (!await_place(line, &worker->loop, (unsigned)settings_peer_pool_size(settings, peer),
			      deadline_after(settings->cancel_wait_timeout_us))) {
		log_write(worker->log, LEVEL_LOG,
			  "cancel request not forwarded to peer %d: cancel_wait_timeout", id);
		forwarding->is_late = true;
	} else {
		await_sent_on(worker, line, settings, peer, forwarding->key);
		leave_place(line);
	}
	settings_drop(settings);
}

bool await_forwarded(struct worker *worker, const unsigned char key[CANCEL_KEY_BYTES])
{
	struct forwarding forwarding = {.is_late = false};

	memcpy(forwarding.key, key, sizeof forwarding.key);
	if ((key[7] & HOPS_LEFT) == 0)
		log_write(worker->log, LEVEL_LOG,
			  "cancel request not forwarded to peer %d: it has been too often",
			  forward_peer_of(key));
	else
		await_at(worker, worker->all, await_forward_there, &forwarding);
	return !forwarding.is_late;
}

/* --- looking ------------------------------------------------------------------------------ */

void forwards_each(const struct forwards *forwards,
		   void (*each)(void *context, const struct forward_view *view), void *context)
{
	for (const struct peer_line *line = forwards->first; line != NULL; line = line->next)
		each(context, &(struct forward_view){
				      .peer_id = line->id,
				      .sent = line->sent,
				      .connecting = line->connecting,
				      .waiting = line->waiting_count,
			      });
}
