#include "conf/hba_options.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/directory.h"
#include "conf/memory.h"
#include "conf/suggest.h"

/* Always false. */
__attribute__((format(printf, 2, 3))) static bool refuse(char *why, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(why, HBA_OPTIONS_WHY_BYTES, format, arguments);
	va_end(arguments);
	return false;
}

bool hba_option_is_secret(const struct hba_option *option)
{
	return strcmp(option->name, "ldapbindpasswd") == 0;
}

/* --- which there are ---------------------------------------------------------------------- */

static bool is_of_ldap(const char *name)
{
	const char *known;

	for (size_t i = 0; (known = directory_option_at(i)); i++) {
		if (strcmp(name, known) == 0)
			return true;
	}
	return false;
}

/* What was probably meant, of the options of the method. */
static bool refuse_unknown(const struct hba_rule *rule, const char *name, char *why)
{
	struct suggestion suggestion;
	const char *known;

	suggestion_init(&suggestion, name);
	for (size_t i = 0; rule->method == AUTH_LDAP && (known = directory_option_at(i)); i++)
		suggestion_offer(&suggestion, known);
	if (rule->method == AUTH_PAM)
		suggestion_offer(&suggestion, "pamservice");
	if (rule->method == AUTH_CERT || rule->method == AUTH_PEER)
		suggestion_offer(&suggestion, "map");
	if (rule->type == HBA_HOSTSSL)
		suggestion_offer(&suggestion, "clientcert");
	return refuse(why, "unknown option \"%.40s\"%s", name, suggestion_text(&suggestion));
}

static bool check_clientcert(const struct hba_rule *rule, const char *value, char *why)
{
	if (rule->type != HBA_HOSTSSL)
		return refuse(why, "\"clientcert\" is for hostssl lines only");
	if (rule->method == AUTH_CERT && strcmp(value, "verify-ca") == 0)
		return refuse(why, "clientcert: the method cert takes verify-full only");
	return strcmp(value, "verify-ca") == 0 || strcmp(value, "verify-full") == 0 ||
	       refuse(why, "clientcert: \"%.40s\" is not one of verify-ca, verify-full", value);
}

static bool check_pam(const struct hba_rule *rule, const char *name, const char *value, char *why)
{
	if (rule->method != AUTH_PAM)
		return refuse(why, "\"%.40s\" is for the method pam", name);
	if (strcmp(name, "pam_use_hostname") == 0)
		return strcmp(value, "0") == 0 ||
		       refuse(why, "pam_use_hostname: only 0 is supported, since names of hosts are "
				   "not looked up");
	return (*value && !strchr(value, '/')) ||
	       refuse(why, "pamservice: \"%.40s\" is not the name of a service", value);
}

static bool check(const struct hba_rule *rule, const char *name, const char *value, char *why)
{
	if (strcmp(name, "map") == 0)
		return rule->method == AUTH_CERT || rule->method == AUTH_PEER ||
		       refuse(why, "\"map\" is for the methods cert and peer");
	if (strcmp(name, "clientcert") == 0)
		return check_clientcert(rule, value, why);
	if (strcmp(name, "pamservice") == 0 || strcmp(name, "pam_use_hostname") == 0)
		return check_pam(rule, name, value, why);
	if (is_of_ldap(name))
		return rule->method == AUTH_LDAP ||
		       refuse(why, "\"%.40s\" is for the method ldap", name);
	return refuse_unknown(rule, name, why);
}

/* --- reading ------------------------------------------------------------------------------ */

static bool add(struct hba_rule *rule, const char *text, char *why)
{
	const char *equals = strchr(text, '=');
	char *name;

	/* With ldap it may be the half of a password. */
	if (!equals && rule->method == AUTH_LDAP)
		return refuse(why, "a word behind option %zu is not an option: expected NAME=VALUE",
			      rule->option_count);
	if (!equals)
		return refuse(why, "\"%.80s\" is not an option: expected NAME=VALUE", text);
	name = text_copy_part(text, (size_t)(equals - text));
	if (!check(rule, name, equals + 1, why)) {
		free(name);
		return false;
	}
	rule->options = memory_grow(rule->options, rule->option_count, sizeof(*rule->options));
	rule->options[rule->option_count++] = (struct hba_option){name, text_copy(equals + 1)};
	return true;
}

static bool read_words(struct hba_rule *rule, const char *text, char *why)
{
	struct word_list field;
	const char *wrong;
	bool good = true;

	while (good && words_next(&text, &field, &wrong)) {
		for (size_t i = 0; i < field.count; i++) {
			good = good && add(rule, field.words[i].text, why);
			explicit_bzero(field.words[i].text, strlen(field.words[i].text));
		}
		words_release(&field);
	}
	return good && (!wrong || refuse(why, "%s", wrong));
}

bool hba_options_read(struct hba_rule *rule, const char *text, char why[HBA_OPTIONS_WHY_BYTES])
{
	if (!read_words(rule, text, why))
		return false;
	if (rule->method == AUTH_LDAP)
		rule->directory = directory_make(rule->options, rule->option_count, why);
	return rule->method != AUTH_LDAP || rule->directory;
}

void hba_options_release(struct hba_rule *rule)
{
	for (size_t i = 0; i < rule->option_count; i++) {
		struct hba_option *option = &rule->options[i];

		if (hba_option_is_secret(option))
			text_wipe(option->value);
		else
			free(option->value);
		free(option->name);
	}
	free(rule->options);
	directory_free(rule->directory);
}

struct directory *hba_options_directory(const char *text, char why[HBA_OPTIONS_WHY_BYTES])
{
	struct hba_rule rule = {.type = HBA_HOST, .method = AUTH_LDAP};
	struct directory *directory = NULL;

	if (hba_options_read(&rule, text, why)) {
		directory = rule.directory;
		rule.directory = NULL;
	}
	hba_options_release(&rule);
	return directory;
}
