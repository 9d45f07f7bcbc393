/* SHOW HBA: the lines that are in force, in the columns of PostgreSQL's pg_hba_file_rules. */
#include <stdio.h>

#include "conf/hba.h"
#include "conf/hba_options.h"
#include "daemon/console/show.h"
#include "daemon/session.h"
#include "daemon/worker.h"

static void put_options(struct table *table, const struct hba_rule *rule)
{
	char text[1024] = "";
	size_t length = 0;

	for (size_t i = 0; i < rule->option_count && length < sizeof text; i++) {
		bool is_secret = hba_option_is_secret(&rule->options[i]);
		length += (size_t)snprintf(text + length, sizeof text - length, "%s%s=%s",
					   i > 0 ? " " : "", rule->options[i].name,
					   is_secret ? "********" : rule->options[i].value);
	}
	table_text(table, text);
}

static void put_rule(struct table *table, size_t number, const struct hba_rule *rule)
{
	char words[1024];

	table_number(table, (int64_t)number);
	table_text(table, rule->file);
	table_number(table, rule->line);
	table_text(table, hba_type_name(rule->type));
	words_print(&rule->databases, words, sizeof words);
	table_text(table, words);
	words_print(&rule->users, words, sizeof words);
	table_text(table, words);
	table_text(table, rule->address_text == NULL ? "" : rule->address_text);
	table_text(table, rule->mask_text == NULL ? "" : rule->mask_text);
	table_text(table, hba_method_name(rule->method));
	put_options(table, rule);
}

static void hba_rows(struct table *table, struct worker *here)
{
	const struct hba *hba = &here->settings->hba;

	for (size_t i = 0; i < hba->rule_count; i++)
		put_rule(table, i + 1, &hba->rules[i]);
}

const struct show show_hba = {
	"HBA",
	"rule_number int4, file_name text, line_number int4, type text, database text, "
	"user_name text, address text, netmask text, auth_method text, options text",
	hba_rows,
	NULL,
};
