#include "daemon/notify.h"

#include <inttypes.h>
#include <systemd/sd-daemon.h>

#include "daemon/runtime/loop.h"

void notify_ready(void)
{
	sd_notify(0, "READY=1");
}

void notify_reloading(void)
{
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, loop_now());
}

void notify_stopping(void)
{
	sd_notify(0, "STOPPING=1");
}

void notify_status(const char *text)
{
	sd_notifyf(0, "STATUS=%s", text);
}

void notify_alive(void)
{
	sd_notify(0, "WATCHDOG=1");
}

int64_t notify_watchdog_us(void)
{
	uint64_t limit = 0;

	/* Twice as often as needed, as the manual recommends. */
	return sd_watchdog_enabled(0, &limit) > 0 ? (int64_t)(limit / 2) : 0;
}

int notify_passed_sockets(int *first)
{
	int count = sd_listen_fds(0);

	*first = SD_LISTEN_FDS_START;
	return count > 0 ? count : 0;
}
