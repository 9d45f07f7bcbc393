/*
 * Which of several servers an entry means (target_session_attrs), for logins without libpq.
 * Source: PostgreSQL manual, "Parameter Key Words" (libpq).
 */
#ifndef MILLPOND_SERVER_SERVER_TYPE_H
#define MILLPOND_SERVER_SERVER_TYPE_H

#include <stdbool.h>

#include "conf/keyword.h"
#include "daemon/server/conninfo.h"
#include "protocol/failure.h"
#include "protocol/parameters.h"

enum server_type server_type_wanted(const struct conninfo *conninfo);

/* The query whose answer, "on", "t" or else, tells what a server is; NULL: what it reports does (PostgreSQL 14 on). */
const char *server_type_question(enum server_type wanted, const struct parameters *reported);

/* Whether it is what is wanted, by what it reports or by its answer to the question (NULL: it had none). False: `why`, in
 * libpq's words. */
bool server_type_is(enum server_type wanted, const struct parameters *reported, const char *answer,
		    struct failure *why);

#endif
