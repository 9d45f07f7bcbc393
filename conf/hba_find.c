/*
 * Which rule fits a client, and whether two files say the same.
 */
#include <string.h>
#include <sys/socket.h>

#include "conf/hba.h"
#include "conf/memory.h"
#include "conf/settings.h"

/* The console is one database, by whichever of its names. */
static bool same_database(const char *one, const char *other)
{
	return strcmp(one, other) == 0 || (settings_is_console(one) && settings_is_console(other));
}

/* Replication is for no database, so that not even "all" includes it. */
static bool fits_word(const struct word *word, const struct hba_client *client)
{
	if (word_is_keyword(word, "replication") || client->is_replication)
		return word_is_keyword(word, "replication") && client->is_replication;
	if (word_is_keyword(word, "all"))
		return true;
	if (word_is_keyword(word, "sameuser"))
		return same_database(client->database, client->user);
	return same_database(word->text, client->database);
}

static bool fits_database(const struct word_list *databases, const struct hba_client *client)
{
	for (size_t i = 0; i < databases->count; i++) {
		if (fits_word(&databases->words[i], client))
			return true;
	}
	return false;
}

static bool fits_user(const struct word_list *users, const char *user)
{
	return words_have_keyword(users, "all") || words_have(users, user);
}

/* What a socket for both protocols shows of a client of the older one. */
static bool is_mapped(const struct hba_client *client)
{
	static const unsigned char prefix[12] = {[10] = 0xff, [11] = 0xff};

	return client->family == AF_INET6 && memcmp(client->address, prefix, sizeof(prefix)) == 0;
}

static bool fits_address(const struct hba_rule *rule, const struct hba_client *client)
{
	bool mapped = is_mapped(client);
	const unsigned char *address = client->address + (mapped ? 12 : 0);
	int family = mapped ? AF_INET : client->family;
	size_t bytes = family == AF_INET ? 4 : 16;

	if (rule->family == AF_UNSPEC)
		return true;
	if (rule->family != family)
		return false;
	for (size_t i = 0; i < bytes; i++) {
		if (((address[i] ^ rule->address[i]) & rule->mask[i]) != 0)
			return false;
	}
	return true;
}

static bool fits_connection(const struct hba_rule *rule, const struct hba_client *client)
{
	if (rule->type == HBA_LOCAL)
		return client->family == AF_UNIX;
	if (client->family == AF_UNIX || (rule->type == HBA_HOSTSSL && !client->has_tls) ||
	    (rule->type == HBA_HOSTNOSSL && client->has_tls))
		return false;
	return fits_address(rule, client);
}

const struct hba_rule *hba_find(const struct hba *hba, const struct hba_client *client)
{
	for (size_t i = 0; i < hba->rule_count; i++) {
		const struct hba_rule *rule = &hba->rules[i];

		if (fits_connection(rule, client) && fits_database(&rule->databases, client) &&
		    fits_user(&rule->users, client->user))
			return rule;
	}
	return NULL;
}

const char *hba_option(const struct hba_rule *rule, const char *name)
{
	for (size_t i = rule ? rule->option_count : 0; i > 0; i--) {
		if (strcmp(rule->options[i - 1].name, name) == 0)
			return rule->options[i - 1].value;
	}
	return NULL;
}

/* --- comparing ---------------------------------------------------------------------------- */

static bool same_options(const struct hba_rule *one, const struct hba_rule *other)
{
	if (one->option_count != other->option_count)
		return false;
	for (size_t i = 0; i < one->option_count; i++) {
		if (strcmp(one->options[i].name, other->options[i].name) != 0 ||
		    strcmp(one->options[i].value, other->options[i].value) != 0)
			return false;
	}
	return true;
}

static bool same_rule(const struct hba_rule *one, const struct hba_rule *other)
{
	return one->type == other->type && one->method == other->method &&
	       words_are_equal(&one->databases, &other->databases) &&
	       words_are_equal(&one->users, &other->users) &&
	       text_is_same(one->address_text, other->address_text) &&
	       text_is_same(one->mask_text, other->mask_text) && same_options(one, other);
}

static bool same_ident(const struct ident_line *one, const struct ident_line *other)
{
	return strcmp(one->map, other->map) == 0 && one->is_pattern == other->is_pattern &&
	       strcmp(one->system_user, other->system_user) == 0 &&
	       word_is_equal(&one->user, &other->user);
}

bool hba_is_equal(const struct hba *one, const struct hba *other)
{
	if (one->rule_count != other->rule_count || one->ident_count != other->ident_count)
		return false;
	for (size_t i = 0; i < one->rule_count; i++) {
		if (!same_rule(&one->rules[i], &other->rules[i]))
			return false;
	}
	for (size_t i = 0; i < one->ident_count; i++) {
		if (!same_ident(&one->idents[i], &other->idents[i]))
			return false;
	}
	return true;
}
