/* Any HBA and ident file, divided by a zero: both are read, or every fault has a line, and nobody is let in by a broken one. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conf/hba.h"
#include "conf/ident.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool condition)
{
	if (!condition)
		abort();
}

static int open_text(const void *data, size_t size, char path[40])
{
	int fd = memfd_create("text", MFD_CLOEXEC);

	expect(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, 40, "/proc/self/fd/%d", fd);
	return fd;
}

static void look_at(const struct hba *hba)
{
	static const int families[] = {AF_UNIX, AF_INET, AF_INET6};
	char text[64];

	for (size_t i = 0; i < 12; i++) {
		struct hba_client client = {.family = families[i % 3], .has_tls = i % 2 != 0,
					    .is_replication = i > 8, .database = "a", .user = "a",
					    .address = {127, 0, 0, 1}};
		const struct hba_rule *rule = hba_find(hba, &client);
		if (rule == NULL)
			continue;
		expect((rule->type == HBA_LOCAL) == (client.family == AF_UNIX));
		expect(rule->method != AUTH_PEER || rule->type == HBA_LOCAL);
		expect(hba_method_name(rule->method)[0] != '\0');
		words_print(&rule->databases, text, sizeof text);
		hba_ident_allows(hba, hba_option(rule, "map"), "somebody", "a");
	}
	for (size_t i = 0; i < hba->ident_count; i++)
		hba_ident_allows(hba, hba->idents[i].map, "user@example.org", "user");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *zero = memchr(data, 0, size);
	size_t length = zero == NULL ? size : (size_t)(zero - data);
	struct fault_list faults, notes;
	char path[40], ident_path[40];
	struct hba hba;

	/* No file but these two: what @ names could be any. And no patterns that take for ever. */
	if (memchr(data, '@', size) != NULL || memchr(data, '{', size) != NULL)
		return 0;
	int fd = open_text(data, length, path);
	int ident_fd = open_text(data + length, size - length, ident_path);
	fault_list_init(&faults);
	fault_list_init(&notes);
	expect(hba_read(&hba, path, &faults, &notes) == NULL);
	expect(ident_read(&hba, ident_path, &faults) == NULL);
	for (size_t i = 0; i < faults.count; i++)
		expect(faults.faults[i].line > 0 && faults.faults[i].text[0] != '\0');
	if (faults.count == 0)
		look_at(&hba);
	expect(hba_is_equal(&hba, &hba));
	hba_release(&hba);
	fault_list_release(&faults);
	fault_list_release(&notes);
	close(fd);
	close(ident_fd);
	return 0;
}
