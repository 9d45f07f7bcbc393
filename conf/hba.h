/*
 * Who may come in from where, and how it is to be proved: the lines of auth_hba_file, in their order,
 * and the maps of auth_ident_file.
 * Source: PostgreSQL manual, "The pg_hba.conf File", "User Name Maps".
 */
#ifndef MILLPOND_CONF_HBA_H
#define MILLPOND_CONF_HBA_H

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>

#include "conf/auth.h"
#include "conf/fault.h"
#include "conf/words.h"

struct directory;

enum hba_type { HBA_LOCAL, HBA_HOST, HBA_HOSTSSL, HBA_HOSTNOSSL };

struct hba_option {
	char *name;
	char *value;
};

struct hba_rule {
	char *file;
	int line;
	enum hba_type type;
	struct word_list databases;
	struct word_list users;
	int family; /* AF_INET, AF_INET6, or AF_UNSPEC for any address */
	unsigned char address[16];
	unsigned char mask[16];
	char *address_text; /* as in the file; NULL: a local line */
	char *mask_text;    /* ... if it stands in a column of its own */
	enum auth_method method;
	struct hba_option *options;
	size_t option_count;
	struct directory *directory; /* what they say, with the method ldap */
};

/* One line of auth_ident_file. */
struct ident_line {
	char *map;
	char *system_user; /* of a regular expression: behind its slash */
	bool is_pattern;
	regex_t pattern;
	struct word user; /* may hold \1; without quotes, `all` is everybody */
};

struct hba {
	struct hba_rule *rules;
	size_t rule_count;
	struct ident_line *idents;
	size_t ident_count;
};

/* A client, as the rules see it. */
struct hba_client {
	int family; /* AF_UNIX, AF_INET or AF_INET6 */
	unsigned char address[16];
	bool has_tls;
	bool is_replication;
	const char *database;
	const char *user;
};

/*
 * Reads the file into `hba`; its maps are read by conf/ident. What is wrong in it goes to `faults`, and to
 * `notes` what is odd. Returns why it cannot be read, or NULL.
 */
const char *hba_read(struct hba *hba, const char *path, struct fault_list *faults,
		     struct fault_list *notes);
void hba_release(struct hba *hba);
bool hba_is_equal(const struct hba *one, const struct hba *other);

/* The first rule that fits, or NULL: then the client stays outside. */
const struct hba_rule *hba_find(const struct hba *hba, const struct hba_client *client);

/* The value of a rule's option, the last of those that are given, or NULL; of a NULL rule as well. */
const char *hba_option(const struct hba_rule *rule, const char *name);

/*
 * Whether somebody whom the system (or a certificate) knows as `system_user` may log in as `user`. A
 * NULL or empty map asks for the same name.
 */
bool hba_ident_allows(const struct hba *hba, const char *map, const char *system_user,
		      const char *user);

/* Words of the file, for the console. */
const char *hba_type_name(enum hba_type type);
const char *hba_method_name(enum auth_method method);

#endif
