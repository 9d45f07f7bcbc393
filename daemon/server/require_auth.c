#include "daemon/server/require_auth.h"

#include <stddef.h>
#include <string.h>

bool require_auth_allows(const char *list, const char *method)
{
	while (list != NULL && *list != '\0') {
		list += strspn(list, ", \t");
		bool excludes = *list == '!';
		list += excludes;
		size_t length = strcspn(list, ", \t");
		if (length == strlen(method) && strncmp(list, method, length) == 0)
			return !excludes;
		list += length;
		list += strspn(list, ", \t");
		if (*list == '\0')
			return excludes;
	}
	return true;
}
