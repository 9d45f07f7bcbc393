/*
 * The versions: Millpond's own, and that of PgBouncer by which monitors know what the console answers.
 */
#ifndef MILLPOND_DAEMON_VERSION_H
#define MILLPOND_DAEMON_VERSION_H

#define MILLPOND_VERSION "0.1"
#define PGBOUNCER_VERSION "1.25.2"

/* SHOW VERSION and the first line of `millpond -V`. No other digit may be in it, and nothing behind the last:
 * there are monitors that take all from the first one on for the version. */
#define VERSION_LINE "Millpond, compatible with PgBouncer " PGBOUNCER_VERSION

/* What the console has as a parameter. */
#define CONSOLE_SERVER_VERSION PGBOUNCER_VERSION "/bouncer"

#endif
