/*
 * From an entry of [databases] to libpq's keywords and values, with all host names resolved.
 */
#ifndef MILLPOND_SERVER_CONNINFO_H
#define MILLPOND_SERVER_CONNINFO_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/settings.h"
#include "protocol/failure.h"

struct pool;
struct worker;

/* More pairs than there can be: all keywords of an entry (see conf/keyword.c), and what the settings say. */
#define CONNINFO_MOST 64

struct conninfo {
	const char *keywords[CONNINFO_MOST + 1]; /* both end with NULL */
	const char *values[CONNINFO_MOST + 1];
	int count;
	unsigned turn;	   /* which host of the list is the first, counted on and on */
	bool is_looked_up; /* by names, if the entry has some */
	char *host; /* lists of equal length, made here */
	char *hostaddr;
	char *port;
	char numbers[4][12];
	const char *ciphers; /* up to TLS 1.2, and ... */
	const char *suites;  /* ... of 1.3, as OpenSSL reads them; NULL: its own. libpq cannot be told */
};

/*
 * Fills it in for a server of the pool, from an entry of settings that the caller holds while it is
 * used: those of the pool may be replaced meanwhile. Which host of a list is the first is told by the
 * entry's load_balance_hosts. False: no address, `why` says so. Release in any case.
 */
bool await_conninfo(struct conninfo *conninfo, struct worker *worker, struct pool *pool,
		    const struct settings *settings, const struct database *database,
		    struct failure *why, int64_t deadline);

/*
 * How a login ended, for load_balance_hosts=disable: after a failed one the next begins with the
 * next host, unless another has seen to that, and after a successful one with the host that it led to.
 */
void conninfo_failed(const struct conninfo *conninfo, struct pool *pool,
		     const struct database *database);
void conninfo_succeeded(struct pool *pool, const struct database *database, const char *host,
			unsigned port);

/* Adds what the settings say of TLS to servers, and the entry's own keywords of libpq. */
void conninfo_add_entry(struct conninfo *conninfo, const struct settings *settings,
			const struct database *database);

/* Notes which servers would be verified with a file that is not on this machine. */
void conninfo_note_missing(struct settings *settings);

/* Adds a pair that is not NULL; both texts must outlive the conninfo. */
void conninfo_add(struct conninfo *conninfo, const char *keyword, const char *value);

/* The value that counts of a keyword, as for libpq the last one, or NULL. */
const char *conninfo_value(const struct conninfo *conninfo, const char *keyword);

/* Whether it is an address, and no name. */
bool host_is_numeric(const char *host);

void conninfo_release(struct conninfo *conninfo);

#endif
