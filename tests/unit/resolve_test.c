/* A look-up of a name that is given up just when its answer comes. */
#include <errno.h>
#include <event2/dns.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/server/resolve.h"
#include "tests/unit/in_loop.h"
#include "tests/unit/tap.h"

static struct evdns_base *resolver;
static struct coroutine *asker;
static bool over;

static void ask(void *arg)
{
	(void)arg;
	struct addresses addresses;
	const char *reason;

	asker = coroutine_current(&loop);
	await_resolve(&loop, resolver, "name.example", &addresses, &reason, DEADLINE_NEVER);
	over = true;
}

static void cancel(struct loop_message *unused)
{
	(void)unused;
	coroutine_cancel(asker);
}

static int name_server(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof address;
	char text[40];
	int server = socket(AF_INET, SOCK_DGRAM, 0);

	if (bind(server, (struct sockaddr *)&address, length) != 0 ||
	    getsockname(server, (struct sockaddr *)&address, &length) != 0)
		abort();
	snprintf(text, sizeof text, "127.0.0.1:%d", ntohs(address.sin_port));
	evdns_base_nameserver_ip_add(resolver, text);
	return server;
}

/* That there is no such name. */
static void answer(int server)
{
	unsigned char query[600];
	struct sockaddr_in from;
	socklen_t length = sizeof from;
	ssize_t got = recvfrom(server, query, sizeof query, 0, (struct sockaddr *)&from, &length);

	query[2] = 0x81;
	query[3] = 0x83;
	if (got <= 4 || sendto(server, query, (size_t)got, 0, (struct sockaddr *)&from, length) != got)
		abort();
}

static void test_given_up_when_answered(void)
{
	struct loop_message message = {.deliver = cancel};
	int64_t begin = loop_now();

	resolver = evdns_base_new(loop.base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);
	int server = name_server();
	start(ask, NULL);
	await_sleep(&loop, after(100));
	/* Two are asked for, one of each kind of address; both answers and the order are seen in one turn. */
	loop_post(&loop, &message);
	answer(server);
	answer(server);
	while (!over && is_soon(begin))
		await_sleep(&loop, after(1));
	/* Twice would be once too many for the request, which is freed. */
	ok(over, "a look-up that is given up when its answer has come ends once");
	evdns_base_free(resolver, 1);
	close(server);
}

int main(void)
{
	in_loop(test_given_up_when_answered);
	return done();
}
