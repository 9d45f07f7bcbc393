/* Questions for a zone's serial number, and their answers, whole, cut off, and made of nonsense. */
#include "daemon/server/soa.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/tap.h"

#define NAME "\4pond\4test"

static unsigned char question[SOA_QUESTION_BYTES];
static size_t question_length;

static void test_questions(void)
{
	char label[80] = "";
	char name[300] = "";

	question_length = soa_question(question, "pond.test", 0x1234);
	ok(question_length == 12 + 11 + 4 &&
		   memcmp(question, "\x12\x34\1\0\0\1\0\0\0\0\0\0" NAME "\0\0\6\0\1", question_length) == 0,
	   "a question");
	ok(soa_question(question, "pond..test", 1) == 0, "an empty label is none");
	memset(label, 'x', 64);
	ok(soa_question(question, label, 1) == 0, "a label of 64 bytes is none");
	label[63] = '\0';
	ok(soa_question(question, label, 1) == 12 + 65 + 4, "one of 63 is");
	for (int i = 0; i < 4; i++)
		strcat(strcat(name, label), ".");
	ok(soa_question(question, name, 1) == 0, "a name of 257 bytes is none");
	name[3 * 64 + 60] = '\0';
	ok(soa_question(question, name, 1) > 0, "a shorter one is");
	question_length = soa_question(question, "pond.test", 0x1234);
}

/* Copied to the byte, so that tools see when more is read. */
static bool is_answer(const void *bytes, size_t length, uint32_t *serial)
{
	unsigned char *copy = malloc(length + (length == 0));

	memcpy(copy, bytes, length);
	bool good = soa_answer(question, question_length, copy, length, serial);
	free(copy);
	return good;
}

#define HEADER(flags, answers) "\x12\x34" flags "\0\1" answers "\0\0\0\0"
#define ASKED NAME "\0\0\6\0\1"
#define CNAME "\xc0\x0c\0\5\0\1\0\0\0\1\0\4\1a\xc0\x0c"
#define SOA "\xc0\x0c\0\6\0\1\0\0\0\1\0\x1b\2ns\xc0\x0c\xc0\x0c"
#define NUMBERS "\x78\xc3\x15\x50\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1"

static void test_answers(void)
{
	static const char good[] = HEADER("\x81\x80", "\0\1") ASKED SOA NUMBERS;
	static const char second[] = HEADER("\x81\x80", "\0\2") ASKED CNAME SOA NUMBERS;
	uint32_t serial = 0;
	bool any = false;

	ok(is_answer(good, sizeof good - 1, &serial) && serial == 0x78c31550, "an answer");
	serial = 0;
	ok(is_answer(second, sizeof second - 1, &serial) && serial == 0x78c31550,
	   "one behind another record");
	for (size_t length = 0; length < sizeof good - 1; length++)
		any |= is_answer(good, length, &serial);
	ok(!any, "what is cut off is none");
	ok(!is_answer(HEADER("\x01\x00", "\0\1") ASKED SOA NUMBERS, sizeof good - 1, &serial),
	   "a question is none");
	ok(!is_answer(HEADER("\x81\x83", "\0\0") ASKED, 27, &serial), "nor is an error");
	ok(!is_answer("\x12\x35\x81\x80\0\1\0\1\0\0\0\0" ASKED SOA NUMBERS, sizeof good - 1,
		      &serial),
	   "nor one to another question");
	ok(!is_answer(HEADER("\x81\x80", "\0\1") "\4pont\4test\0\0\6\0\1" SOA NUMBERS,
		      sizeof good - 1, &serial),
	   "nor one for another name");
}

static void test_nonsense(void)
{
	uint32_t serial;
	unsigned char bytes[128];

	srand(1);
	for (int round = 0; round < 200000; round++) {
		size_t length = (size_t)rand() % sizeof bytes;
		for (size_t i = 0; i < length; i++)
			bytes[i] = (unsigned char)(rand() % 3 ? rand() % 16 : rand());
		if (length > question_length) {
			memcpy(bytes, question, question_length);
			bytes[2] |= 0x80;
			bytes[7] = (unsigned char)(rand() % 4);
		}
		is_answer(bytes, length, &serial);
	}
	ok(true, "nonsense is read to its end, and no further");
}

int main(void)
{
	test_questions();
	test_answers();
	test_nonsense();
	return done();
}
