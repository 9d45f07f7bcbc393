/* Threads of the process. Signals are for the main one, so the others have them all blocked. */
#ifndef MILLPOND_DAEMON_THREAD_H
#define MILLPOND_DAEMON_THREAD_H

#include <pthread.h>

/* 0, or the number of the error. */
int thread_start(pthread_t *thread, void *(*main)(void *arg), void *arg);

#endif
