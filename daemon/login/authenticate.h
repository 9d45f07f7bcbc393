/*
 * Is a client who it says it is? A user that does not exist is asked like one that does, is refused in
 * the same words, and takes the same time.
 */
#ifndef MILLPOND_LOGIN_AUTHENTICATE_H
#define MILLPOND_LOGIN_AUTHENTICATE_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/auth.h"
#include "protocol/failure.h"

struct session;

/*
 * Has the client prove by that method that it is session->user_name; AuthenticationOk is left to the
 * welcome. What was read before is gone from the scratch buffer afterwards. False: it stays outside,
 * and `why` says so.
 */
bool await_authenticated(struct session *session, enum auth_method method, struct failure *why,
			 int64_t deadline);

/*
 * Whether there is such a user, for who need not prove it or has done so: auth_file or auth_query has to
 * know the name. With neither, any name will do. What auth_query finds is kept for the servers. False:
 * `why` is `unknown`, or why it cannot be found out.
 */
bool await_known(struct session *session, enum failure_kind unknown, struct failure *why,
		 int64_t deadline);

#endif
