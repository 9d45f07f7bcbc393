/* OpenSSL's blocks have slots, whose memory goes back to the system; and folded blocks come back whole. */
#include "daemon/runtime/tls_memory.h"

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/runtime/fold.h"
#include "tests/unit/in_loop.h"
#include "tests/unit/tap.h"

/* Sizes around those that have slots: of the parts of a connection, itself, and its records. */
static const size_t sizes[] = {1,    2048,  2049,  4096,  4097,	 6145,
			       7624, 8192,  8193,  12289, 21848, 24 * 1024,
			       24 * 1024 + 1, 100000};

#define SIZE_COUNT (sizeof sizes / sizeof *sizes)

static size_t resident_pages(void *block, size_t bytes)
{
	unsigned char pages[64] = {0};
	size_t count = 0;

	if (mincore(block, bytes, pages) != 0)
		abort();
	for (size_t i = 0; i < bytes / (size_t)sysconf(_SC_PAGESIZE); i++)
		count += pages[i] & 1;
	return count;
}

static bool is_filled(const char *block, size_t bytes, char with)
{
	for (size_t i = 0; i < bytes; i++)
		if (block[i] != with)
			return false;
	return true;
}

/* --- blocks ------------------------------------------------------------------------------- */

static void test_sizes(void)
{
	char *blocks[SIZE_COUNT];
	bool whole = true;

	for (size_t i = 0; i < SIZE_COUNT; i++) {
		blocks[i] = tls_memory_take(sizes[i]);
		memset(blocks[i], (int)i, sizes[i]);
		size_t slot = tls_memory_slot_bytes(blocks[i]);
		whole &= slot == 0 || slot >= sizes[i];
	}
	ok(whole, "no block is larger than its slot");
	for (size_t i = 0; i < SIZE_COUNT; i++)
		whole &= is_filled(blocks[i], sizes[i], (char)i);
	ok(whole, "no block lies in another");
	for (size_t i = 0; i < SIZE_COUNT; i++)
		tls_memory_leave(blocks[i]);
	is_int(tls_memory_slot_bytes(&whole), 0, "what is not of here has no slot");
}

static void test_resizing(void)
{
	bool whole = true;

	for (size_t from = 0; from < SIZE_COUNT; from++) {
		for (size_t to = 0; to < SIZE_COUNT; to++) {
			char *block = tls_memory_take(sizes[from]);
			memset(block, 'x', sizes[from]);
			block = tls_memory_resize(block, sizes[to]);
			size_t kept = sizes[from] < sizes[to] ? sizes[from] : sizes[to];
			whole &= is_filled(block, kept, 'x');
			memset(block, 'y', sizes[to]);
			tls_memory_leave(block);
		}
	}
	ok(whole, "what is in a block survives each change of its size");
}

static void test_giving_back(void)
{
	enum { COUNT = 200, BYTES = 21848 };
	char *blocks[COUNT];
	size_t pages = 0;

	for (int i = 0; i < COUNT; i++) {
		blocks[i] = tls_memory_take(BYTES);
		memset(blocks[i], 'x', BYTES);
	}
	for (int i = 0; i < COUNT; i++)
		tls_memory_leave(blocks[i]);
	for (int i = 0; i < COUNT; i++)
		pages += resident_pages(blocks[i], 24 * 1024);
	ok(pages > 0 && pages <= 32 * 6, "of 200 free slots no more than 32 stay resident: %zu pages",
	   pages);
	char *again = tls_memory_take(BYTES);
	bool is_old = false;
	for (int i = 0; i < COUNT; i++)
		is_old |= blocks[i] == again;
	ok(is_old, "a slot that was left is taken again");
	tls_memory_leave(again);
}

static void *take_and_leave(void *arg)
{
	char mark = *(char *)arg;
	bool whole = true;
	char *blocks[8] = {NULL};

	for (int round = 0; round < 20000; round++) {
		char **block = &blocks[round % 8];
		size_t size = sizes[(size_t)round % SIZE_COUNT];
		if (*block != NULL) {
			whole &= (*block)[0] == mark;
			tls_memory_leave(*block);
		}
		*block = tls_memory_take(size);
		(*block)[0] = mark;
	}
	for (int i = 0; i < 8; i++)
		tls_memory_leave(blocks[i]);
	return whole ? arg : NULL;
}

static void test_threads(void)
{
	char marks[] = "abcd";
	pthread_t threads[4];
	void *result;
	int whole = 0;

	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, take_and_leave, &marks[i]);
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], &result);
		whole += result != NULL;
	}
	is_int(whole, 4, "no two threads have the same block");
}

/* --- folding ------------------------------------------------------------------------------ */

static void test_folding(void)
{
	enum { BYTES = 8192 };
	uint64_t random = 1;
	bool same = true;
	char *block = tls_memory_take(BYTES);
	char copy[BYTES];

	for (int density = 0; density <= 8; density++) {
		memset(block, 0, BYTES);
		for (size_t i = 0; i < BYTES; i++) {
			random = random * 6364136223846793005u + 1442695040888963407u;
			if ((random >> 33) % 8 < (unsigned)density)
				block[i] = (char)(random >> 40);
		}
		memcpy(copy, block, BYTES);
		struct folded *folded = fold(block, BYTES);
		if (tls_memory_slot_bytes(block) > 0)
			tls_memory_forget(block);
		else
			memset(block, 0, BYTES);
		same &= is_filled(block, BYTES, 0);
		unfold(folded, block);
		same &= memcmp(block, copy, BYTES) == 0;
	}
	ok(same, "a folded block comes back as it was");
	memset(block, 0, BYTES);
	memset(block + 800, 'x', 80);
	struct folded *folded = fold(block, BYTES);
	ok(folded_bytes(folded) <= 80 + 136, "what is mostly zeros takes little: %zu bytes",
	   folded_bytes(folded));
	unfold(folded, block);
	tls_memory_leave(block);
}

int main(void)
{
	ok(tls_memory_take_over(), "OpenSSL takes its memory from here");
	test_sizes();
	test_resizing();
	if (SANITIZED)
		ok(true, "free slots # SKIP there are none with a sanitizer");
	else
		test_giving_back();
	test_threads();
	test_folding();
	return done();
}
