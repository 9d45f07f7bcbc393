#include "daemon/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/balance.h"
#include "daemon/daemon.h"
#include "daemon/notify.h"
#include "daemon/session.h"
#include "daemon/tcp.h"
#include "daemon/unix_socket.h"
#include "daemon/worker.h"
#include "protocol/writer.h"

/* Clients accepted before the others have their turn. */
#define ACCEPT_BATCH 256

/* --- accepting ---------------------------------------------------------------------------- */

static void stop_accepting(struct listeners *listeners)
{
	for (size_t i = 0; i < listeners->count; i++)
		if (listeners->list[i].event != NULL)
			event_del(listeners->list[i].event);
}

static void pause_accepting(struct listeners *listeners)
{
	static const struct timeval pause = {.tv_usec = 100000};

	stop_accepting(listeners);
	event_add(listeners->resume, &pause);
}

void listeners_resume(struct listeners *listeners)
{
	if (listeners->held)
		return;
	for (size_t i = 0; i < listeners->count; i++)
		if (listeners->list[i].event != NULL)
			event_add(listeners->list[i].event, NULL);
}

static void pause_is_over(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	listeners_resume(arg);
}

void listeners_hold(struct listeners *listeners)
{
	listeners->held = true;
	stop_accepting(listeners);
}

void listeners_go_on(struct listeners *listeners)
{
	listeners->held = false;
	listeners_resume(listeners);
}

/* Says why without a session. */
static void turn_away(int fd, enum failure_kind kind)
{
	struct failure why;
	struct writer writer;

	failure_set(&why, kind);
	writer_init(&writer);
	write_failure(&writer, &why);
	if (!writer.failed && send(fd, writer.data, writer.length, MSG_NOSIGNAL) > 0)
		shutdown(fd, SHUT_WR);
	writer_release(&writer);
	close(fd);
}

/* Nothing was left for accept(): with the spare one a client can at least be told. */
static void refuse_for_lack_of_descriptors(struct listener *listener)
{
	struct listeners *all = listener->all;

	log_write(listener->worker->log, LEVEL_WARNING, "accept() failed: %s", strerror(errno));
	if (all->spare_fd >= 0)
		close(all->spare_fd);
	int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0)
		turn_away(fd, FAILURE_NO_DESCRIPTORS);
	all->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	pause_accepting(all);
}

static void greet(struct listener *listener, int fd, const struct sockaddr *address)
{
	struct worker *worker = listener->worker;
	bool in_reserve = !daemon_has_descriptors(worker->daemon, listener->is_unix);
	struct peer peer;

	peer_from_address(&peer, fd, address, (uint16_t)worker->settings->listen_port);
	if (in_reserve && !daemon_has_reserve(worker->daemon))
		turn_away(fd, FAILURE_NO_DESCRIPTORS);
	else if (!session_start(balance_place(worker), fd, &peer, in_reserve))
		turn_away(fd, FAILURE_NO_MEMORY);
}

static void accept_clients(evutil_socket_t fd, short what, void *arg)
{
	(void)what;
	struct listener *listener = arg;

	for (int i = 0; i < ACCEPT_BATCH; i++) {
		struct sockaddr_storage address;
		socklen_t length = sizeof address;
		int client = accept4(fd, (struct sockaddr *)&address, &length,
				     SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (client >= 0) {
			greet(listener, client, (struct sockaddr *)&address);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
			refuse_for_lack_of_descriptors(listener);
		if (errno != EINTR && errno != ECONNABORTED)
			break;
	}
}

/* --- opening ------------------------------------------------------------------------------ */

static bool add_listener(struct listeners *listeners, struct worker *worker, int fd, bool is_unix,
			 const char *name)
{
	if (listeners->count == LISTENERS_MOST) {
		log_write(worker->log, LEVEL_FATAL, "more than %d addresses to listen on",
			  LISTENERS_MOST);
		close(fd);
		return false;
	}
	struct listener *listener = &listeners->list[listeners->count];
	*listener = (struct listener){
		.worker = worker, .all = listeners, .fd = fd, .is_unix = is_unix};
	evutil_make_socket_nonblocking(fd);
	evutil_make_socket_closeonexec(fd);
	listener->event =
		event_new(worker->loop.base, fd, EV_READ | EV_PERSIST, accept_clients, listener);
	if (listener->event == NULL || event_add(listener->event, NULL) != 0) {
		close(fd);
		return false;
	}
	listeners->count++;
	log_write(worker->log, LEVEL_LOG, "listening on %s", name);
	return true;
}

/* What the machine does not have, such as IPv6, can be done without; what is taken may be another pooler's. */
static bool listen_failed(struct worker *worker, const char *name, int fd, bool is_fatal)
{
	log_write(worker->log, is_fatal ? LEVEL_FATAL : LEVEL_WARNING, "cannot listen on %s: %s",
		  name, strerror(errno));
	if (fd >= 0)
		close(fd);
	return !is_fatal;
}

static bool is_any(const struct sockaddr *address)
{
	return address->sa_family == AF_INET ?
		       ((const struct sockaddr_in *)address)->sin_addr.s_addr == INADDR_ANY :
		       IN6_IS_ADDR_UNSPECIFIED(&((const struct sockaddr_in6 *)address)->sin6_addr);
}

static bool overlap(const struct sockaddr *one, const struct sockaddr *other, socklen_t length)
{
	return one->sa_family == other->sa_family &&
	       (is_any(one) || is_any(other) || memcmp(one, other, length) == 0);
}

/* Two names may mean one address, and some mean every one. */
static bool is_ours(const struct listeners *listeners, const struct addrinfo *address)
{
	bool found = false;

	for (size_t i = 0; i < listeners->count && !found; i++) {
		struct sockaddr_storage ours = {0};
		socklen_t length = sizeof ours;

		found = getsockname(listeners->list[i].fd, (struct sockaddr *)&ours, &length) == 0 &&
			overlap((struct sockaddr *)&ours, address->ai_addr, address->ai_addrlen);
	}
	return found;
}

static bool open_tcp(struct listeners *listeners, struct worker *worker,
		     const struct addrinfo *address)
{
	char host[NI_MAXHOST];
	char name[NI_MAXHOST + 16];
	int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	getnameinfo(address->ai_addr, address->ai_addrlen, host, sizeof host, NULL, 0,
		    NI_NUMERICHOST);
	snprintf(name, sizeof name, address->ai_family == AF_INET6 ? "[%s]:%d" : "%s:%d", host,
		 worker->settings->listen_port);
	if (fd < 0)
		return listen_failed(worker, name, fd, false);
	tcp_set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (worker->settings->so_reuseport)
		tcp_set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	if (address->ai_family == AF_INET6)
		tcp_set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	tcp_tune_listener(fd, worker->settings);
	if (bind(fd, address->ai_addr, address->ai_addrlen) != 0 ||
	    listen(fd, worker->settings->listen_backlog) != 0)
		return listen_failed(worker, name, fd,
				     errno == EADDRINUSE && !is_ours(listeners, address));
	return add_listener(listeners, worker, fd, false, name);
}

static bool kernel_has_ipv6(void)
{
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return errno != EAFNOSUPPORT;
	close(fd);
	return true;
}

/* "*" means every address that there is. */
static bool open_host(struct listeners *listeners, struct worker *worker, const char *host)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC,
				 .ai_socktype = SOCK_STREAM,
				 .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
	struct addrinfo *found;
	char port[16];
	bool any = strcmp(host, "*") == 0;

	snprintf(port, sizeof port, "%d", worker->settings->listen_port);
	int failure = getaddrinfo(any ? NULL : host, port, &hints, &found);
	if (failure != 0) {
		log_write(worker->log, LEVEL_FATAL, "cannot listen on %s: %s", host,
			  gai_strerror(failure));
		return false;
	}
	bool opened = true;
	for (const struct addrinfo *at = found; at != NULL && opened; at = at->ai_next)
		opened = (any && at->ai_family == AF_INET6 && !kernel_has_ipv6()) ||
			 open_tcp(listeners, worker, at);
	freeaddrinfo(found);
	return opened;
}

static bool open_all_tcp(struct listeners *listeners, struct worker *worker)
{
	char *list = strdup(worker->settings->listen_addr);
	char *rest = list;
	char *host;
	bool opened = list != NULL;

	while (opened && (host = strtok_r(rest, ", \t", &rest)) != NULL)
		opened = open_host(listeners, worker, host);
	free(list);
	return opened;
}

/* A socket file that nobody listens on is what is left of a process that was killed. */
static bool is_abandoned(const struct sockaddr_un *address, socklen_t length)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool abandoned = fd >= 0 && connect(fd, (const struct sockaddr *)address, length) != 0 &&
			 errno == ECONNREFUSED;
	if (fd >= 0)
		close(fd);
	return abandoned;
}

static bool set_unix_owner(const struct settings *settings, const char *path, struct log *log)
{
	const struct group *group = NULL;

	if (settings->unix_socket_group[0] != '\0') {
		errno = 0;
		group = getgrnam(settings->unix_socket_group);
		if (group == NULL) {
			log_write(log, LEVEL_FATAL, "unix_socket_group: no group \"%s\"",
				  settings->unix_socket_group);
			errno = ENOENT;
			return false;
		}
	}
	return (group == NULL || chown(path, (uid_t)-1, group->gr_gid) == 0) &&
	       chmod(path, (mode_t)settings->unix_socket_mode) == 0;
}

static bool open_unix(struct listeners *listeners, struct worker *worker)
{
	const struct settings *settings = worker->settings;
	const char *folder = settings->unix_socket_dir;
	bool abstract = folder[0] == '@';
	struct sockaddr_un address;
	const char *path = address.sun_path; /* unless it is abstract */
	char name[sizeof address.sun_path + 8];
	char port[16];

	if (folder[0] == '\0')
		return true;
	snprintf(port, sizeof port, "%d", settings->listen_port);
	socklen_t length = unix_socket_address(&address, folder, port);
	if (length == 0)
		return listen_failed(worker, folder, -1, false);
	snprintf(name, sizeof name, "unix:%s/.s.PGSQL.%s", folder, port);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0 && !abstract && is_abandoned(&address, length))
		unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) != 0 ||
	    listen(fd, settings->listen_backlog) != 0)
		return listen_failed(worker, name, fd, errno == EADDRINUSE);
	if (!abstract && !set_unix_owner(settings, path, worker->log)) {
		unlink(path);
		return listen_failed(worker, name, fd, true);
	}
	if (!add_listener(listeners, worker, fd, true, name))
		return false;
	if (!abstract)
		memcpy(listeners->list[listeners->count - 1].path, path, sizeof address.sun_path);
	return true;
}

/* Sockets that systemd has opened take the place of our own. */
static bool adopt_passed(struct listeners *listeners, struct worker *worker, int first, int count)
{
	for (int fd = first; fd < first + count; fd++) {
		struct sockaddr_storage address = {0};
		socklen_t length = sizeof address;
		char name[32];

		if (getsockname(fd, (struct sockaddr *)&address, &length) != 0)
			return listen_failed(worker, "a passed socket", -1, true);
		bool is_unix = address.ss_family == AF_UNIX;
		if (!is_unix)
			tcp_tune_listener(fd, worker->settings);
		snprintf(name, sizeof name, "passed socket %d (%s)", fd, is_unix ? "unix" : "tcp");
		if (!add_listener(listeners, worker, fd, is_unix, name))
			return false;
	}
	return true;
}

bool listeners_open(struct listeners *listeners, struct worker *worker)
{
	int first;
	int passed = notify_passed_sockets(&first);

	*listeners = (struct listeners){0};
	listeners->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	listeners->resume = event_new(worker->loop.base, -1, 0, pause_is_over, listeners);
	bool opened = listeners->resume != NULL &&
		      (passed > 0 ? adopt_passed(listeners, worker, first, passed) :
				    open_all_tcp(listeners, worker) && open_unix(listeners, worker));
	if (opened && listeners->count == 0) {
		log_write(worker->log, LEVEL_FATAL,
			  "nowhere to listen on: set listen_addr to an address of this machine, or "
			  "unix_socket_dir to a folder where it can make a socket");
		opened = false;
	}
	if (!opened)
		listeners_close(listeners);
	return opened;
}

void listeners_adopt(struct listeners *listeners, const struct settings *settings)
{
	for (size_t i = 0; i < listeners->count; i++)
		if (!listeners->list[i].is_unix && listeners->list[i].event != NULL)
			tcp_tune_listener(listeners->list[i].fd, settings);
}

/* --- closing ------------------------------------------------------------------------------ */

static void listener_close(struct listener *listener)
{
	if (listener->event == NULL)
		return;
	event_free(listener->event);
	listener->event = NULL;
	close(listener->fd);
	if (listener->path[0] != '\0')
		unlink(listener->path);
}

void listeners_close_tcp(struct listeners *listeners)
{
	for (size_t i = 0; i < listeners->count; i++)
		if (!listeners->list[i].is_unix)
			listener_close(&listeners->list[i]);
}

void listeners_close(struct listeners *listeners)
{
	for (size_t i = 0; i < listeners->count; i++)
		listener_close(&listeners->list[i]);
	listeners->count = 0;
	if (listeners->resume != NULL)
		event_free(listeners->resume);
	listeners->resume = NULL;
	if (listeners->spare_fd >= 0)
		close(listeners->spare_fd);
	listeners->spare_fd = -1;
}
