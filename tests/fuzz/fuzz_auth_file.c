/* Any file of users: it is read, or every fault has a line; who was read is found again. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "conf/auth_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool condition)
{
	if (!condition)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("users", MFD_CLOEXEC);
	struct fault_list faults;
	struct auth_users users;
	char path[40];

	expect(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	fault_list_init(&faults);
	auth_users_read(&users, path, &faults);
	for (size_t i = 0; i < users.count; i++) {
		expect(users.users[i].name[0] != '\0');
		expect(auth_users_find(&users, users.users[i].name) == users.users[i].secret);
		expect(i == 0 || strcmp(users.users[i - 1].name, users.users[i].name) < 0);
	}
	for (size_t i = 0; i < faults.count; i++)
		expect(faults.faults[i].line > 0 && faults.faults[i].text[0] != '\0');
	expect(auth_users_are_equal(&users, &users) && users.scram_count <= users.count);
	auth_users_release(&users);
	fault_list_release(&faults);
	close(fd);
	return 0;
}
