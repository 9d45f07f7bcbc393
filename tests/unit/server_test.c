/* One server connection, made by libpq in steps: it succeeds, is refused, or leads nowhere. */
#include "pool/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "protocol/writer.h"
#include "tests/unit/tap.h"

/* --- a server with one answer ------------------------------------------------------------- */

static struct {
	int listener;
	char port[8];
	struct writer answer; /* to the startup packet */
	pthread_t thread;
	bool kept_open;
	int connection;
} fake;

static void *serve(void *arg)
{
	char startup[1000];

	(void)arg;
	fake.connection = accept(fake.listener, NULL, NULL);
	if (read(fake.connection, startup, sizeof startup) <= 0 ||
	    write(fake.connection, fake.answer.data, fake.answer.length) < 0)
		return NULL;
	if (!fake.kept_open)
		shutdown(fake.connection, SHUT_WR);
	return NULL;
}

static void start_fake(bool kept_open)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof address;

	fake.listener = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(fake.listener, (struct sockaddr *)&address, length) != 0 ||
	    listen(fake.listener, 1) != 0 ||
	    getsockname(fake.listener, (struct sockaddr *)&address, &length) != 0)
		abort();
	sprintf(fake.port, "%d", ntohs(address.sin_port));
	fake.kept_open = kept_open;
	pthread_create(&fake.thread, NULL, serve, NULL);
}

static void stop_fake(void)
{
	pthread_join(fake.thread, NULL);
	close(fake.connection);
	close(fake.listener);
	writer_release(&fake.answer);
}

/* --- connecting --------------------------------------------------------------------------- */

static enum server_step start(struct server *server, const char *const *keywords,
			      const char *const *values)
{
	struct pg_conn *connection;
	enum server_step step = connection_start(&connection, keywords, values);

	server_give_back_connection(server, connection);
	return step;
}

static enum server_step connect_to(struct server *server, const char *host, const char *port)
{
	const char *keywords[] = {"hostaddr", "port",	    "user", "dbname",
				  "sslmode",  "gssencmode", NULL};
	const char *values[] = {host, port, "me", "shop", "disable", "disable", NULL};
	if (host[0] == '/')
		keywords[0] = "host";
	enum server_step step = start(server, keywords, values);

	while (step == STEP_READ || step == STEP_WRITE) {
		struct pollfd poller = {server_socket(server), step == STEP_READ ? POLLIN : POLLOUT,
					0};
		if (poll(&poller, 1, 5000) != 1)
			abort();
		struct pg_conn *connection = server_lend_connection(server);
		step = connection_step(connection);
		server_give_back_connection(server, connection);
	}
	return step;
}

static void answer_refusal(const char *message, const char *detail)
{
	writer_init(&fake.answer);
	message_begin(&fake.answer, 'E');
	write_text(&fake.answer, "SFATAL");
	write_text(&fake.answer, "VFATAL");
	write_text(&fake.answer, "C28P01");
	write_bytes(&fake.answer, "M", 1);
	write_text(&fake.answer, message);
	if (detail != NULL) {
		write_bytes(&fake.answer, "D", 1);
		write_text(&fake.answer, detail);
	}
	write_uint8(&fake.answer, 0);
	message_end(&fake.answer);
}

static void answer_welcome(void)
{
	writer_init(&fake.answer);
	message_begin(&fake.answer, 'R');
	write_uint32(&fake.answer, 0);
	message_end(&fake.answer);
	write_parameter_status(&fake.answer, "server_version", "15.4");
	write_parameter_status(&fake.answer, "TimeZone", "Europe/Berlin");
	write_parameter_status(&fake.answer, "client_encoding", "UTF8");
	message_begin(&fake.answer, 'K');
	write_uint32(&fake.answer, 4711);
	write_uint32(&fake.answer, 815);
	message_end(&fake.answer);
	write_ready_for_query(&fake.answer, 'I');
}

static void test_refused(void)
{
	struct server *server = server_new(NULL, 1, 0);
	struct failure why;

	answer_refusal("role \"me\": 3D000: is not the code", "Look: it is here.");
	start_fake(false);
	is_int(connect_to(server, "127.0.0.1", fake.port), STEP_FAILED, "a server refuses");
	server_connect_failure(server, &why);
	is_int(why.kind, FAILURE_SERVER_REFUSED, "which is its own answer");
	is_text(why.sqlstate, "28P01", "with its SQLSTATE");
	is_text(why.message, "role \"me\": 3D000: is not the code", "its words");
	is_text(why.detail, "Look: it is here.", "and its detail");
	ok(server_refusal_is_final(&why), "for good");
	server_free(server);
	stop_fake();
}

static void test_unreachable(void)
{
	static const struct {
		const char *host, *port, *name;
	} places[] = {
		{"127.0.0.1", "1", "a port where nobody listens"},
		{"/nowhere", "5432", "a socket that is not there"},
		{"not an address", "5432", "no address"},
	};
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		struct server *server = server_new(NULL, 1, 0);
		struct failure why;

		is_int(connect_to(server, places[i].host, places[i].port), STEP_FAILED, "%s",
		       places[i].name);
		server_connect_failure(server, &why);
		ok(why.kind == FAILURE_CONNECT_FAILED && strcmp(why.sqlstate, "08001") == 0 &&
			   why.message[0] != '\0' && strchr(why.message, '\n') == NULL,
		   "%s: %s", places[i].name, why.message);
		ok(!server_refusal_is_final(&why), "%s: for now", places[i].name);
		server_free(server);
	}
}

static void test_unknown_options(void)
{
	static const struct {
		const char *keyword, *value, *message;
	} options[] = {
		{"nonsense", "1", "server login failed: invalid connection option \"nonsense\""},
		{"sslmode", "nonsense", "server login failed: invalid sslmode value: \"nonsense\""},
	};
	for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
		const char *keywords[] = {"hostaddr", "user", options[i].keyword, NULL};
		const char *values[] = {"127.0.0.1", "me", options[i].value, NULL};
		struct server *server = server_new(NULL, 1, 0);
		struct failure why;

		is_int(start(server, keywords, values), STEP_FAILED, "libpq refuses");
		server_connect_failure(server, &why);
		is_text(why.message, options[i].message, "and says what");
		ok(server_refusal_is_final(&why), "for good");
		server_free(server);
	}
}

static void test_hangs_up(void)
{
	struct server *server = server_new(NULL, 1, 0);
	struct failure why;

	writer_init(&fake.answer);
	start_fake(false);
	is_int(connect_to(server, "127.0.0.1", fake.port), STEP_FAILED, "one hangs up");
	server_connect_failure(server, &why);
	ok(why.kind == FAILURE_CONNECT_FAILED && why.message[0] != '\0', "without a word: %s",
	   why.message);
	server_free(server);
	stop_fake();
}

static void test_welcomed(void)
{
	struct parameter_table *table = parameter_table_new();
	struct server *server = server_new(NULL, 1, 0);

	ok(server_backend_pid(server) == 0 && server_cancel_new(server) == NULL,
	   "before its first step it is nobody");
	answer_welcome();
	start_fake(true);
	is_int(connect_to(server, "127.0.0.1", fake.port), STEP_DONE, "one lets us in");
	ok(server_take_over(server, table), "it is taken over");
	is_text(parameters_get(server->base, "timezone"), "Europe/Berlin", "with what it reported");
	is_int(parameters_count(server->base), 3, "and no more");
	ok(server->reported == server->base && server->applied == parameters_empty(table),
	   "nothing was changed yet");
	ok(server_note_parameter(server, "TimeZone", "UTC") && server->reported != server->base,
	   "it reports another value");
	is_text(parameters_get(server->reported, "TimeZone"), "UTC", "which is noted");
	for (int i = 0; i < 999; i++) {
		char name[32];
		snprintf(name, sizeof name, "made_up_%d", i);
		if (server_may_report(server, name))
			server_note_parameter(server, name, "x");
	}
	is_int(parameters_count(server->reported), 200, "a server has only so many parameters");
	ok(server_may_report(server, "timezone"), "of which it may go on to speak");
	is_int(server_backend_pid(server), 4711, "its process is known");
	struct server_cancel *cancel = server_cancel_new(server);
	ok(cancel != NULL, "it can be cancelled");
	server_cancel_free(cancel);
	server_free(server);
	is_int(parameter_table_count(table), 1, "nothing of it is left");
	parameter_table_free(table);
	stop_fake();
}

static void test_final_refusals(void)
{
	static const struct {
		const char *sqlstate;
		bool is_final;
	} cases[] = {
		{"28000", true},  {"28P01", true},  {"3D000", true},  {"22023", true},
		{"42704", true},  {"53300", false}, {"57P03", false}, {"57P01", false},
		{"08006", false}, {"XX000", false},
	};
	struct failure why;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		failure_set(&why, FAILURE_SERVER_REFUSED, "");
		memcpy(why.sqlstate, cases[i].sqlstate, 6);
		is_int(server_refusal_is_final(&why), cases[i].is_final, "%s is %s",
		       cases[i].sqlstate, cases[i].is_final ? "final" : "not final");
	}
	failure_set(&why, FAILURE_CONNECT_TIMEOUT);
	ok(!server_refusal_is_final(&why), "a server that does not answer may do so later");
}

int main(void)
{
	test_refused();
	test_unreachable();
	test_unknown_options();
	test_hangs_up();
	test_welcomed();
	test_final_refusals();
	is_text(server_state_name(SERVER_BEING_CANCELED), "being_canceled", "states have names");
	return done();
}
