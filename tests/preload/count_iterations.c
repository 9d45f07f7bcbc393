/*
 * Adds up the iterations for which a program that runs with LD_PRELOAD=count_iterations.so derives keys from passwords, in
 * the file named by ITERATIONS: eight bytes, in the byte order of the machine.
 */
#include <dlfcn.h>
#include <openssl/evp.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#include "tests/preload/shared_file.h"

typedef int derive(const char *, int, const unsigned char *, int, int, const EVP_MD *, int,
		   unsigned char *);

static _Atomic uint64_t before;
static _Atomic uint64_t *counter = &before;
static derive *real;

__attribute__((constructor)) static void open_counter(void)
{
	void *found = dlsym(RTLD_NEXT, "PKCS5_PBKDF2_HMAC");

	memcpy(&real, &found, sizeof real);
	counter = shared_file("ITERATIONS", sizeof *counter);
}

int PKCS5_PBKDF2_HMAC(const char *password, int length, const unsigned char *salt, int salt_length,
		      int iterations, const EVP_MD *digest, int key_length, unsigned char *key)
{
	atomic_fetch_add(counter, (uint64_t)iterations);
	return real(password, length, salt, salt_length, iterations, digest, key_length, key);
}
