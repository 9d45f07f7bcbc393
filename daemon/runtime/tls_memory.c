#include "daemon/runtime/tls_memory.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/*
 * Room for so many handshakes at once that memory ends first. Only addresses are taken: the system
 * counts no memory for slots that nobody may touch yet, and so many at a time are opened.
 */
#define SLOTS_MOST ((size_t)1 << 17)
#define SLOTS_OPENED ((size_t)64)

/* So many free slots stay resident, as busy connections take and leave one with each record. */
#define WARM_MOST 32

struct area {
	size_t least_bytes; /* of a block that may have a slot */
	size_t slot_bytes;
	pthread_mutex_t lock;
	char *slots;	/* NULL: there are none */
	uint32_t *cold; /* stacks of free slots */
	uint32_t warm[WARM_MOST];
	size_t cold_count;
	size_t warm_count;
	size_t begun;  /* slots from here on have never been used, */
	size_t opened; /* and from here on they may not be */
};

static struct area areas[] = {
	/* Both sides of the buffer in front of a handshake's records. */
	{.least_bytes = 2049, .slot_bytes = 4096, .lock = PTHREAD_MUTEX_INITIALIZER},
	/* The connection itself, an SSL; nothing else of OpenSSL's is of that size. */
	{.least_bytes = 6145, .slot_bytes = 8192, .lock = PTHREAD_MUTEX_INITIALIZER},
	/* Records, of up to 17 KB, and a handshake's messages, 21848 bytes at first. */
	{.least_bytes = 12289, .slot_bytes = (size_t)24 * 1024, .lock = PTHREAD_MUTEX_INITIALIZER},
};

#define AREA_COUNT (sizeof areas / sizeof *areas)

/* --- slots -------------------------------------------------------------------------------- */

static struct area *area_for(size_t size)
{
	for (size_t i = 0; i < AREA_COUNT; i++)
		if (size >= areas[i].least_bytes && size <= areas[i].slot_bytes)
			return areas[i].slots != NULL ? &areas[i] : NULL;
	return NULL;
}

/* NULL: the block is the heap's. */
static struct area *area_of(const void *block)
{
	for (size_t i = 0; i < AREA_COUNT; i++)
		if (areas[i].slots != NULL && (uintptr_t)block - (uintptr_t)areas[i].slots <
						      SLOTS_MOST * areas[i].slot_bytes)
			return &areas[i];
	return NULL;
}

/* False: there is no memory for more. */
static bool open_slots(struct area *area)
{
	if (area->opened == SLOTS_MOST ||
	    mprotect(area->slots + area->opened * area->slot_bytes,
		     SLOTS_OPENED * area->slot_bytes, PROT_READ | PROT_WRITE) != 0)
		return false;
	area->opened += SLOTS_OPENED;
	return true;
}

/* NULL: all are taken. */
static void *slot_take(struct area *area)
{
	size_t number = SLOTS_MOST;

	pthread_mutex_lock(&area->lock);
	if (area->warm_count > 0)
		number = area->warm[--area->warm_count];
	else if (area->cold_count > 0)
		number = area->cold[--area->cold_count];
	else if (area->begun < area->opened || open_slots(area))
		number = area->begun++;
	pthread_mutex_unlock(&area->lock);
	return number < SLOTS_MOST ? area->slots + number * area->slot_bytes : NULL;
}

static void slot_leave(struct area *area, char *slot)
{
	uint32_t number = (uint32_t)((size_t)(slot - area->slots) / area->slot_bytes);

	pthread_mutex_lock(&area->lock);
	bool stays = area->warm_count < WARM_MOST;
	if (stays)
		area->warm[area->warm_count++] = number;
	pthread_mutex_unlock(&area->lock);
	if (stays)
		return;
	madvise(slot, area->slot_bytes, MADV_DONTNEED);
	pthread_mutex_lock(&area->lock);
	area->cold[area->cold_count++] = number;
	pthread_mutex_unlock(&area->lock);
}

/* --- blocks ------------------------------------------------------------------------------- */

void *tls_memory_take(size_t size)
{
	struct area *area = area_for(size);
	void *slot = area != NULL ? slot_take(area) : NULL;

	return slot != NULL ? slot : malloc(size);
}

void tls_memory_leave(void *block)
{
	struct area *area = area_of(block);

	if (area != NULL)
		slot_leave(area, block);
	else
		free(block);
}

void *tls_memory_resize(void *block, size_t size)
{
	struct area *area = area_of(block);

	if (area == NULL)
		return realloc(block, size);
	if (size <= area->slot_bytes)
		return block;
	void *larger = tls_memory_take(size);
	if (larger == NULL)
		return NULL;
	memcpy(larger, block, area->slot_bytes);
	slot_leave(area, block);
	return larger;
}

size_t tls_memory_slot_bytes(const void *block)
{
	const struct area *area = area_of(block);

	return area != NULL ? area->slot_bytes : 0;
}

void tls_memory_forget(void *block)
{
	madvise(block, tls_memory_slot_bytes(block), MADV_DONTNEED);
}

/* --- OpenSSL's side: CRYPTO_set_mem_functions(3) ------------------------------------------- */

/* As OpenSSL's own functions do, a size of 0 gives no block. */
static void *openssl_take(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return size > 0 ? tls_memory_take(size) : NULL;
}

static void openssl_leave(void *block, const char *file, int line)
{
	(void)file;
	(void)line;
	tls_memory_leave(block);
}

static void *openssl_resize(void *block, size_t size, const char *file, int line)
{
	if (block == NULL)
		return openssl_take(size, file, line);
	if (size > 0)
		return tls_memory_resize(block, size);
	tls_memory_leave(block);
	return NULL;
}

static bool area_map(struct area *area)
{
	size_t bytes = SLOTS_MOST * area->slot_bytes;
	char *map = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (map == MAP_FAILED)
		return false;
	area->cold = calloc(SLOTS_MOST, sizeof *area->cold); /* resident where it is used */
	if (area->cold == NULL) {
		munmap(map, bytes);
		return false;
	}
	/* A huge page would hold many slots, of which one keeps all resident. */
	madvise(map, bytes, MADV_NOHUGEPAGE);
	area->slots = map;
	return true;
}

/* A sanitizer finds more in blocks of its own. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_AREAS false
#else
#define HAS_AREAS true
#endif

bool tls_memory_take_over(void)
{
	bool mapped = true;

	if (CRYPTO_set_mem_functions(openssl_take, openssl_resize, openssl_leave) != 1)
		return false;
	for (size_t i = 0; HAS_AREAS && i < AREA_COUNT; i++)
		mapped &= area_map(&areas[i]);
	return mapped;
}
