/*
 * The version, as `millpond -V`, SHOW VERSION and the log have it.
 */
#ifndef MILLPOND_DAEMON_VERSION_H
#define MILLPOND_DAEMON_VERSION_H

#define MILLPOND_VERSION "0.1"

#endif
