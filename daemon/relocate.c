#include "daemon/relocate.h"

#include "daemon/balance.h"
#include "daemon/cancel.h"
#include "daemon/session.h"
#include "daemon/session_walk.h"
#include "daemon/worker.h"

static void add_to_worker(struct session *session)
{
	struct worker *worker = session->worker;

	session->next = worker->sessions;
	session->previous_link = &worker->sessions;
	if (session->next != NULL)
		session->next->previous_link = &session->next;
	worker->sessions = session;
}

void session_depart(struct session *session)
{
	walks_pass_over(session->worker, session);
	*session->previous_link = session->next;
	if (session->next != NULL)
		session->next->previous_link = session->previous_link;
	session->worker->session_count--;
}

/* In the thread of its new worker. What has come meanwhile gave no event, so it looks. */
static void arrive(struct loop_message *message)
{
	struct session *session = container_of(message, struct session, message);

	add_to_worker(session);
	session_wake(session);
	if (session->worker->ending)
		session_kill(session, FAILURE_SHUTTING_DOWN);
	else if (session->phase == SESSION_LOGGED_IN && session->share->database == NULL)
		session_kill(session, FAILURE_DATABASE_REMOVED);
}

void session_settle(struct session *session)
{
	session->message.deliver = arrive;
	if (worker_is_here(session->worker))
		arrive(&session->message);
	else
		loop_post(&session->worker->loop, &session->message);
}

/* A session at rest, without a server, is only this struct and an event. */
void session_relocate_if_wanted(struct session *session)
{
	struct worker *from = session->worker;
	struct worker *to;

	if (session->phase != SESSION_LOGGED_IN || session->upstream != NULL ||
	    !balance_sheds(from))
		return;
	/* Its last reply may still be posted. If that cannot be sent, the session is woken, here. */
	stream_send_posted(&session->client);
	if (session->coroutine != NULL || (to = balance_wants_away(from)) == NULL)
		return;
	to->session_count++;
	session_depart(session);
	stream_move(&session->client, &to->loop);
	session->share = &session->pool->shares[to->index];
	session->active_in_tick = 0;
	from->load.moved_out++;
	to->load.moved_in++;
	cancel_key_move(from->cancel_keys, session, to);
	session_settle(session);
}
