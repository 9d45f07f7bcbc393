/*
 * Forgets SCRAM keys of secrets that nobody has any more, when there are new settings.
 */
#ifndef MILLPOND_LOGIN_FORGET_KEYS_H
#define MILLPOND_LOGIN_FORGET_KEYS_H

#include <stdbool.h>

struct settings;
struct worker;

/* To be called in the main thread, with the settings in force. False: there are newer ones meanwhile, or it is the end. */
bool await_keys_forgotten(struct worker *worker, struct settings *settings);

#endif
