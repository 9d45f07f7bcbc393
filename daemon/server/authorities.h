/*
 * Files of certificates of those who may vouch for servers. The system's has a hundred and more, which take tens of
 * milliseconds to read and a megabyte to keep, so the last one is kept for all logins, of all threads.
 */
#ifndef MILLPOND_SERVER_AUTHORITIES_H
#define MILLPOND_SERVER_AUTHORITIES_H

struct x509_store_st;

/*
 * What is in the file now; nobody may change it, and the caller drops it with X509_STORE_free(). NULL: it cannot
 * be read, and OpenSSL's queue of errors has the reason.
 */
struct x509_store_st *authorities_read(const char *path);

#endif
