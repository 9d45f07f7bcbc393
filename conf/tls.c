#include "conf/tls.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "conf/array.h"

#define TLS_ALL (TLS_1_0 | TLS_1_1 | TLS_1_2 | TLS_1_3)

static const struct {
	const char *name;
	unsigned versions;
} words[] = {
	{"all", TLS_ALL},
	{"legacy", TLS_ALL},
	{"secure", TLS_1_2 | TLS_1_3},
	{"default", TLS_1_2 | TLS_1_3},
	{"tlsv1", TLS_ALL},
	{"tlsv1.0", TLS_1_0},
	{"tlsv1.1", TLS_1_1},
	{"tlsv1.2", TLS_1_2},
	{"tlsv1.3", TLS_1_3},
};

static unsigned find_word(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcasecmp(words[i].name, word) == 0)
			return words[i].versions;
	}
	return 0;
}

const char *tls_version_word(size_t index)
{
	return index < ARRAY_SIZE(words) ? words[index].name : NULL;
}

unsigned tls_versions_parse(const char *text, char *wrong, size_t wrong_bytes)
{
	static const char separators[] = ",: \t";
	unsigned versions = 0;
	char item[32];

	snprintf(wrong, wrong_bytes, "%s", "");
	for (const char *at = text + strspn(text, separators); *at; at += strspn(at, separators)) {
		size_t length = strcspn(at, separators);
		snprintf(item, sizeof(item), "%.*s", (int)(length < 1000 ? length : 1000), at);
		at += length;
		bool is_negated = item[0] == '!';
		unsigned named = find_word(item + is_negated);
		if (!named) {
			snprintf(wrong, wrong_bytes, "%s", item);
			return 0;
		}
		/* What begins with an exclusion excludes from all. */
		if (is_negated)
			versions = (versions ? versions : TLS_ALL) & ~named;
		else
			versions |= named;
	}
	return versions;
}

bool tls_versions_range(unsigned versions, const char **lowest, const char **highest)
{
	static const char *const names[] = {"TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"};
	unsigned first = 0, last = 3;

	while (first < 3 && !(versions & 1u << first))
		first++;
	while (last > first && !(versions & 1u << last))
		last--;
	*lowest = names[first];
	*highest = names[last];
	return (versions >> first) + 1 == 1u << (last - first + 1);
}

const char *tls_ciphers(const char *text)
{
	static const char *const defaults[] = {"", "default", "secure", "fast", "normal"};

	for (size_t i = 0; i < ARRAY_SIZE(defaults); i++) {
		if (strcasecmp(text, defaults[i]) == 0)
			return NULL;
	}
	return strcasecmp(text, "all") == 0 ? "ALL" : text;
}
