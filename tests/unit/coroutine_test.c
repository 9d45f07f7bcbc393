/* Coroutines wait, are woken and cancelled, each at its time. */
#include "daemon/runtime/coroutine.h"

#include <errno.h>
#include <unistd.h>

#include "tests/unit/in_loop.h"
#include "tests/unit/tap.h"

/* --- switching ---------------------------------------------------------------------------- */

static struct player {
	struct coroutine *coroutine;
	struct player *other;
	long throws;
	bool done;
} ping, pong;

static const long rounds = 500000;

static void play(void *arg)
{
	struct player *player = arg;
	while (player->throws < rounds) {
		player->throws++;
		coroutine_wake(player->other->coroutine);
		if (player->throws < rounds && !await_wake(&loop, DEADLINE_NEVER))
			break;
	}
	player->done = true;
}

static void test_a_million_switches(void)
{
	int64_t begin = loop_now();
	ping = (struct player){.other = &pong};
	pong = (struct player){.other = &ping};
	ping.coroutine = coroutine_start(&loop, play, &ping);
	pong.coroutine = coroutine_start(&loop, play, &pong);
	while (!ping.done || !pong.done)
		await_turn(&loop);
	is_int(ping.throws + pong.throws, 2 * rounds, "a million switches");
	note("%.0f ns each", (double)(loop_now() - begin) * 1e3 / (double)(2 * rounds));
}

static int turns_left;

static void take_turns(void *arg)
{
	int *turns = arg;
	for (int i = 0; i < 10000; i++) {
		await_turn(&loop);
		(*turns)++;
	}
	turns_left--;
}

static void test_turns_are_fair(void)
{
	int turns[3] = {0};
	int unfair = 0;
	turns_left = 3;
	for (int i = 0; i < 3; i++)
		start(take_turns, &turns[i]);
	while (turns_left > 0) {
		await_turn(&loop);
		unfair += abs(turns[0] - turns[2]) > 1;
	}
	is_int(unfair, 0, "those that give way have their turns in rotation");
}

static bool slept;

static void sleep_a_little(void *arg)
{
	(void)arg;
	await_sleep(&loop, after(2));
	slept = true;
}

static void test_a_turn_lets_time_pass(void)
{
	int64_t begin = loop_now();
	slept = false;
	start(sleep_a_little, NULL);
	while (!slept && is_soon(begin))
		await_turn(&loop);
	ok(slept, "one that only gives way does not hold up the others' timers");
	while (!slept)
		await_sleep(&loop, after(1));
}

/* --- many --------------------------------------------------------------------------------- */

/* ThreadSanitizer takes a coroutine for a thread: it allows 8,000, and takes seconds for 2,000. */
#ifdef __SANITIZE_THREAD__
#define MANY 500
#else
#define MANY 10000
#endif

static struct coroutine *many[MANY];
static int many_waiting, many_resumed;
static bool in_order;

static void wait_among_many(void *arg)
{
	int number = (int)(intptr_t)arg;
	char text[100];

	snprintf(text, sizeof text, "number %d", number);
	many_waiting++;
	bool woken = await_wake(&loop, DEADLINE_NEVER);
	in_order = in_order && woken && many_resumed == number && atoi(text + 7) == number;
	many_resumed++;
	many_waiting--;
}

static void test_ten_thousand_wait(void)
{
	many_waiting = many_resumed = 0;
	in_order = true;
	for (int i = 0; i < MANY; i++)
		many[i] = coroutine_start(&loop, wait_among_many, (void *)(intptr_t)i);
	await_turn(&loop);
	is_int(many_waiting, MANY, "%d coroutines wait at once", MANY);
	for (int i = 0; i < MANY; i++)
		coroutine_wake(many[i]);
	await_turn(&loop);
	is_int(many_resumed, MANY, "all of them are resumed");
	ok(in_order, "each with its own stack, in the order in which they were woken");
	is_int(many_waiting, 0, "and all end");
}

/* --- cancelling --------------------------------------------------------------------------- */

static struct {
	char story[200];
	int failure;
} unwound;

static void tell(const char *word)
{
	strcat(unwound.story, word);
}

static bool inner(void)
{
	tell("inner ");
	bool woken = await_wake(&loop, DEADLINE_NEVER);
	int failure = errno;
	tell(await_sleep(&loop, after(5)) ? "cleaned " : "dirty ");
	errno = failure;
	return woken;
}

static void outer(void *arg)
{
	(void)arg;
	tell("outer ");
	if (!inner())
		unwound.failure = errno;
	tell(await_sleep(&loop, after(1)) ? "closed " : "open ");
	await_turn(&loop);
	tell("end");
}

static bool happened;

static void wait_surely(void *arg)
{
	(void)arg;
	await_surely(&loop, &happened);
	tell(happened ? "happened " : "missed ");
	tell(await_sleep(&loop, after(1)) ? "slept " : "cancelled ");
	tell(await_sleep(&loop, after(1)) ? "end" : "twice end");
}

static struct coroutine *start_outer(void)
{
	memset(&unwound, 0, sizeof unwound);
	return coroutine_start(&loop, outer, NULL);
}

static void await_end(void)
{
	int64_t begin = loop_now();
	while (strstr(unwound.story, "end") == NULL && is_soon(begin))
		await_sleep(&loop, after(2));
}

static void test_waiting_surely(void)
{
	memset(&unwound, 0, sizeof unwound);
	struct coroutine *coroutine = coroutine_start(&loop, wait_surely, NULL);

	await_turn(&loop);
	coroutine_wake(coroutine);
	await_turn(&loop);
	coroutine_cancel(coroutine);
	await_turn(&loop);
	is_text(unwound.story, "", "a wait for what surely happens ends for nothing else");
	happened = true;
	coroutine_wake(coroutine);
	await_end();
	is_text(unwound.story, "happened cancelled end",
		"cancelled meanwhile, it fails at the next wait, once");
}

static void test_cancelling(void)
{
	static const char whole[] = "outer inner cleaned closed end";

	struct coroutine *coroutine = start_outer();
	await_turn(&loop);
	coroutine_cancel(coroutine);
	await_end();
	is_text(unwound.story, whole, "a cancelled wait returns through cleanup that waits itself");
	is_int(unwound.failure, ECANCELED, "the wait says why");

	coroutine = start_outer();
	coroutine_cancel(coroutine);
	await_end();
	is_text(unwound.story, whole, "cancelled before it ran, it fails at its first wait");
	is_int(unwound.failure, ECANCELED, "with the same reason");

	coroutine = start_outer();
	await_turn(&loop);
	coroutine_wake(coroutine);
	coroutine_cancel(coroutine);
	await_end();
	is_text(unwound.story, whole, "cancelled after it was woken, but before it ran, it fails as well");
	is_int(unwound.failure, ECANCELED, "with the same reason, once");
}

/* --- deadlines ---------------------------------------------------------------------------- */

#define SLEEPERS 12

static int64_t deadlines[SLEEPERS], fired_at[SLEEPERS];
static int fired_count, too_early, too_late;

static void wait_for_deadline(void *arg)
{
	int number = (int)(intptr_t)arg;
	bool woken = await_wake(&loop, deadlines[number]);
	if (woken || errno != ETIMEDOUT || loop_now() < deadlines[number])
		too_early++;
	if (!is_soon(deadlines[number]))
		too_late++;
	fired_at[number] = loop_now();
	fired_count++;
}

static void test_deadline_order(void)
{
	int disorder = 0;
	int64_t begin = after(100);
	fired_count = too_early = too_late = 0;
	for (int i = 0; i < SLEEPERS; i++) {
		deadlines[i] = begin + i * 7 % SLEEPERS * 60 * MS;
		start(wait_for_deadline, (void *)(intptr_t)i);
	}
	while (fired_count < SLEEPERS)
		await_sleep(&loop, after(10));
	/* A machine that stalls may find two of them over, and take them together. */
	for (int i = 0; i < SLEEPERS; i++)
		for (int j = 0; j < SLEEPERS; j++)
			disorder +=
				deadlines[i] < deadlines[j] && fired_at[i] > fired_at[j] + 40 * MS;
	is_int(disorder, 0, "deadlines fire in their order");
	is_int(too_early, 0, "none early");
	is_int(too_late, 0, "none late");
}

/* --- without memory ----------------------------------------------------------------------- */

#define MANY_TIMERS 100 /* more than libevent has room for at first */

static bool realloc_fails;
static int without_timer, with_timer;

static void *may_fail(void *old, size_t size)
{
	return realloc_fails ? NULL : realloc(old, size);
}

static void wait_a_little(void *arg)
{
	(void)arg;
	await_wake(&loop, after(20));
	without_timer += errno == ENOMEM;
	with_timer += errno == ETIMEDOUT;
}

static void test_no_memory_for_timers(void)
{
	int64_t begin = loop_now();

	event_set_mem_functions(malloc, may_fail, free);
	realloc_fails = true;
	for (int i = 0; i < MANY_TIMERS; i++)
		start(wait_a_little, NULL);
	await_turn(&loop);
	ok(without_timer > 0, "a wait without memory for its deadline fails at once");
	bool woke_up = await_sleep(&loop, after(40));
	ok(woke_up && loop_now() - begin >= 40 * MS && is_soon(begin), "who sleeps wakes up all the same");
	is_int(without_timer + with_timer, MANY_TIMERS, "... and nobody waits for ever");
	realloc_fails = false;
	without_timer = 0;
	wait_a_little(NULL);
	is_int(without_timer, 0, "with memory again, deadlines hold again");
}

static bool line_read;

/* Wakes its coroutine every few milliseconds, like a peer that drips. */
static void drip(void *arg)
{
	for (int i = 0; i < 1000 && !line_read; i++) {
		await_sleep(&loop, after(5));
		coroutine_wake(*(struct coroutine **)arg);
	}
	*(struct coroutine **)arg = NULL;
}

static bool read_a_line(int64_t deadline)
{
	while (await_wake(&loop, deadline))
		; /* half a line, and half of the rest, ... */
	return false;
}

static void test_nested_calls_share_a_deadline(void)
{
	struct coroutine *self = coroutine_current(&loop);
	int64_t begin = loop_now(), deadline = begin + 60 * MS;

	line_read = false;
	start(drip, &self);
	ok(!read_a_line(deadline) && errno == ETIMEDOUT, "one that is woken again and again");
	ok(loop_now() >= deadline && is_soon(begin), "has no more time for that");
	ok(!read_a_line(deadline) && is_soon(begin), "nor has the next call");
	line_read = true;
	while (self != NULL)
		await_wake(&loop, after(10));
}

/* Each wait is woken, or not, at its own time, whatever the timer of the wait before. */
struct wait {
	int64_t wake_ms;     /* 0: nobody wakes it */
	int64_t deadline_ms; /* 0: never */
};

static struct coroutine *lazy;
static int64_t wake_at;

static void wake_lazy(void *arg)
{
	(void)arg;
	await_sleep(&loop, wake_at);
	coroutine_wake(lazy);
}

static bool waits_properly(const struct wait *wait)
{
	int64_t begin = loop_now();
	int64_t end = begin + (wait->wake_ms ? wait->wake_ms : wait->deadline_ms) * MS;

	lazy = coroutine_current(&loop);
	wake_at = end;
	if (wait->wake_ms)
		start(wake_lazy, NULL);
	bool woken = await_wake(&loop, wait->deadline_ms ? begin + wait->deadline_ms * MS
							 : DEADLINE_NEVER);
	/* Who is not seen to until both times are over may be told of either. */
	bool is_late = wait->deadline_ms && loop_now() >= begin + wait->deadline_ms * MS;
	return (woken == (wait->wake_ms > 0) || is_late) && loop_now() >= end && is_soon(end);
}

static int lazy_left;

static void wait_twice(void *arg)
{
	const struct wait *waits = arg;
	bool first = waits_properly(&waits[0]);
	ok(first && waits_properly(&waits[1]),
	   "a wait of %d ms until %d ms, then one of %d ms until %d ms", (int)waits[0].wake_ms,
	   (int)waits[0].deadline_ms, (int)waits[1].wake_ms, (int)waits[1].deadline_ms);
	lazy_left--;
}

static void test_lazy_timers(void)
{
	static struct wait pairs[][2] = {
		/* The old timer fires in the middle of the next wait. */
		{{5, 200}, {0, 400}},
		{{5, 200}, {300, 0}},	/* ... which has no deadline */
		{{5, 200}, {300, 600}}, /* ... or another */
		{{5, 9000}, {0, 40}}, /* the old timer would be late */
		{{5, 9000}, {40, 0}}, {{0, 20}, {0, 20}}, {{5, 0}, {0, 20}},
	};
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		lazy_left = 1;
		/* On the same stack each time, with what the one before has left in it. */
		start(wait_twice, pairs[i]);
		while (lazy_left > 0)
			await_sleep(&loop, after(5));
	}
}

/* --- descriptors -------------------------------------------------------------------------- */

static int ends[2];

static void write_later(void *arg)
{
	(void)arg;
	await_sleep(&loop, after(20));
	if (write(ends[1], "x", 1) != 1)
		abort();
}

static void cancel_later(void *arg)
{
	await_sleep(&loop, after(20));
	coroutine_cancel(arg);
}

static void say_nothing(int severity, const char *message)
{
	(void)severity;
	(void)message;
}

static void test_descriptors(void)
{
	int64_t begin = loop_now();
	char byte;

	if (pipe(ends) != 0)
		abort();
	ok(await_descriptor(&loop, ends[1], EV_WRITE, after(5000)) && is_soon(begin),
	   "an empty pipe may be written");
	bool ready = await_descriptor(&loop, ends[0], EV_READ, after(30));
	ok(!ready && errno == ETIMEDOUT, "but not read");
	start(write_later, NULL);
	begin = loop_now();
	ready = await_descriptor(&loop, ends[0], EV_READ, after(5000));
	ok(ready && loop_now() - begin >= 20 * MS && is_soon(begin), "until something is in it");
	ok(read(ends[0], &byte, 1) == 1 && byte == 'x', "which can be read then");
	start(cancel_later, coroutine_current(&loop));
	ready = await_descriptor(&loop, ends[0], EV_READ, DEADLINE_NEVER);
	ok(!ready && errno == ECANCELED, "waiting for a descriptor can be cancelled");
	close(ends[0]);
	close(ends[1]);
	event_set_log_callback(say_nothing);
	ready = await_descriptor(&loop, ends[0], EV_READ, after(1000));
	ok(!ready && errno == EBADF, "a closed one is an error");
}

int main(void)
{
	in_loop(test_a_million_switches);
	in_loop(test_turns_are_fair);
	in_loop(test_a_turn_lets_time_pass);
	in_loop(test_ten_thousand_wait);
	in_loop(test_cancelling);
	in_loop(test_waiting_surely);
	in_loop(test_deadline_order);
	in_loop(test_nested_calls_share_a_deadline);
	in_loop(test_lazy_timers);
	in_loop(test_no_memory_for_timers);
	in_loop(test_descriptors);
	return done();
}
