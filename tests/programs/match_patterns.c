/*
 * What becomes of each pattern and name that come in, two in a line with a tab between them: "refused",
 * "no", or "yes" and what the first group has matched and a point, "none", or "refused".
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "conf/pattern.h"

static void tell_group(const char *text, const char *name)
{
	char why[PATTERN_WHY_BYTES];
	regmatch_t groups[2];
	regex_t pattern;

	if (!pattern_compile(&pattern, text, true, why)) {
		printf("yes\trefused\n");
		return;
	}
	if (regexec(&pattern, name, 2, groups, 0) != 0)
		printf("no longer\n");
	else if (groups[1].rm_so < 0)
		printf("yes\tnone\n");
	else
		printf("yes\t%.*s.\n", (int)(groups[1].rm_eo - groups[1].rm_so),
		       name + groups[1].rm_so);
	regfree(&pattern);
}

static void tell(const char *text, const char *name)
{
	char why[PATTERN_WHY_BYTES];
	regex_t pattern;

	if (!pattern_compile(&pattern, text, false, why)) {
		printf("refused\n");
		return;
	}
	if (regexec(&pattern, name, 0, NULL, 0) != 0)
		printf("no\n");
	else
		tell_group(text, name);
	regfree(&pattern);
}

int main(void)
{
	char line[4096];

	while (fgets(line, sizeof line, stdin)) {
		char *name = line + strcspn(line, "\t");

		*name++ = '\0';
		name[strcspn(name, "\n")] = '\0';
		tell(line, name);
	}
	return 0;
}
