#include "conf/fault.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>

#include "conf/memory.h"

void fault_list_init(struct fault_list *list)
{
	*list = (struct fault_list){0};
}

void fault_list_cut(struct fault_list *list, size_t count)
{
	while (list->count > count) {
		struct fault *last = &list->faults[--list->count];

		free(last->file);
		free(last->text);
	}
}

void fault_list_release(struct fault_list *list)
{
	fault_list_cut(list, 0);
	free(list->faults);
	fault_list_init(list);
}

/* What was read may hold anything, and this goes to logs and terminals. */
static void drop_control_characters(char *text)
{
	for (; *text; text++) {
		if (iscntrl((unsigned char)*text))
			*text = '?';
	}
}

void fault_add(struct fault_list *list, const char *file, int line, const char *format, ...)
{
	struct fault *fault;
	va_list arguments;

	list->faults = memory_grow(list->faults, list->count, sizeof(*list->faults));
	fault = &list->faults[list->count++];
	fault->file = text_copy(file);
	fault->line = line;

	va_start(arguments, format);
	fault->text = text_vformat(format, arguments);
	va_end(arguments);
	drop_control_characters(fault->text);
}

void fault_list_print(const struct fault_list *list, FILE *stream)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct fault *fault = &list->faults[i];

		if (fault->line > 0)
			fprintf(stream, "%s:%d: %s\n", fault->file, fault->line, fault->text);
		else
			fprintf(stream, "%s: %s\n", fault->file, fault->text);
	}
}
