#include "daemon/server/conninfo.h"

#include <arpa/inet.h>
#include <assert.h>
#include <event2/util.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/check.h"
#include "conf/field.h"
#include "conf/hosts.h"
#include "daemon/server/dns.h"
#include "daemon/server/server_tls_context.h"
#include "daemon/worker.h"
#include "pool/pool.h"

/* So many hosts of a list are tried at a time; the next time may begin with another one. */
#define HOSTS_MOST 32

/* A growing comma list. */
struct list {
	char *text;
	size_t length;
	bool failed;
	unsigned items;
};

static void list_add(struct list *list, const char *item, size_t length)
{
	char *text = list->failed ? NULL : realloc(list->text, list->length + length + 2);

	if (text == NULL) {
		list->failed = true;
		return;
	}
	if (list->items++ > 0)
		text[list->length++] = ',';
	memcpy(text + list->length, item, length);
	list->length += length;
	text[list->length] = '\0';
	list->text = text;
}

bool host_is_numeric(const char *host)
{
	unsigned char address[sizeof(struct in6_addr)];
	return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

/* The lists for libpq, and the search that fills them. */
struct targets {
	struct worker *worker;
	int64_t deadline;
	struct list host;
	struct list hostaddr;
	struct list port;
	const char *reason; /* of the last name that was not found */
	char unknown[128];  /* that name */
};

static void add_target(struct targets *targets, const char *host, const char *address,
		       const char *port, size_t port_length)
{
	list_add(&targets->host, host, strlen(host));
	list_add(&targets->hostaddr, address, strlen(address));
	list_add(&targets->port, port, port_length);
}

/* A directory or an abstract socket needs no address, a number is one, a name may have several. */
static void await_target(struct targets *targets, const char *host, const char *port,
			 size_t port_length, unsigned turn)
{
	struct addresses addresses;

	if (host[0] == '/' || host[0] == '@') {
		add_target(targets, host, "", port, port_length);
		return;
	}
	if (host_is_numeric(host)) {
		add_target(targets, host, host, port, port_length);
		return;
	}
	if (!await_addresses(targets->worker, host, &addresses, &targets->reason,
			     targets->deadline)) {
		snprintf(targets->unknown, sizeof targets->unknown, "%s", host);
		return;
	}
	for (size_t i = 0; i < addresses.count; i++)
		add_target(targets, host, addresses.text[(i + turn) % addresses.count], port,
			   port_length);
}

static const char *default_host(const struct settings *settings)
{
	return settings->unix_socket_dir[0] != '\0' ? settings->unix_socket_dir :
						      "/var/run/postgresql";
}

/* Whether the entry says itself where its hosts are. */
static bool has_addresses(const struct database *database)
{
	return database_keyword(database, "hostaddr") != NULL;
}

static void await_targets(struct targets *targets, const char *hosts, const char *ports,
			  unsigned first)
{
	unsigned count = host_list_length(hosts);

	for (unsigned i = 0; i < count && i < HOSTS_MOST; i++) {
		unsigned number = (i + first) % count;
		size_t host_length;
		size_t port_length;
		const char *item = host_list_item(hosts, number, &host_length);
		const char *port = host_list_item(ports, number, &port_length);
		char *host = strndup(item, host_length);
		if (host == NULL)
			targets->host.failed = true;
		else
			await_target(targets, host, port, port_length, first / count);
		free(host);
	}
}

void conninfo_add(struct conninfo *conninfo, const char *keyword, const char *value)
{
	if (value == NULL)
		return;
	assert(conninfo->count < CONNINFO_MOST);
	conninfo->keywords[conninfo->count] = keyword;
	conninfo->values[conninfo->count++] = value;
}

const char *conninfo_value(const struct conninfo *conninfo, const char *keyword)
{
	for (int i = conninfo->count - 1; i >= 0; i--)
		if (strcmp(conninfo->keywords[i], keyword) == 0 && conninfo->values[i][0] != '\0')
			return conninfo->values[i];
	return NULL;
}

static void add_number(struct conninfo *conninfo, int slot, const char *keyword, int value)
{
	if (value == 0)
		return;
	snprintf(conninfo->numbers[slot], sizeof conninfo->numbers[slot], "%d", value);
	conninfo_add(conninfo, keyword, conninfo->numbers[slot]);
}

static void add_file(struct conninfo *conninfo, const char *keyword, const char *path)
{
	if (path[0] != '\0')
		conninfo_add(conninfo, keyword, path);
}

/* Where libpq is not needed, ciphers can be chosen. */
static void add_ciphers(struct conninfo *conninfo, const struct settings *settings,
			const struct database *database)
{
	if (database_needs_libpq(database) != NULL)
		return;
	conninfo->ciphers = tls_ciphers(settings->server_tls_ciphers);
	if (settings->server_tls13_ciphers[0] != '\0')
		conninfo->suites = settings->server_tls13_ciphers;
}

/*
 * Below verify-ca server_tls_sslmode does not verify, as in PgBouncer; libpq does where there is a file, and with
 * prefer goes on in the clear. It complains of none that is not there. An sslmode of the entry means what it does to libpq.
 */
static const char *authorities(const struct settings *settings, const struct database *database)
{
	if (settings->server_tls_sslmode < TLS_VERIFY_CA &&
	    database_keyword(database, "sslmode") == NULL)
		return "/dev/null/none";
	return settings->server_tls_ca_file;
}

/* A name is verified though an address is given, since the host is given as well. */
static void add_tls(struct conninfo *conninfo, const struct settings *settings,
		    const struct database *database)
{
	const char *lowest;
	const char *highest;
	char wrong[64];

	conninfo_add(conninfo, "sslmode",
		     choice_name(choices_tls_mode, (int)settings->server_tls_sslmode));
	add_file(conninfo, "sslrootcert", authorities(settings, database));
	add_file(conninfo, "sslcert", settings->server_tls_cert_file);
	add_file(conninfo, "sslkey", settings->server_tls_key_file);
	add_file(conninfo, "sslcrl", settings->server_tls_crl_file);
	tls_versions_range(tls_versions_parse(settings->server_tls_protocols, wrong, sizeof wrong),
			   &lowest, &highest);
	conninfo_add(conninfo, "ssl_min_protocol_version", lowest);
	conninfo_add(conninfo, "ssl_max_protocol_version", highest);
}

/* As libpq has it from 16 on; an older one has to be told the file. */
static void add_system(struct conninfo *conninfo)
{
	conninfo_add(conninfo, "sslmode", "verify-full");
	conninfo_add(conninfo, "sslrootcert", server_tls_system_authorities());
}

/* libpq takes the last value of a keyword that is given twice, so the entry's own come last. */
void conninfo_add_entry(struct conninfo *conninfo, const struct settings *settings,
			const struct database *database)
{
	add_tls(conninfo, settings, database);
	for (char **keyword = database->libpq_keywords; keyword != NULL && *keyword != NULL;
	     keyword += 2)
		conninfo_add(conninfo, keyword[0], keyword[1]);
	if (database_trusts_system(database))
		add_system(conninfo);
	server_tls_add_authorities(conninfo);
}

static void add_all(struct conninfo *conninfo, const struct pool *pool,
		    const struct settings *settings, const struct database *database)
{
	conninfo_add(conninfo, "host", conninfo->host);
	conninfo_add(conninfo, "hostaddr", conninfo->hostaddr);
	conninfo_add(conninfo, "port", conninfo->port);
	conninfo_add(conninfo, "dbname", database->dbname != NULL ? database->dbname : pool->database_name);
	conninfo_add(conninfo, "user", pool->user_name);
	conninfo_add(conninfo, "keepalives", settings->tcp_keepalive ? "1" : "0");
	add_number(conninfo, 0, "keepalives_idle", settings->tcp_keepidle);
	add_number(conninfo, 1, "keepalives_interval", settings->tcp_keepintvl);
	add_number(conninfo, 2, "keepalives_count", settings->tcp_keepcnt);
	add_number(conninfo, 3, "tcp_user_timeout", settings->tcp_user_timeout);
	add_ciphers(conninfo, settings, database);
	conninfo_add_entry(conninfo, settings, database);
	if (pool->replication != NULL) {
		bool is_logical = pool->replication->mode == REPLICATION_LOGICAL;
		conninfo_add(conninfo, "replication", is_logical ? "database" : "true");
		conninfo_add(conninfo, "options", pool->replication->options);
		conninfo_add(conninfo, "application_name", pool->replication->application_name);
		conninfo_add(conninfo, "client_encoding", pool->replication->client_encoding);
	}
	/* An encryption that libpq gives nobody a handle of. */
	conninfo_add(conninfo, "gssencmode", "disable");
}

/* TLS is not for Unix sockets. */
static bool is_local(const struct database *database)
{
	return database->host == NULL ? !has_addresses(database) :
					database->host[0] == '/' || database->host[0] == '@';
}

void conninfo_note_missing(struct settings *settings)
{
	for (size_t i = 0; i < settings->database_count; i++) {
		const struct database *database = &settings->databases[i];
		struct conninfo conninfo = {0};

		conninfo_add_entry(&conninfo, settings, database);
		const char *file = server_tls_missing_authorities(&conninfo);
		if (file != NULL && !is_local(database))
			setting_fault(&settings->notes, settings, "server_tls_sslmode",
				      "database \"%.80s\": %s verifies servers, but here is no file \"%.200s\" "
				      "to do it with: name one in server_tls_ca_file or sslrootcert",
				      database->name, conninfo_value(&conninfo, "sslmode"), file);
	}
}

/* The lists of libpq: names as they are, when their addresses are given. */
static bool await_lists(struct conninfo *conninfo, struct worker *worker, const char *hosts,
			const char *ports, struct failure *why, int64_t deadline)
{
	struct targets targets = {.worker = worker, .deadline = deadline};

	conninfo->is_looked_up = true;
	await_targets(&targets, hosts, ports, conninfo->turn);
	conninfo->host = targets.host.text;
	conninfo->hostaddr = targets.hostaddr.text;
	conninfo->port = targets.port.text;
	if (targets.host.failed || targets.hostaddr.failed || targets.port.failed)
		return failure_set(why, FAILURE_NO_MEMORY);
	if (targets.host.items > 0)
		return true;
	failure_set(why, FAILURE_DNS_FAILED);
	return failure_detail(why, "%s: %s", targets.unknown,
			      targets.reason != NULL ? targets.reason : "no address");
}

/* The entry's own: libpq reads them. */
static bool copy_lists(struct conninfo *conninfo, const struct database *database,
		       const char *ports, struct failure *why)
{
	conninfo->host = database->host == NULL ? NULL : strdup(database->host);
	conninfo->port = strdup(ports);
	return ((conninfo->host != NULL || database->host == NULL) && conninfo->port != NULL) ||
	       failure_set(why, FAILURE_NO_MEMORY);
}

/* Which host comes first, and of a name that has several addresses, which of them. */
static unsigned take_turn(struct pool *pool, const struct database *database)
{
	unsigned char random;

	switch (database->load_balance_hosts) {
	case BALANCE_ROUND_ROBIN:
		return atomic_fetch_add_explicit(&pool->next_host, 1, memory_order_relaxed);
	case BALANCE_RANDOM:
		evutil_secure_rng_get_bytes(&random, sizeof random);
		return random;
	case BALANCE_DISABLE:
		break;
	}
	return atomic_load_explicit(&pool->next_host, memory_order_relaxed);
}

void conninfo_failed(const struct conninfo *conninfo, struct pool *pool,
		     const struct database *database)
{
	unsigned turn = conninfo->turn;

	if (database->load_balance_hosts == BALANCE_DISABLE)
		atomic_compare_exchange_strong_explicit(&pool->next_host, &turn, turn + 1,
							memory_order_relaxed,
							memory_order_relaxed);
}

void conninfo_succeeded(struct pool *pool, const struct database *database, const char *host,
			unsigned port)
{
	const char *ports = database_port(database);

	if (database->load_balance_hosts != BALANCE_DISABLE || database->host == NULL ||
	    host == NULL || has_addresses(database))
		return;
	for (unsigned i = 0; i < host_list_length(database->host); i++) {
		size_t host_length, port_length;
		const char *item = host_list_item(database->host, i, &host_length);
		const char *its_port = host_list_item(ports, i, &port_length);
		if (strlen(host) == host_length && strncmp(item, host, host_length) == 0 &&
		    strtoul(its_port, NULL, 10) == port) {
			atomic_store_explicit(&pool->next_host, i, memory_order_relaxed);
			return;
		}
	}
}

bool await_conninfo(struct conninfo *conninfo, struct worker *worker, struct pool *pool,
		    const struct settings *settings, const struct database *database,
		    struct failure *why, int64_t deadline)
{
	const char *hosts = database->host != NULL ? database->host : default_host(settings);
	const char *ports = database_port(database);

	*conninfo = (struct conninfo){.turn = take_turn(pool, database)};
	if (!(has_addresses(database) ? copy_lists(conninfo, database, ports, why) :
					await_lists(conninfo, worker, hosts, ports, why, deadline)))
		return false;
	add_all(conninfo, pool, settings, database);
	return true;
}

void conninfo_release(struct conninfo *conninfo)
{
	free(conninfo->host);
	free(conninfo->hostaddr);
	free(conninfo->port);
}
