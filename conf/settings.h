/*
 * The configuration of the daemon, as one immutable value.
 *
 * settings_load() reads a whole file and either returns a complete, checked `struct settings`
 * or a list of faults; it changes nothing that runs. A running daemon swaps the pointer; whoever
 * still works by the old value keeps it with settings_hold() and gives it back with
 * settings_drop(). Settings are never changed after they were loaded, so threads may share them.
 *
 * Fields are named as the settings are in the file; durations are microseconds and end in `_us`.
 * A duration of 0 means what it means in the file, mostly "off".
 */
#ifndef MILLPOND_CONF_SETTINGS_H
#define MILLPOND_CONF_SETTINGS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/auth.h"
#include "conf/auth_file.h"
#include "conf/fault.h"
#include "conf/hba.h"
#include "conf/tls.h"

enum pool_mode { POOL_MODE_UNSET = -1, POOL_SESSION, POOL_TRANSACTION, POOL_STATEMENT };

/* Of a list of hosts, which one is tried first: PgBouncer's two ways, and libpq's own. */
enum load_balance { BALANCE_ROUND_ROBIN, BALANCE_DISABLE, BALANCE_RANDOM };

/* The values are those that openlog() takes. */
enum syslog_facility {
	FACILITY_USER = 1 << 3,
	FACILITY_DAEMON = 3 << 3,
	FACILITY_AUTH = 4 << 3,
	FACILITY_AUTHPRIV = 10 << 3,
	FACILITY_LOCAL0 = 16 << 3,
	FACILITY_LOCAL1 = 17 << 3,
	FACILITY_LOCAL2 = 18 << 3,
	FACILITY_LOCAL3 = 19 << 3,
	FACILITY_LOCAL4 = 20 << 3,
	FACILITY_LOCAL5 = 21 << 3,
	FACILITY_LOCAL6 = 22 << 3,
	FACILITY_LOCAL7 = 23 << 3,
};

/* PgBouncer's text, which SHOW CONFIG shows. */
#define AUTH_QUERY_DEFAULT                                                                   \
	"SELECT rolname, CASE WHEN rolvaliduntil < now() THEN NULL ELSE rolpassword END "    \
	"FROM pg_authid WHERE rolname=$1 AND rolcanlogin"

/* What is not set per database or per user: the next wider value counts. */
#define SETTING_UNSET (-1)

/* One line of [databases]; texts that were not given are NULL. */
struct database {
	char *name;	/* of the entry; "*" for the fallback */
	char *dbname;	/* on the server; NULL: the name the client asked for */
	char *host;	/* as in the file: name, address, directory, or a comma list of these */
	char *port;	/* as in the file: one, or a comma list as long as host's; NULL: 5432 */
	char *user;	/* forced user: one pool for all clients */
	char *password; /* of the forced user */
	char *auth_user; /* as in [millpond], for this database */
	char *auth_query;
	char *auth_dbname;
	char *connect_query;   /* run once on each new server connection */
	char **libpq_keywords; /* other libpq keywords: keyword, value, ..., NULL; or NULL */
	int pool_size;	       /* SETTING_UNSET, or as in the file */
	int min_pool_size;
	int reserve_pool_size;
	int max_db_connections;
	int max_db_client_connections;
	int64_t server_lifetime_us;
	int64_t query_wait_timeout_us;
	enum pool_mode pool_mode;
	enum load_balance load_balance_hosts;
};

/* One line of [users]: what replaces the wider values for this user. */
struct user_settings {
	char *name;
	enum pool_mode pool_mode;
	int pool_size;
	int reserve_pool_size;
	int max_user_connections;
	int max_user_client_connections;
	int64_t query_timeout_us;
	int64_t query_wait_timeout_us;
	int64_t transaction_timeout_us;
	int64_t idle_transaction_timeout_us;
	int64_t client_idle_timeout_us;
};

/* One line of [peers]: another pooler of the group. */
struct peer_entry {
	char *name; /* the id again */
	int id;	    /* its peer_id */
	char *host;
	int port;
	int pool_size; /* SETTING_UNSET, or as in the file */
};

struct pair; /* conf/loader.h */

/* What somebody else has made of the settings, freed together with them; or zeroes. */
struct settings_attachment {
	void *object;
	void (*release)(void *object);
};

struct settings {
	atomic_int holders;
	char *path; /* absolute; read again at reload */

#define TEXT(name, ...) char *name;
#define COUNT(name, ...) int name;
#define OCTAL(name, ...) int name;
#define FLAG(name, ...) bool name;
#define DURATION(name, ...) int64_t name##_us;
#define CHOICE(name, type, ...) enum type name;
#include "conf/settings.def"

	/* The daemon's: made from client_tls_..., in which there are only names of files. */
	struct settings_attachment client_tls;

	/* Whether the file sets server_login_retry; if not, delays grow up to it. */
	bool server_login_retry_is_set;

	/* What is odd about the file, though it can be used; for the log. */
	struct fault_list notes;

	/* What auth_file says; empty without one. */
	struct auth_users auth_users;

	/* What auth_ldap_options say; NULL without any. */
	struct directory *directory;

	/* What auth_hba_file and auth_ident_file say; empty unless auth_type is hba. */
	struct hba hba;

	/* What the file has changed since the start and takes a restart: `listen_port: 6432 -> 6433`. */
	struct fault_list pending;

	/* The file's pairs as they were read, with what SET has added: what all else is made of. */
	struct pair *pairs;
	size_t pair_count;

	/* All in the order of their names, each name once. */
	struct database *databases;
	size_t database_count;
	struct user_settings *users;
	size_t user_count;
	struct peer_entry *peers;
	size_t peer_count;
};

/*
 * Reads and checks the file and everything it includes. Returns settings held once, or NULL with at
 * least one fault in `faults` (which the caller has initialised and releases).
 */
struct settings *settings_load(const char *path, struct fault_list *faults);

/* The same, but never NULL: with faults, what can be made of the rest, to report them as it says. */
struct settings *settings_load_anyway(const char *path, struct fault_list *faults);

/* From any thread. Who drops the last one frees them; what is NULL is not dropped. */
struct settings *settings_hold(struct settings *settings);
void settings_drop(struct settings *settings);

/* The entry for a database name, or else the fallback; NULL: neither, or the name is the console's. */
const struct database *settings_find_database(const struct settings *settings, const char *name);

/* Whether an entry is "*", the fallback for all names that have none. */
bool database_is_fallback(const struct database *database);

/* The console is a database of its own, with two names. This is the one by which it is shown and counted. */
#define CONSOLE_NAME "pgbouncer"

/* Whether a name is one of the databases that are the console: no entry can have it. */
bool settings_is_console(const char *name);

/* The entry of a user in [users], or NULL. */
const struct user_settings *settings_find_user(const struct settings *settings, const char *name);

/* The entry of a peer in [peers], or NULL; and how many requests may be on their way to it at once. */
const struct peer_entry *settings_find_peer(const struct settings *settings, int id);
int settings_peer_pool_size(const struct settings *settings, const struct peer_entry *peer);

/* Whether two entries, which may be NULL, lead to the same place in the same way. */
bool database_leads_to_same(const struct database *old, const struct database *new);

/* Whether both ask for the same kind of TLS to servers. */
bool settings_server_tls_is_equal(const struct settings *one, const struct settings *other);

/* Whether users are looked up with auth_query: an auth_user is set, for all databases or for one. */
bool settings_look_users_up(const struct settings *settings);

/* Whether ciphers to servers are chosen by server_tls_ciphers or server_tls13_ciphers. */
bool settings_choose_server_ciphers(const struct settings *settings);

/* The port of an entry, or its list of them; PostgreSQL's own if it gives none, or is NULL. */
const char *database_port(const struct database *database);

/* The value that an entry gives for a keyword of libpq's that is no key of ours; or NULL. */
const char *database_keyword(const struct database *database, const char *name);

/* Whether an entry has servers verified in full, by those whom the system trusts: sslrootcert=system. */
bool database_trusts_system(const struct database *database);

/*
 * The keyword of an entry that only libpq can do, which cannot be told ciphers; NULL: there is none, and
 * servers can be logged in to without it.
 */
const char *database_needs_libpq(const struct database *database);

/*
 * Whether a list (admin_users, ignore_startup_parameters) names the word. Words are separated by commas or, as PgBouncer
 * takes them as well, by blanks; a word with a blank in it stands between commas.
 */
bool settings_list_has(const char *list, const char *word);

/* The next word of such a list, with its length; false at its end. */
bool settings_list_next(const char **list, const char **word, size_t *length);

/* Whether track_extra_parameters names it, in whatever case. */
bool settings_track(const struct settings *settings, const char *parameter);

/* One row of SHOW CONFIG: texts are valid until the next call for the same buffer. */
struct setting_row {
	const char *key;
	char value[256];
	char default_value[256];
	bool has_value, has_default; /* otherwise there is none, which is not the same as an empty one */
	bool reloadable;
};

/* Fills the row of the setting number `index` (0-based); false when there is none. */
bool settings_row(const struct settings *settings, size_t index, struct setting_row *row);

/*
 * What counts in the end: the user's value, then the database's if it has one, then the general one. The
 * user of a pool is the one it is logged in as on the server: with a forced user (`user=` in [databases]) that
 * one, and not the many who share the pool. Of query_wait_timeout and client_idle_timeout it is the one who has
 * logged in.
 * Either of `database` and `user` may be NULL: nothing is set there. Limits and times of 0 mean
 * "none", as in the file.
 */
enum pool_mode settings_pool_mode(const struct settings *settings, const struct database *database,
				  const struct user_settings *user);
int settings_pool_size(const struct settings *settings, const struct database *database,
		       const struct user_settings *user);
int settings_reserve_pool_size(const struct settings *settings, const struct database *database,
			       const struct user_settings *user);
/* Never more than settings_pool_size() gives. */
int settings_min_pool_size(const struct settings *settings, const struct database *database,
			   const struct user_settings *user);
int settings_max_db_connections(const struct settings *settings, const struct database *database);
int settings_max_user_connections(const struct settings *settings,
				  const struct user_settings *user);
int settings_max_db_client_connections(const struct settings *settings,
				       const struct database *database);
int settings_max_user_client_connections(const struct settings *settings,
					 const struct user_settings *user);
int64_t settings_server_lifetime_us(const struct settings *settings,
				    const struct database *database);

int64_t settings_query_wait_timeout_us(const struct settings *settings,
				       const struct database *database,
				       const struct user_settings *user);
int64_t settings_query_timeout_us(const struct settings *settings,
				  const struct user_settings *user);
int64_t settings_transaction_timeout_us(const struct settings *settings,
					const struct user_settings *user);
int64_t settings_idle_transaction_timeout_us(const struct settings *settings,
					     const struct user_settings *user);
int64_t settings_client_idle_timeout_us(const struct settings *settings,
					const struct user_settings *user);

/*
 * Reads the old settings' file again. Returns new settings, held once, that can take the place of
 * the old ones at once: what takes a restart has kept its old value. With faults, those of settings_load_anyway().
 * `report` gets one line about each difference between the old settings and the file, such as
 *
 *	default_pool_size: 20 -> 40
 *	listen_port: 6432 -> 6433 (takes a restart)
 *	database "shop": changed
 */
struct settings *settings_reload(const struct settings *old, struct fault_list *faults,
				 void (*report)(void *context, const char *line), void *context);

/*
 * What SET makes of the old settings: a new value for a setting that needs no restart, until the next
 * reload. Held once; or NULL, with faults.
 */
struct settings *settings_change(const struct settings *old, const char *name, const char *value,
				 struct fault_list *faults);

/* The two parts of a reload that come after the reading. */
void settings_describe_changes(const struct settings *old, const struct settings *new,
			       void (*report)(void *context, const char *line), void *context);
/* And notes in `pending` what it has kept. Only before anyone else has seen the new settings. */
void settings_keep_restart_values(struct settings *new, const struct settings *old);

#endif
