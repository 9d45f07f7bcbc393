/* Those who compute pass in their order, others have their turns meanwhile, and who gives up stops nobody. */
#include <errno.h>
#include <string.h>

#include "daemon/runtime/turnstile.h"
#include "tests/unit/in_loop.h"
#include "tests/unit/tap.h"

#define MANY 20

struct guest {
	struct coroutine *coroutine;
	int64_t deadline;
	bool passed;
	int failure, place;
};

static struct guest guests[MANY];
static int passed_count, left_count;

static void compute(int64_t microseconds)
{
	int64_t begun_at = loop_now();

	while (loop_now() < begun_at + microseconds)
		;
	turnstile_count(&loop, begun_at);
}

static void pass(void *arg)
{
	struct guest *guest = arg;

	guest->coroutine = coroutine_current(&loop);
	guest->passed = await_turnstile(&loop, guest->deadline);
	guest->failure = errno;
	if (guest->passed) {
		guest->place = passed_count++;
		compute(4 * MS);
	}
	left_count++;
}

static void begin(int count)
{
	memset(guests, 0, sizeof guests);
	passed_count = left_count = 0;
	for (int i = 0; i < count; i++) {
		guests[i].deadline = DEADLINE_NEVER;
		start(pass, &guests[i]);
	}
}

static int count_turns(void)
{
	int turns = 0;

	for (; left_count < MANY; turns++)
		await_turn(&loop);
	return turns;
}

static void test_order(void)
{
	bool in_order = true;

	begin(MANY);
	int turns = count_turns();
	for (int i = 0; i < MANY; i++)
		in_order = in_order && guests[i].place == i;
	ok(passed_count == MANY && in_order, "all pass as they came");
	ok(turns >= MANY - 1, "others have had %d turns meanwhile", turns);
	await_turn(&loop);
	ok(await_turnstile(&loop, 0), "nobody waits where nobody is, not even after his time");
}

static void test_giving_up(void)
{
	begin(MANY);
	guests[7].deadline = 0;
	await_turn(&loop);
	coroutine_cancel(guests[5].coroutine);
	coroutine_cancel(guests[MANY - 1].coroutine);
	count_turns();
	is_int(passed_count, MANY - 3, "all others pass");
	ok(!guests[5].passed && guests[5].failure == ECANCELED, "one is cancelled");
	ok(!guests[MANY - 1].passed && guests[MANY - 1].failure == ECANCELED, "and the last one");
	ok(!guests[7].passed && guests[7].failure == ETIMEDOUT, "one has no time");
}

static void test_what_is_read(void)
{
	char text[] = "what was read";

	begin(MANY);
	await_turn(&loop);
	ok(await_turnstile_with(&loop, text, sizeof text, DEADLINE_NEVER),
	   "one comes with what it has read");
	is_int(passed_count, MANY, "behind all others");
	is_text(loop.scratch, text, "it stands in the buffer");
	count_turns();
}

int main(void)
{
	in_loop(test_order);
	in_loop(test_giving_up);
	in_loop(test_what_is_read);
	return done();
}
