#include "tests/bench/load/crowd.h"

#include "tests/bench/load/scram.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Large, so that a 1.1 MB result costs the generator few calls; shared, since one client is read at a time. */
static char scratch[256 * 1024];

uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void die(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fputs("load: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
	exit(1);
}

void crowd_init(struct crowd *crowd, const struct script *script, unsigned port, unsigned count)
{
	*crowd = (struct crowd){
		.poll = epoll_create1(EPOLL_CLOEXEC),
		.script = script,
		.server = {.sin_family = AF_INET,
			   .sin_port = htons((in_port_t)port),
			   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)},
		.clients = calloc(count, sizeof(struct client)),
		.count = count,
	};
	if (crowd->poll < 0 || crowd->clients == NULL)
		die("no memory for %u clients", count);
}

void crowd_release(struct crowd *crowd)
{
	for (unsigned i = 0; i < crowd->count; i++)
		if (crowd->clients[i].channel.ssl != NULL) /* the others end with the process */
			channel_close(&crowd->clients[i].channel);
	free(crowd->clients);
	close(crowd->poll);
}

static unsigned number_of(const struct crowd *crowd, const struct client *client)
{
	return (unsigned)(client - crowd->clients);
}

/* `evidence` is what the pooler sent last: an ErrorResponse can be read in it. */
static void lose(struct crowd *crowd, struct client *client, const char *why, const char *evidence,
		 size_t size)
{
	char text[200] = "";

	for (size_t i = 0; i < size && i < sizeof(text) - 1; i++)
		text[i] = evidence[i] >= ' ' && evidence[i] <= '~' ? evidence[i] : ' ';
	if (crowd->runs)
		die("client %u, step %u: %s (%c) %s", number_of(crowd, client), client->step, why,
		    client->reply.type ? client->reply.type : '-', text);
	if (crowd->lost++ == 0)
		fprintf(stderr, "load: client %u: %s %s\n", number_of(crowd, client), why, text);
	channel_close(&client->channel);
}

static void send_request(struct crowd *crowd, struct client *client)
{
	const struct exchange *exchange = client->reply.expected;
	struct channel *channel = &client->channel;

	if (!channel_go_on(channel))
		lose(crowd, client, strerror(errno), NULL, 0);
	else if (!channel->is_open)
		return;
	else if (channel_send(channel, exchange->request, exchange->size))
		client->is_sent = true;
	else if (errno != EAGAIN) /* EAGAIN: not connected yet */
		lose(crowd, client, strerror(errno), NULL, 0);
}

static void ask(struct crowd *crowd, struct client *client, const struct exchange *exchange)
{
	reply_expect(&client->reply, exchange);
	client->is_busy = true;
	client->is_sent = false;
	send_request(crowd, client);
}

/*
 * Each client comes from one of many loopback addresses, so that thousands of connections a second do not
 * use up the ports of one.
 */
static void connect_client(struct crowd *crowd, struct client *client)
{
	static uint32_t turn;
	struct sockaddr_in source = {.sin_family = AF_INET,
				     .sin_addr.s_addr = htonl(0x7f000101 + turn++ % 64)};
	int on = 1;

	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		die("socket: %s", strerror(errno));
	*client = (struct client){.transactions = client->transactions};
	channel_begin(&client->channel, fd);
	crowd->connections++;
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&source, sizeof(source)) != 0)
		die("bind: %s", strerror(errno));

	struct epoll_event event = {EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, {.ptr = client}};
	if (epoll_ctl(crowd->poll, EPOLL_CTL_ADD, fd, &event) != 0)
		die("epoll_ctl: %s", strerror(errno));
	client->started_ns = now_ns();
	if (connect(fd, (struct sockaddr *)&crowd->server, sizeof(crowd->server)) != 0 &&
	    errno != EINPROGRESS)
		lose(crowd, client, strerror(errno), NULL, 0);
	else
		ask(crowd, client, &crowd->script->login);
}

void crowd_connect(struct crowd *crowd, unsigned first, unsigned count)
{
	for (unsigned i = first; i < first + count; i++)
		connect_client(crowd, &crowd->clients[i]);
}

static void disconnect(struct client *client)
{
	channel_send(&client->channel, "X\0\0\0\4", 5);
	channel_close(&client->channel);
}

static void end_transaction(struct crowd *crowd, struct client *client)
{
	uint64_t now = now_ns();

	histogram_add(&crowd->latency, now - client->started_ns);
	crowd->transactions++;
	client->transactions++;
	client->step = 0;
	client->started_ns = now;
}

/* The step at hand, or the next transaction if there is none left. */
static void work(struct crowd *crowd, struct client *client)
{
	const struct script *script = crowd->script;

	if (client->step >= script->step_count) {
		end_transaction(crowd, client);
		if (script->reconnects) {
			disconnect(client);
			connect_client(crowd, client);
			return;
		}
	}
	ask(crowd, client, &script->steps[client->step]);
}

/* The reply is complete: the client's next request, or rest. */
static void go_on(struct crowd *crowd, struct client *client)
{
	const struct script *script = crowd->script;

	client->is_busy = false;
	if (client->phase == CLIENT_LOGS_IN && script->prepare.size > 0) {
		client->phase = CLIENT_PREPARES;
		ask(crowd, client, &script->prepare);
	} else if (client->phase != CLIENT_WORKS) {
		client->phase = CLIENT_WORKS;
		crowd->logged_in++;
		if (crowd->runs)
			work(crowd, client);
	} else if (!crowd->runs) {
		crowd->answered++;
	} else {
		client->step++;
		work(crowd, client);
	}
}

void crowd_run(struct crowd *crowd)
{
	crowd->runs = true;
	if (crowd->script->reconnects)
		crowd_connect(crowd, 0, crowd->count);
	for (unsigned i = 0; i < crowd->count && !crowd->script->reconnects; i++) {
		crowd->clients[i].started_ns = now_ns();
		work(crowd, &crowd->clients[i]);
	}
}

void crowd_ask(struct crowd *crowd, unsigned number, const struct exchange *exchange)
{
	ask(crowd, &crowd->clients[number], exchange);
}

/* The pooler waits for each answer, so what has come is one whole question. False: not to be read further. */
static bool prove(struct crowd *crowd, struct client *client, const char *at, const char *end)
{
	char answer[SCRAM_ANSWER_BYTES];
	size_t size = scram_answer(at, (size_t)(end - at), answer);

	client->proofs++;
	if (size > 0 && channel_send(&client->channel, answer, size))
		return true;
	lose(crowd, client, "not SCRAM's question", at, (size_t)(end - at));
	return false;
}

/* False: this connection is not to be read further. */
static bool take(struct crowd *crowd, struct client *client, const char *at, const char *end)
{
	if (!client->is_busy) {
		lose(crowd, client, "bytes that nobody asked for", at, (size_t)(end - at));
		return false;
	}
	if (client->phase == CLIENT_LOGS_IN && client->proofs < crowd->script->proofs)
		return prove(crowd, client, at, end);
	switch (reply_take(&client->reply, &at, end)) {
	case REPLY_GOES_ON:
		return true;
	case REPLY_WRONG:
		lose(crowd, client, "not the expected reply", at, (size_t)(end - at));
		return false;
	case REPLY_DONE:
		break;
	}
	if (at < end) {
		lose(crowd, client, "more than the expected reply", at, (size_t)(end - at));
		return false;
	}
	go_on(crowd, client);
	return client->phase != CLIENT_LOGS_IN; /* otherwise it is another connection by now */
}

static void serve(struct crowd *crowd, struct client *client, unsigned events)
{
	bool hung_up = events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR);

	if (client->is_busy && !client->is_sent && !hung_up &&
	    ((events & EPOLLOUT) || !client->channel.is_open))
		send_request(crowd, client);
	while (client->channel.is_open && (events & ~(unsigned)EPOLLOUT)) {
		ssize_t count = channel_recv(&client->channel, scratch, sizeof(scratch));
		if (count < 0 && errno == EAGAIN)
			return;
		if (count <= 0) {
			lose(crowd, client, count < 0 ? strerror(errno) : "connection closed", NULL,
			     0);
			return;
		}
		crowd->bytes += (uint64_t)count;
		if (!take(crowd, client, scratch, scratch + count))
			return;
		if (client->channel.ssl == NULL && (size_t)count < sizeof(scratch) && !hung_up)
			return;
	}
}

void crowd_poll(struct crowd *crowd, int timeout_ms)
{
	struct epoll_event events[512];
	int count = epoll_wait(crowd->poll, events, 512, timeout_ms);

	for (int i = 0; i < count; i++)
		serve(crowd, events[i].data.ptr, events[i].events);
}

void crowd_reset(struct crowd *crowd)
{
	crowd->transactions = crowd->bytes = 0;
	memset(&crowd->latency, 0, sizeof(crowd->latency));
	for (unsigned i = 0; i < crowd->count; i++)
		crowd->clients[i].transactions = 0;
}
