/*
 * Where OpenSSL's memory comes from. A connection needs large blocks for a moment only, for its
 * handshake and for a record at hand, and small ones as long as it lives. Taken from one heap the
 * small ones would come to lie between what the large ones leave, so that a thousand handshakes at
 * once would cost their memory for ever. So large blocks have places of their own, one for each kind
 * of them, which go back to the system when they are not used:
 *
 *	| slot | slot | slot | slot | ...	one mapping a kind, resident where it is in use
 *
 * The process has one of each, as it has one OpenSSL; all threads share them.
 */
#ifndef MILLPOND_RUNTIME_TLS_MEMORY_H
#define MILLPOND_RUNTIME_TLS_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/*
 * To be called once, before anybody has used OpenSSL. False: it has been used already, or there is
 * no room for the mappings; then all comes from the heap as ever.
 */
bool tls_memory_take_over(void);

/*
 * The same calls as malloc(), realloc() and free(), which the heap answers for sizes that have no
 * slots. For OpenSSL, and for tests.
 */
void *tls_memory_take(size_t size);
void *tls_memory_resize(void *block, size_t size);
void tls_memory_leave(void *block);

/* How long the slot of the block is, which begins where the block does; 0: it has none. */
size_t tls_memory_slot_bytes(const void *block);

/* Gives the memory of a block's slot back to the system; the block stays, as zeros. */
void tls_memory_forget(void *block);

#endif
