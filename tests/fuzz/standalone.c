/*
 * Runs one fuzz target without libFuzzer, as a TAP test: every seed as it is, then seeds with random
 * damage, then noise. It does not look at coverage; it keeps a target compiling, and catches what a
 * few seconds of rough handling can catch.
 *
 *   fuzz_x [--seconds N] [--seed N] [FILE...]     FILEs are run once each, to look into a finding
 *
 * Seeds are the files in tests/fuzz/corpus/x/. The input that is running when the target crashes is
 * written to fuzz_x.crash in $TESTLOGDIR, or in the current folder.
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LONGEST_INPUT = 1 << 16, MOST_SEEDS = 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	uint8_t *bytes;
	size_t size;
};

static struct input seeds[MOST_SEEDS];
static size_t seed_count;
static const struct input *running;
static char crash_path[PATH_MAX];
static uint64_t random_state;

/* xorshift64*: the same inputs for the same seed on every machine. */
static uint64_t random_next(void)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return random_state * UINT64_C(2685821657736338717);
}

static size_t random_below(size_t limit)
{
	return limit ? (size_t)(random_next() % limit) : 0;
}

static void keep_crash(int signal_number)
{
	int fd = open(crash_path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd >= 0 && running && write(fd, running->bytes, running->size) >= 0)
		close(fd);
	signal(signal_number, SIG_DFL);
	raise(signal_number);
}

/* The target gets a copy of exactly the right size, so that a sanitizer sees one byte too many. */
static void run_input(const uint8_t *bytes, size_t size)
{
	struct input exact = {malloc(size ? size : 1), size};
	if (!exact.bytes)
		abort();
	memcpy(exact.bytes, bytes, size);
	running = &exact;
	LLVMFuzzerTestOneInput(exact.bytes, exact.size);
	running = NULL;
	free(exact.bytes);
}

static bool read_file(const char *path, struct input *input)
{
	FILE *file = fopen(path, "rb");
	if (!file)
		return false;

	input->bytes = malloc(LONGEST_INPUT);
	if (!input->bytes)
		abort();
	input->size = fread(input->bytes, 1, LONGEST_INPUT, file);
	fclose(file);
	return true;
}

static void read_seeds(const char *folder)
{
	DIR *dir = opendir(folder);
	if (!dir)
		return;
	struct dirent *entry;
	while ((entry = readdir(dir)) && seed_count < MOST_SEEDS) {
		char *path;
		if (asprintf(&path, "%s/%s", folder, entry->d_name) < 0)
			abort();
		if (entry->d_name[0] != '.' && read_file(path, &seeds[seed_count]))
			seed_count++;
		free(path);
	}
	closedir(dir);
}

static void damage(uint8_t *bytes, size_t *size)
{
	static const uint8_t edges[] = {0x00, 0x01, 0x03, 0x04, 0x7f, 0x80, 0xff, '\n', '\'', '='};
	size_t at = random_below(*size);
	size_t count = 1 + random_below(8);

	switch (random_below(6)) {
	case 0: /* another byte */
		if (*size)
			bytes[at] = (uint8_t)random_next();
		break;
	case 1: /* a byte that lengths and parsers stumble over */
		if (*size)
			bytes[at] = edges[random_below(sizeof(edges))];
		break;
	case 2: /* one bit */
		if (*size)
			bytes[at] = (uint8_t)(bytes[at] ^ (1u << random_below(8)));
		break;
	case 3: /* an early end */
		*size = at;
		break;
	case 4: /* some bytes missing */
		if (at + count < *size) {
			memmove(bytes + at, bytes + at + count, *size - at - count);
			*size -= count;
		}
		break;
	default: /* some bytes twice */
		if (at + count < *size && *size + count <= LONGEST_INPUT) {
			memmove(bytes + at + count, bytes + at, *size - at);
			*size += count;
		}
	}
}

static void run_damaged(void)
{
	static uint8_t bytes[LONGEST_INPUT];
	size_t size;

	if (seed_count && random_below(8)) {
		const struct input *seed = &seeds[random_below(seed_count)];
		size = seed->size;
		memcpy(bytes, seed->bytes, size);
		for (size_t i = 1 + random_below(6); i > 0; i--)
			damage(bytes, &size);
	} else {
		size = random_below(random_below(16) ? 64 : 4096);
		for (size_t i = 0; i < size; i++)
			bytes[i] = (uint8_t)random_next();
	}
	run_input(bytes, size);
}

static int run_files(char **paths)
{
	for (; *paths; paths++) {
		struct input input;
		if (!read_file(*paths, &input)) {
			perror(*paths);
			return 1;
		}
		run_input(input.bytes, input.size);
		printf("%s: survived\n", *paths);
		free(input.bytes);
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/');
	const char *name = slash ? slash + 1 : argv[0];
	const char *log_dir = getenv("TESTLOGDIR");
	long seconds = 2;
	uint64_t seed = (uint64_t)time(NULL) * 2654435761u + (uint64_t)getpid();

	snprintf(crash_path, sizeof(crash_path), "%s/%s.crash", log_dir ? log_dir : ".", name);
	signal(SIGABRT, keep_crash);
	signal(SIGSEGV, keep_crash);

	int i = 1;
	for (; i + 1 < argc && argv[i][0] == '-'; i += 2) {
		if (strcmp(argv[i], "--seconds") == 0)
			seconds = strtol(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "--seed") == 0)
			seed = strtoull(argv[i + 1], NULL, 10);
	}
	if (i < argc)
		return run_files(argv + i);

	char folder[PATH_MAX];
	snprintf(folder, sizeof(folder), "tests/fuzz/corpus/%s",
		 strncmp(name, "fuzz_", 5) == 0 ? name + 5 : name);
	read_seeds(folder);
	random_state = seed | 1;
	printf("1..1\n# seed %llu, %zu files in %s\n", (unsigned long long)seed, seed_count,
	       folder);
	fflush(stdout);

	for (size_t n = 0; n < seed_count; n++)
		run_input(seeds[n].bytes, seeds[n].size);

	unsigned long long rounds = 0;
	for (time_t end = time(NULL) + seconds; time(NULL) < end;)
		for (int n = 0; n < 100; n++, rounds++)
			run_damaged();
	/* With noise alone nothing gets far. */
	printf("%s 1 - %s survived %llu inputs\n", seed_count > 0 ? "ok" : "not ok", name, rounds);
	return seed_count > 0 ? 0 : 1;
}
