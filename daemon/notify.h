/*
 * What systemd wants to hear, and the sockets that it passes (sd_notify(3), sd_listen_fds(3)).
 */
#ifndef MILLPOND_DAEMON_NOTIFY_H
#define MILLPOND_DAEMON_NOTIFY_H

#include <stdint.h>

void notify_ready(void);
void notify_reloading(void);
void notify_stopping(void);
void notify_status(const char *text);
void notify_alive(void);

/* How often systemd wants a sign of life, in microseconds; 0: never. */
int64_t notify_watchdog_us(void);

/* How many sockets were passed; they are the descriptors from `*first` on. */
int notify_passed_sockets(int *first);

#endif
