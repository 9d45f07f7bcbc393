/*
 * The rules of a pool: who gets a server, and when one is made, checked and retired. Whoever calls
 * has the lock; what is decided here is done when it is released.
 */
#ifndef MILLPOND_POOL_POLICY_H
#define MILLPOND_POOL_POLICY_H

#include "pool/pool.h"

/* The server that is to be lent next, if it rests at home with that worker; or from anywhere. NULL:
 * none, or not without a check. */
struct server *policy_idle_here(const struct pool *pool, unsigned worker, int64_t now);
struct server *policy_idle(const struct pool *pool, unsigned worker, int64_t now);

/* Lends one that rests, or goes from one client to the next. */
void policy_lend(struct server *server, int64_t now);

/* Lends it to one who stands in the queue, or is about to. */
void policy_lend_to(struct borrower *borrower, struct server *server, int64_t now);

/* Has as many servers under way as there are clients waiting, if the limits allow. */
void policy_provide(struct pool *pool, int64_t now);

/* A server has gone: makes one in its place, for whoever came first of those who share the pool's size. */
void policy_replace(struct pool *pool, int64_t now);

/* A server has become free: it goes to somebody in the queue, or to rest. */
void policy_settle(struct server *server, int64_t now);

/*
 * Takes a server out of its pool, to be taken down when the lock is let go. The reason is a literal; any other
 * text only in the thread of the server's home, where it is used by then.
 */
void policy_retire(struct server *server, const char *reason);

/* Whether a borrower is turned away at once. */
bool policy_refuses(const struct pool *pool, const struct borrower *borrower, int64_t now);
void policy_refuse_all(struct pool *pool);

/* The same for the clients of one worker that have logged in, who are to wait in another pool. */
void policy_refuse_those_of(struct pool *pool, unsigned worker);

/* A login has failed: those who would wait in vain are told, all at once. */
void policy_tell_failure(struct pool *pool);

/* Why even a server that is as good as new is not to be lent any more, or NULL. */
const char *policy_reason_not_to_lend(const struct pool *pool, const struct server *server);

/* Notes that the server's login has failed, and when the next is due. */
void policy_note_failure(const struct server *server, const struct failure *why, int64_t now);

/* Called a few times a second: lifetimes, idle limits, minimum size, the reserve, retries. */
void policy_tick(struct pool *pool, int64_t now);

/* Stops lending and closes what is idle; a pool is quiet when it has no server left. Or goes on. */
void policy_pause(struct pool *pool, int64_t now);
void policy_resume(struct pool *pool, int64_t now);

/* No server present will be lent again. */
void policy_reconnect(struct pool *pool, const char *reason);

#endif
