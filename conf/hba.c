#include "conf/hba.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "conf/array.h"
#include "conf/hba_options.h"
#include "conf/ident.h"
#include "conf/memory.h"
#include "conf/source.h"

struct reader {
	struct hba_rule *rule;
	const char *at; /* the rest of the line */
	struct fault_list *faults;
};

/* Always false. */
__attribute__((format(printf, 2, 3))) static bool refuse(struct reader *reader, const char *format,
							 ...)
{
	char text[HBA_OPTIONS_WHY_BYTES];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	fault_add(reader->faults, reader->rule->file, reader->rule->line, "%s", text);
	return false;
}

static const struct {
	const char *name;
	enum auth_method method;
} methods[] = {
	{"trust", AUTH_TRUST},
	{"reject", AUTH_REJECT},
	{"md5", AUTH_MD5},
	{"password", AUTH_PLAIN},
	{"scram-sha-256", AUTH_SCRAM},
	{"cert", AUTH_CERT},
	{"peer", AUTH_PEER},
	{"pam", AUTH_PAM},
	{"ldap", AUTH_LDAP},
};

/* PostgreSQL's, which have no counterpart here. */
static const char *const foreign_methods[] = {"gss", "sspi", "ident", "radius", "bsd", "oauth"};

static const char *const type_names[] = {"local", "host", "hostssl", "hostnossl"};

const char *hba_type_name(enum hba_type type)
{
	return type_names[type];
}

const char *hba_method_name(enum auth_method method)
{
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
		if (methods[i].method == method)
			return methods[i].name;
	}
	return "";
}

/* --- the fields of a line ----------------------------------------------------------------- */

static bool next_field(struct reader *reader, struct word_list *field, const char *what)
{
	const char *wrong;

	if (words_next(&reader->at, field, &wrong))
		return true;
	if (wrong)
		return refuse(reader, "%s", wrong);
	return refuse(reader, "%s is missing", what);
}

/* A field of one word, whose text the caller owns; it is NULL where there is none. */
static struct word next_word(struct reader *reader, const char *what)
{
	struct word_list field;
	struct word word = {0};

	if (!next_field(reader, &field, what))
		return word;
	if (field.count == 1)
		word = (struct word){text_copy(field.words[0].text), field.words[0].is_quoted};
	else
		refuse(reader, "%s cannot be a list", what);
	words_release(&field);
	return word;
}

static bool read_type(struct reader *reader)
{
	char *word = next_word(reader, "the type").text;
	bool found = false;

	if (!word)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(type_names) && !found; i++) {
		found = strcmp(word, type_names[i]) == 0;
		reader->rule->type = (enum hba_type)i;
	}
	/* No client comes with GSS encryption. */
	if (!found && strcmp(word, "hostnogssenc") == 0) {
		reader->rule->type = HBA_HOST;
		found = true;
	}
	if (!found)
		refuse(reader, "\"%.40s\" is not one of local, host, hostssl, hostnossl", word);
	free(word);
	return found;
}

/* To PostgreSQL such a word is a regular expression, in quotes as well, and as a name it would fit nobody. */
static bool has_no_patterns(struct reader *reader, const struct word_list *names)
{
	for (size_t i = 0; i < names->count; i++) {
		if (names->words[i].text[0] == '/')
			return refuse(reader,
				      "\"%.80s\" is not supported: PostgreSQL has regular "
				      "expressions of its own; list the names, or put them into a "
				      "file and write @FILE",
				      names->words[i].text);
	}
	return true;
}

static bool read_databases(struct reader *reader)
{
	struct hba_rule *rule = reader->rule;

	if (!next_field(reader, &rule->databases, "the database"))
		return false;
	words_expand(&rule->databases, rule->file, rule->line, reader->faults);
	if (words_have_keyword(&rule->databases, "samerole") ||
	    words_have_keyword(&rule->databases, "samegroup"))
		return refuse(reader, "\"samerole\" is not supported: the groups of users are "
				      "known to the server alone");
	return has_no_patterns(reader, &rule->databases);
}

static bool read_users(struct reader *reader)
{
	struct hba_rule *rule = reader->rule;

	if (!next_field(reader, &rule->users, "the user"))
		return false;
	words_expand(&rule->users, rule->file, rule->line, reader->faults);
	for (size_t i = 0; i < rule->users.count; i++) {
		const struct word *user = &rule->users.words[i];

		if (!user->is_quoted && user->text[0] == '+')
			return refuse(reader,
				      "\"%.80s\" is not supported: the members of groups are "
				      "known to the server alone; list the users, or put them "
				      "into a file and write @FILE",
				      user->text);
	}
	return has_no_patterns(reader, &rule->users);
}

/* --- addresses ---------------------------------------------------------------------------- */

static int parse_address(const char *text, unsigned char address[16])
{
	if (inet_pton(AF_INET, text, address) == 1)
		return AF_INET;
	return inet_pton(AF_INET6, text, address) == 1 ? AF_INET6 : AF_UNSPEC;
}

static void set_prefix(unsigned char mask[16], unsigned bits)
{
	memset(mask, 0, 16);
	for (unsigned i = 0; i < bits; i++)
		mask[i / 8] |= (unsigned char)(0x80 >> i % 8);
}

static bool read_prefix(struct reader *reader, const char *text)
{
	unsigned most = reader->rule->family == AF_INET ? 32 : 128;
	char *end;
	unsigned long bits = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || bits > most)
		return refuse(reader, "\"/%.20s\" is not a length from 0 to %u", text, most);
	set_prefix(reader->rule->mask, (unsigned)bits);
	return true;
}

/* A mask of its own, in the next column. */
static bool read_mask(struct reader *reader)
{
	struct hba_rule *rule = reader->rule;

	rule->mask_text = next_word(reader, "the mask of the address").text;
	if (!rule->mask_text)
		return false;
	if (parse_address(rule->mask_text, rule->mask) != rule->family)
		return refuse(reader, "\"%.80s\" is not a mask for \"%.80s\"", rule->mask_text,
			      rule->address_text);
	return true;
}

static bool read_address(struct reader *reader)
{
	struct hba_rule *rule = reader->rule;
	struct word word;
	char *slash, *text;
	bool good;

	if (rule->type == HBA_LOCAL)
		return true;
	word = next_word(reader, "the address");
	rule->address_text = word.text;
	if (!word.text)
		return false;
	if (word_is_keyword(&word, "all"))
		return true;
	text = text_copy(rule->address_text);
	slash = strchr(text, '/');
	if (slash)
		*slash = '\0';
	rule->family = parse_address(text, rule->address);
	if (rule->family == AF_UNSPEC)
		good = refuse(reader,
			      "\"%.80s\" is not an address; names, samehost and samenet are "
			      "not supported",
			      rule->address_text);
	else
		good = slash ? read_prefix(reader, slash + 1) : read_mask(reader);
	free(text);
	return good;
}

/* --- methods and their options ------------------------------------------------------------ */

static bool find_method(struct reader *reader, const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
		if (strcmp(methods[i].name, word) != 0)
			continue;
		reader->rule->method = methods[i].method;
		return true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(foreign_methods); i++) {
		if (strcmp(foreign_methods[i], word) == 0)
			return refuse(reader, "the method \"%s\" is not supported", word);
	}
	return refuse(reader,
		      "\"%.40s\" is no method; there are trust, reject, md5, password, "
		      "scram-sha-256, cert, peer, pam and ldap",
		      word);
}

static bool read_method(struct reader *reader)
{
	struct hba_rule *rule = reader->rule;
	char *word = next_word(reader, "the method").text;
	bool good = word && find_method(reader, word);

	free(word);
	if (!good)
		return false;
	if (rule->method == AUTH_PEER && rule->type != HBA_LOCAL)
		return refuse(reader, "the method \"peer\" is for local lines only");
	if (rule->method == AUTH_CERT && rule->type != HBA_HOSTSSL)
		return refuse(reader, "the method \"cert\" is for hostssl lines only");
	return true;
}

static bool read_options(struct reader *reader)
{
	char why[HBA_OPTIONS_WHY_BYTES];

	return hba_options_read(reader->rule, reader->at, why) || refuse(reader, "%s", why);
}

/* --- the file ----------------------------------------------------------------------------- */

static void rule_release(struct hba_rule *rule)
{
	words_release(&rule->databases);
	words_release(&rule->users);
	hba_options_release(rule);
	free(rule->address_text);
	free(rule->mask_text);
	free(rule->file);
}

/* In PgBouncer such a line fits nobody, and here, as in PostgreSQL, a whole network. */
static void note_host_bits(const struct hba_rule *rule, struct fault_list *notes)
{
	bool found = false;

	for (size_t i = 0; i < sizeof(rule->address); i++)
		found = found || (rule->address[i] & ~rule->mask[i]) != 0;
	if (found && rule->family != AF_UNSPEC)
		fault_add(notes, rule->file, rule->line,
			  "\"%s%s%s\" is a whole network: what the mask leaves out of the address "
			  "does not count (with PgBouncer the line fits nobody)",
			  rule->address_text, rule->mask_text ? " " : "",
			  rule->mask_text ? rule->mask_text : "");
}

/* False: there is a fault, and the rule is in no state but to be released. */
static bool read_fields(struct hba_rule *rule, const char *line, const struct source *source,
			struct fault_list *faults)
{
	struct reader reader = {.rule = rule, .at = line, .faults = faults};
	size_t before = faults->count;

	*rule = (struct hba_rule){.file = text_copy(source_file_name(source)),
				  .line = source_line(source)};
	/* Stops at the first fault of a line, since the fields behind it may have moved. */
	return read_type(&reader) && read_databases(&reader) && read_users(&reader) &&
	       read_address(&reader) && read_method(&reader) && read_options(&reader) &&
	       faults->count == before;
}

/*
 * A blank in front of a comma ends a field, and a form feed is a part of it, as in PostgreSQL. If the
 * line makes no sense then, the comma goes on with the list, and the form feed is blank, as in PgBouncer.
 */
static bool read_rule(struct hba_rule *rule, const char *line, const struct source *source,
		      struct fault_list *faults)
{
	size_t before = faults->count, own;
	char *loosened;
	bool good;

	if (read_fields(rule, line, source, faults))
		return true;
	own = faults->count;
	rule_release(rule);
	loosened = words_loosen(line);
	good = read_fields(rule, loosened, source, faults);
	free(loosened);
	fault_list_cut(faults, good ? before : own);
	return good;
}

static void add_rule(struct hba *hba, const char *line, const struct source *source,
		     struct fault_list *faults, struct fault_list *notes)
{
	struct hba_rule *rule;

	/* With a form feed in front of it PostgreSQL takes no line. */
	while (isspace((unsigned char)*line))
		line++;
	if (!*line || *line == '#')
		return;
	hba->rules = memory_grow(hba->rules, hba->rule_count, sizeof(*hba->rules));
	rule = &hba->rules[hba->rule_count++];
	if (read_rule(rule, line, source, faults))
		note_host_bits(rule, notes);
}

const char *hba_read(struct hba *hba, const char *path, struct fault_list *faults,
		     struct fault_list *notes)
{
	struct source source;
	const char *wrong = source_open(&source, path, faults), *line;

	*hba = (struct hba){0};
	if (!wrong) {
		while ((line = source_next_record(&source)))
			add_rule(hba, line, &source, faults, notes);
	}
	source_release(&source);
	return wrong;
}

void hba_release(struct hba *hba)
{
	for (size_t i = 0; i < hba->rule_count; i++)
		rule_release(&hba->rules[i]);
	free(hba->rules);
	ident_release(hba);
	*hba = (struct hba){0};
}
