#include "conf/directory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/array.h"
#include "conf/hba.h"
#include "conf/memory.h"
#include "conf/value.h"

/* The options as they stand in the line, or were taken out of ldapurl; NULL: not there. */
struct parts {
	char *server, *port, *scheme, *tls, *url;
	char *prefix, *suffix;
	char *base_dn, *bind_dn, *bind_password, *attribute, *filter;
	char *scope; /* of ldapurl only */
	char *why;
};

#define PART(name, field) {name, offsetof(struct parts, field)}
static const struct {
	const char *name;
	size_t offset;
} part_table[] = {
	PART("ldapserver", server),	    PART("ldapport", port),
	PART("ldapscheme", scheme),	    PART("ldaptls", tls),
	PART("ldapurl", url),		    PART("ldapprefix", prefix),
	PART("ldapsuffix", suffix),	    PART("ldapbasedn", base_dn),
	PART("ldapbinddn", bind_dn),	    PART("ldapbindpasswd", bind_password),
	PART("ldapsearchattribute", attribute), PART("ldapsearchfilter", filter),
};

const char *directory_option_at(size_t index)
{
	return index < ARRAY_SIZE(part_table) ? part_table[index].name : NULL;
}

/* Always false. */
__attribute__((format(printf, 2, 3))) static bool refuse(const struct parts *parts,
							 const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(parts->why, DIRECTORY_WHY_BYTES, format, arguments);
	va_end(arguments);
	return false;
}

static void set_part(char **part, const char *value, size_t length)
{
	text_wipe(*part);
	*part = text_copy_part(value, length);
}

static char **part_at(struct parts *parts, size_t index)
{
	return (char **)(void *)((char *)parts + part_table[index].offset);
}

/* The part that an option sets; NULL: it is about something else. */
static char **find_part(struct parts *parts, const char *option)
{
	for (size_t i = 0; i < ARRAY_SIZE(part_table); i++) {
		if (strcmp(option, part_table[i].name) == 0)
			return part_at(parts, i);
	}
	return NULL;
}

static void parts_release(struct parts *parts)
{
	for (size_t i = 0; i < ARRAY_SIZE(part_table); i++)
		text_wipe(*part_at(parts, i));
	free(parts->scope);
}

/* --- ldapurl ------------------------------------------------------------------------------ */

static int hex_digit(char letter)
{
	static const char digits[] = "0123456789abcdef";
	const char *found = letter ? strchr(digits, letter | 0x20) : NULL;

	return found ? (int)(found - digits) : -1;
}

/* The letter that %XX at this place stands for; 0: none. A zero ends the text. */
static char decoded(const char *text)
{
	int high = hex_digit(text[1]);
	int low = high < 0 ? -1 : hex_digit(text[2]);

	return (char)(low < 0 ? 0 : high * 16 + low);
}

/* What stands up to the next of `ends`, with %XX read. The rest begins with the letter that ended it. */
static bool take_decoded(const char **at, const char *ends, char **part)
{
	size_t length = strcspn(*at, ends);
	char *text = text_copy_part(*at, length), *to = text;
	bool good = true;

	for (const char *from = text; good && *from; from++) {
		bool is_encoded = *from == '%';

		*to = is_encoded ? decoded(from) : *from;
		good = *to++ != '\0';
		from += is_encoded && good ? 2 : 0;
	}
	*to = '\0';
	text_wipe(*part);
	*part = text;
	*at += length;
	return good;
}

static bool take_address(struct parts *parts, const char **at)
{
	size_t scheme = strncmp(*at, "ldap://", 7) == 0	   ? 4
			: strncmp(*at, "ldaps://", 8) == 0 ? 5
							   : 0;

	if (scheme == 0)
		return refuse(parts, "ldapurl: it must begin with ldap:// or ldaps://");
	set_part(&parts->scheme, *at, scheme);
	*at += scheme + 3;
	if (!take_decoded(at, **at == '[' ? "]" : ":/?", &parts->server))
		return refuse(parts, "ldapurl: there is a %% without two digits behind it");
	if (**at == ']' && parts->server[0] == '[') {
		memmove(parts->server, parts->server + 1, strlen(parts->server));
		++*at;
	}
	if (**at == ':') {
		++*at;
		if (!take_decoded(at, "/?", &parts->port))
			return refuse(parts, "ldapurl: this is no port");
	}
	return **at == '\0' || **at == '/' || **at == '?' ||
	       refuse(parts, "ldapurl: \"%.40s\" is no end of an address", *at);
}

/* ldap[s]://host[:port]/basedn[?[attribute][?[scope][?[filter]]]] (RFC 4516) */
static bool take_url(struct parts *parts)
{
	char **places[] = {&parts->base_dn, &parts->attribute, &parts->scope, &parts->filter};
	const char *at = parts->url;

	if (!take_address(parts, &at))
		return false;
	if (*at == '?')
		return refuse(parts, "ldapurl: the base DN is missing");
	for (size_t i = 0; *at && i < ARRAY_SIZE(places); i++) {
		at++;
		if (*at == '\0' || *at == '?')
			continue;
		if (!take_decoded(&at, "?", places[i]))
			return refuse(parts, "ldapurl: there is a %% without two digits behind it");
	}
	return *at == '\0' || refuse(parts, "ldapurl: extensions are not supported");
}

/* --- what they mean ----------------------------------------------------------------------- */

static bool is_set(const char *part)
{
	return part && *part;
}

static bool check_together(const struct parts *parts)
{
	bool searches = parts->base_dn || parts->bind_dn || parts->bind_password ||
			parts->attribute || parts->filter;

	if (searches && (parts->prefix || parts->suffix))
		return refuse(parts, "ldapprefix and ldapsuffix cannot be used together with "
				     "ldapbasedn, ldapbinddn, ldapbindpasswd, ldapsearchattribute, "
				     "ldapsearchfilter or an ldapurl with these");
	if (!is_set(parts->base_dn) && !is_set(parts->prefix) && !is_set(parts->suffix))
		return refuse(parts, "one of ldapbasedn, ldapprefix and ldapsuffix is needed");
	if (is_set(parts->attribute) && is_set(parts->filter))
		return refuse(parts,
			      "ldapsearchattribute and ldapsearchfilter cannot be used together");
	if (!is_set(parts->server))
		return refuse(parts, "ldapserver is needed, or an ldapurl with a host");
	return true;
}

/* Names that cannot hold anything else, so that they need no escapes. */
static bool is_attribute(const char *text)
{
	return *text && strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				     "-.;_") == strlen(text);
}

static bool check_search(const struct parts *parts)
{
	if (is_set(parts->attribute) && !is_attribute(parts->attribute))
		return refuse(parts, "ldapsearchattribute: \"%.40s\" is not the name of one attribute",
			      parts->attribute);
	if (is_set(parts->filter) && !strstr(parts->filter, "$username"))
		return refuse(parts, "ldapsearchfilter: without $username in it everybody would be "
				     "the same");
	return true;
}

static bool read_scope(const struct parts *parts, struct directory *directory)
{
	static const char *const names[] = {"base", "one", "sub"};

	directory->scope = parts->url ? DIRECTORY_BASE : DIRECTORY_SUBTREE;
	if (!is_set(parts->scope))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(parts->scope, names[i]) == 0) {
			directory->scope = (enum directory_scope)i;
			return true;
		}
	}
	return refuse(parts, "ldapurl: \"%.40s\" is not one of base, one, sub", parts->scope);
}

static bool read_tls(const struct parts *parts, struct directory *directory, bool *is_ldaps)
{
	*is_ldaps = parts->scheme && strcmp(parts->scheme, "ldaps") == 0;
	if (parts->scheme && !*is_ldaps && strcmp(parts->scheme, "ldap") != 0)
		return refuse(parts, "ldapscheme: \"%.40s\" is not one of ldap, ldaps",
			      parts->scheme);
	directory->starts_tls = parts->tls && strcmp(parts->tls, "1") == 0;
	if (parts->tls && !directory->starts_tls && strcmp(parts->tls, "0") != 0)
		return refuse(parts, "ldaptls: \"%.40s\" is neither 0 nor 1", parts->tls);
	if (directory->starts_tls && *is_ldaps)
		return refuse(parts, "ldaptls: with ldaps there is TLS from the beginning");
	return true;
}

/* One URL for each server; the words of the list are separated by blanks. */
static bool write_addresses(const struct parts *parts, struct directory *directory, bool is_ldaps)
{
	int port = is_ldaps ? 636 : 389;
	const char *at = parts->server;

	if (is_set(parts->port) && !value_read_int(parts->port, 1, 65535, &port))
		return refuse(parts, "ldapport: \"%.40s\" is not a number from 1 to 65535",
			      parts->port);
	directory->addresses = text_copy("");
	while (*(at += strspn(at, " \t"))) {
		int length = (int)strcspn(at, " \t");
		const char *colon = memchr(at, ':', (size_t)length);
		bool is_bare = colon && *at != '[' && strchr(colon + 1, ':'); /* IPv6 */
		char *before = directory->addresses;

		if (colon && *at != '[' && !is_bare)
			return refuse(parts, "ldapserver: the port of \"%.*s\" is to be set by ldapport",
				      length, at);
		directory->addresses =
			text_format("%s%sldap%s://%s%.*s%s:%d", before, *before ? " " : "",
				    is_ldaps ? "s" : "", is_bare ? "[" : "", length, at,
				    is_bare ? "]" : "", port);
		free(before);
		at += length;
	}
	if (strpbrk(parts->server, "/?%#\\\""))
		return refuse(parts, "ldapserver: \"%.80s\" is not a name or an address",
			      parts->server);
	return true;
}

static char *copy_or_empty(const char *part)
{
	return text_copy(part ? part : "");
}

static bool interpret(struct parts *parts, struct directory *directory)
{
	bool is_ldaps;

	if ((parts->url && !take_url(parts)) || !check_together(parts) || !check_search(parts) ||
	    !read_scope(parts, directory) || !read_tls(parts, directory, &is_ldaps) ||
	    !write_addresses(parts, directory, is_ldaps))
		return false;
	directory->prefix = copy_or_empty(parts->prefix);
	directory->suffix = copy_or_empty(parts->suffix);
	directory->base_dn = is_set(parts->base_dn) ? text_copy(parts->base_dn) : NULL;
	directory->bind_dn = copy_or_empty(parts->bind_dn);
	directory->bind_password = copy_or_empty(parts->bind_password);
	directory->attribute = text_copy(is_set(parts->attribute) ? parts->attribute : "uid");
	directory->filter = is_set(parts->filter) ? text_copy(parts->filter) : NULL;
	return true;
}

struct directory *directory_make(const struct hba_option *options, size_t count,
				 char why[DIRECTORY_WHY_BYTES])
{
	struct directory *directory = memory_zeroed(sizeof(*directory));
	struct parts parts = {.why = why};

	for (size_t i = 0; i < count; i++) {
		char **part = find_part(&parts, options[i].name);

		if (part)
			set_part(part, options[i].value, strlen(options[i].value));
	}
	bool good = interpret(&parts, directory);
	parts_release(&parts);
	if (good)
		return directory;
	directory_free(directory);
	return NULL;
}

void directory_free(struct directory *directory)
{
	if (!directory)
		return;
	free(directory->addresses);
	free(directory->prefix);
	free(directory->suffix);
	free(directory->base_dn);
	free(directory->bind_dn);
	text_wipe(directory->bind_password);
	free(directory->attribute);
	free(directory->filter);
	free(directory);
}

/* --- names -------------------------------------------------------------------------------- */

static bool is_in(char letter, const char *letters)
{
	return letter && strchr(letters, letter);
}

/*
 * As a value of a DN (RFC 4514, section 2.4): what has a meaning there, what stands for nothing at an
 * end, and control characters are written as \XX.
 */
static char *escape_for_dn(const char *name)
{
	char *text = memory_zeroed(3 * strlen(name) + 1), *to = text;

	for (const char *from = name; *from; from++) {
		bool is_edge = from == name || !from[1];

		if (is_in(*from, "\"+,;<>\\=") || (from == name && *from == '#') ||
		    (is_edge && *from == ' ') || (unsigned char)*from < ' ')
			to += sprintf(to, "\\%02x", (unsigned char)*from);
		else
			*to++ = *from;
	}
	return text;
}

/* As a value of a filter (RFC 4515, section 3). */
static char *escape_for_filter(const char *name)
{
	char *text = memory_zeroed(3 * strlen(name) + 1), *to = text;

	for (const char *from = name; *from; from++) {
		if (is_in(*from, "*()\\") || (unsigned char)*from < ' ')
			to += sprintf(to, "\\%02x", (unsigned char)*from);
		else
			*to++ = *from;
	}
	return text;
}

char *directory_bind_name(const struct directory *directory, const char *user)
{
	/* Active Directory also takes DOMAIN\name and name@domain, which are no DNs. */
	bool is_dn = strchr(directory->prefix, '=') || strchr(directory->suffix, '=');
	char *escaped = is_dn ? escape_for_dn(user) : text_copy(user);
	char *name = text_format("%s%s%s", directory->prefix, escaped, directory->suffix);

	free(escaped);
	return name;
}

char *directory_filter(const struct directory *directory, const char *user)
{
	static const char place[] = "$username";
	const char *at = directory->filter, *next;
	char *escaped = escape_for_filter(user), *filter = text_copy("");

	if (!directory->filter) {
		free(filter);
		filter = text_format("(%s=%s)", directory->attribute, escaped);
	}
	for (; at && *at; at = next) {
		const char *found = strstr(at, place);
		int length = found ? (int)(found - at) : (int)strlen(at);
		char *before = filter;

		filter = text_format("%s%.*s%s", before, length, at, found ? escaped : "");
		free(before);
		next = at + length + (found ? strlen(place) : 0);
	}
	free(escaped);
	return filter;
}
