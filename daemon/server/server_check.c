#include "daemon/server/server_check.h"

#include "conf/check.h"
#include "conf/keyword.h"
#include "daemon/server/conninfo.h"
#include "daemon/server/server_tls_context.h"
#include "pool/libpq_options.h"

/* Where libpq lacks a keyword, the login is done without libpq, and so must be able to do all that the others ask. */
static void check_own_login(const struct settings *settings, const struct database *database,
			    const char *lacking, struct fault_list *faults)
{
	const char *needing = database_needs_libpq(database);
	int version = libpq_version();

	if (needing == NULL)
		return;
	if (!libpq_knows(needing))
		lacking = needing;
	database_fault(
		faults, settings, database,
		"\"%s\" takes libpq %d, but here is %d.%d, and a login without libpq has no \"%s\"",
		lacking, keyword_since(lacking), version / 10000, version % 10000, needing);
}

/* What a libpq that knows of sslnegotiation says by itself. */
static void check_negotiation(const struct settings *settings, const struct database *database,
			      const struct conninfo *conninfo, struct fault_list *faults)
{
	if (!libpq_knows("sslnegotiation") && server_tls_begins(conninfo) &&
	    server_tls_mode(conninfo) < TLS_REQUIRE)
		database_fault(faults, settings, database,
			       "weak sslmode \"%s\" may not be used with sslnegotiation=direct "
			       "(use \"require\", \"verify-ca\", or \"verify-full\")",
			       conninfo_value(conninfo, "sslmode"));
}

/* Of those that another libpq has, only what depends on others is looked at: conf/keyword has seen to their values. */
static void drop_unknown(struct conninfo *conninfo)
{
	int kept = 0;

	for (int i = 0; i < conninfo->count; i++) {
		if (!libpq_knows(conninfo->keywords[i]))
			continue;
		conninfo->keywords[kept] = conninfo->keywords[i];
		conninfo->values[kept++] = conninfo->values[i];
	}
	conninfo->keywords[kept] = conninfo->values[kept] = NULL;
	conninfo->count = kept;
}

static void check_libpq(const struct settings *settings, const struct database *database,
			struct fault_list *faults)
{
	struct conninfo conninfo = {0};
	char why[256];

	conninfo_add_entry(&conninfo, settings, database);
	if (libpq_lacks(database->libpq_keywords) != NULL) {
		check_negotiation(settings, database, &conninfo, faults);
		drop_unknown(&conninfo);
	}
	conninfo_add(&conninfo, "user", "nobody");
	conninfo_add(&conninfo, "password", "none");
	conninfo_add(&conninfo, "hostaddr", LIBPQ_NOWHERE);
	if (!libpq_takes(conninfo.keywords, conninfo.values, why, sizeof why))
		database_fault(faults, settings, database, "libpq cannot connect like this: %s",
			       why);
}

bool servers_check(const struct settings *settings, struct fault_list *faults)
{
	size_t before = faults->count;

	server_tls_check(settings, faults);
	for (size_t i = 0; i < settings->database_count; i++) {
		const struct database *database = &settings->databases[i];
		const char *lacking = libpq_lacks(database->libpq_keywords);

		if (lacking != NULL)
			check_own_login(settings, database, lacking, faults);
		if (database->libpq_keywords != NULL)
			check_libpq(settings, database, faults);
	}
	return faults->count == before;
}
