/*
 * What is wrong with a file, as a test looks for it.
 */
#ifndef MILLPOND_TESTS_UNIT_FAULTS_H
#define MILLPOND_TESTS_UNIT_FAULTS_H

#include <stdbool.h>
#include <string.h>

#include "conf/fault.h"
#include "tests/unit/tap.h"

static bool has_fault(const struct fault_list *faults, int line, const char *words)
{
	for (size_t i = 0; i < faults->count; i++) {
		if (faults->faults[i].line == line && strstr(faults->faults[i].text, words))
			return true;
	}
	return false;
}

static void show(const struct fault_list *faults)
{
	for (size_t i = 0; i < faults->count; i++)
		note("%s:%d: %s", faults->faults[i].file, faults->faults[i].line,
		     faults->faults[i].text);
}

#endif
