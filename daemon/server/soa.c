#include "daemon/server/soa.h"

#include <event2/dns.h>
#include <event2/event.h>
#include <event2/util.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/runtime/coroutine.h"
#include "daemon/worker.h"

#define HEADER_BYTES 12
#define TYPE_SOA 6
#define CLASS_INTERNET 1
/* Without extensions no answer over UDP is longer. */
#define ANSWER_BYTES 512
#define ASK_LIMIT_US INT64_C(2000000)
#define SERVERS_MOST 3

/* --- bytes -------------------------------------------------------------------------------- */

static void put16(unsigned char *at, unsigned value)
{
	at[0] = (unsigned char)(value >> 8);
	at[1] = (unsigned char)value;
}

static unsigned get16(const unsigned char *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

size_t soa_question(unsigned char question[SOA_QUESTION_BYTES], const char *zone, uint16_t id)
{
	size_t at = HEADER_BYTES;

	memset(question, 0, HEADER_BYTES);
	put16(question, id);
	question[2] = 0x01; /* recursion desired */
	put16(question + 4, 1);
	while (*zone != '\0') {
		size_t label = strcspn(zone, ".");
		if (label == 0 || label > 63 || at + label + 2 > HEADER_BYTES + 255)
			return 0;
		question[at++] = (unsigned char)label;
		memcpy(question + at, zone, label);
		at += label;
		zone += label + (zone[label] == '.');
	}
	question[at++] = 0;
	put16(question + at, TYPE_SOA);
	put16(question + at + 2, CLASS_INTERNET);
	return at + 4;
}

/* Where the name that begins at `at` ends; 0: outside of the message. */
static size_t behind_name(const unsigned char *bytes, size_t length, size_t at)
{
	while (at < length) {
		unsigned char label = bytes[at];
		if (label == 0)
			return at + 1;
		if ((label & 0xc0) == 0xc0)
			return at + 2 <= length ? at + 2 : 0;
		at += (size_t)label + 1;
	}
	return 0;
}

/* Of a record's data: two names, then the serial number. */
static bool read_soa(const unsigned char *bytes, size_t end, size_t at, uint32_t *serial)
{
	at = behind_name(bytes, end, at);
	at = at == 0 ? 0 : behind_name(bytes, end, at);
	if (at == 0 || end - at < 20)
		return false;
	*serial = (uint32_t)get16(bytes + at) << 16 | get16(bytes + at + 2);
	return true;
}

bool soa_answer(const unsigned char *question, size_t question_length, const unsigned char *answer,
		size_t length, uint32_t *serial)
{
	size_t at = question_length;

	/* An answer, without an error, which repeats the question. */
	if (length < question_length || memcmp(answer, question, 2) != 0 ||
	    (answer[2] & 0x80) == 0 || (answer[3] & 0x0f) != 0 || get16(answer + 4) != 1 ||
	    memcmp(answer + HEADER_BYTES, question + HEADER_BYTES,
		   question_length - HEADER_BYTES) != 0)
		return false;
	for (unsigned count = get16(answer + 6); count > 0; count--) {
		at = behind_name(answer, length, at);
		if (at == 0 || length - at < 10)
			return false;
		unsigned type = get16(answer + at);
		size_t data = get16(answer + at + 8);
		at += 10;
		if (length - at < data)
			return false;
		if (type == TYPE_SOA)
			return read_soa(answer, at + data, at, serial);
		at += data;
	}
	return false;
}

/* --- asking ------------------------------------------------------------------------------- */

static bool await_answer(struct loop *loop, int fd, const unsigned char *question,
			 size_t question_length, uint32_t *serial)
{
	unsigned char answer[ANSWER_BYTES];
	int64_t deadline = loop_now() + ASK_LIMIT_US;

	if (send(fd, question, question_length, MSG_NOSIGNAL) != (ssize_t)question_length)
		return false;
	while (await_descriptor(loop, fd, EV_READ, deadline)) {
		ssize_t length = recv(fd, answer, sizeof answer, 0);
		if (length >= 0 && soa_answer(question, question_length, answer, (size_t)length,
					      serial))
			return true;
		if (length < 0 || memcmp(answer, question, 2) == 0)
			return false;
	}
	return false;
}

static bool await_server(struct worker *worker, int number, const char *zone, uint32_t *serial,
			 bool *is_last)
{
	unsigned char question[SOA_QUESTION_BYTES];
	struct sockaddr_storage address;
	uint16_t id;

	int length = evdns_base_get_nameserver_addr(worker->resolver, number,
						    (struct sockaddr *)&address, sizeof address);
	evutil_secure_rng_get_bytes(&id, sizeof id);
	size_t question_length = soa_question(question, zone, id);
	*is_last = length <= 0 || question_length == 0;
	if (*is_last)
		return false;
	int fd = socket(address.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bool told = fd >= 0 &&
		    connect(fd, (struct sockaddr *)&address, (socklen_t)length) == 0 &&
		    await_answer(&worker->loop, fd, question, question_length, serial);
	if (fd >= 0)
		close(fd);
	return told;
}

bool await_zone_serial(struct worker *worker, const char *zone, uint32_t *serial)
{
	bool is_last = false;

	for (int number = 0; number < SERVERS_MOST && !is_last; number++)
		if (await_server(worker, number, zone, serial, &is_last))
			return true;
	return false;
}
