/* The loop: messages from other threads, wakes from plain callbacks, stacks that are given back. */
#include "daemon/runtime/loop.h"

#include <errno.h>
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include "daemon/runtime/stack.h"
#include "tests/unit/in_loop.h"
#include "tests/unit/tap.h"

/* --- messages ----------------------------------------------------------------------------- */

enum { SENDERS = 4, MESSAGES = 5000 };

struct letter {
	struct loop_message message; /* first */
	int sender;
	int number;
};

static int delivered[SENDERS];
static int misdelivered;
static pthread_t loop_thread;
static struct coroutine *reader;

static void deliver(struct loop_message *message)
{
	struct letter *letter = (struct letter *)(void *)message;
	if (letter->number != delivered[letter->sender]++ ||
	    !pthread_equal(pthread_self(), loop_thread))
		misdelivered++;
	free(letter);
	coroutine_wake(reader);
}

static void *send_letters(void *arg)
{
	for (int i = 0; i < MESSAGES; i++) {
		struct letter *letter = malloc(sizeof *letter);
		*letter = (struct letter){{NULL, deliver}, (int)(intptr_t)arg, i};
		loop_post(&loop, &letter->message);
		if (i % 1000 == 0)
			usleep(1000); /* so that the inbox is found empty now and then */
	}
	return NULL;
}

static int all_delivered(void)
{
	int sum = 0;
	for (int i = 0; i < SENDERS; i++)
		sum += delivered[i];
	return sum;
}

static void test_messages(void)
{
	pthread_t threads[SENDERS];
	int64_t deadline = after(20000);

	reader = coroutine_current(&loop);
	loop_thread = pthread_self();
	for (intptr_t i = 0; i < SENDERS; i++)
		pthread_create(&threads[i], NULL, send_letters, (void *)i);
	while (all_delivered() < SENDERS * MESSAGES && await_wake(&loop, deadline))
		;
	is_int(all_delivered(), SENDERS * MESSAGES, "all messages of %d threads arrive", SENDERS);
	is_int(misdelivered, 0, "in the loop's thread, those of a sender in their order");
	for (int i = 0; i < SENDERS; i++)
		pthread_join(threads[i], NULL);
}

static struct letter *second;

static void deliver_and_post(struct loop_message *message)
{
	(void)message;
	loop_post(&loop, &second->message);
}

static void test_a_message_posts_another(void)
{
	struct letter first = {{NULL, deliver_and_post}, 0, 0};
	second = malloc(sizeof *second);
	*second = (struct letter){{NULL, deliver}, 0, 0};
	memset(delivered, 0, sizeof delivered);
	reader = coroutine_current(&loop);
	loop_post(&loop, &first.message);
	ok(await_wake(&loop, after(5000)), "a message may post another, to the same loop");
	is_int(delivered[0], 1, "which arrives too");
}

/* --- callbacks ---------------------------------------------------------------------------- */

static void wake(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	coroutine_wake(arg);
}

static void test_callbacks(void)
{
	struct timeval soon = {0, 5000};
	int64_t begin = loop_now();

	event_base_once(loop.base, -1, EV_TIMEOUT, wake, coroutine_current(&loop), &soon);
	ok(await_wake(&loop, after(5000)) && is_soon(begin),
	   "a callback wakes a coroutine");
}

static char order[16];

static void note_letter(void *arg)
{
	strcat(order, arg);
}

static void start_two(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	start(note_letter, "a");
	start(note_letter, "b");
	strcat(order, "-");
}

static void test_order(void)
{
	struct timeval soon = {0, 1000};

	event_base_once(loop.base, -1, EV_TIMEOUT, start_two, NULL, &soon);
	await_sleep(&loop, after(30));
	is_text(order, "-ab", "what callbacks have started runs after them, in that order");
}

static bool readable;

static void wait_for_pipe(void *arg)
{
	readable = await_descriptor(&loop, *(int *)arg, EV_READ, after(5000));
}

static void test_turns_let_sockets_in(void)
{
	int ends[2];
	int64_t begin = loop_now();

	if (pipe(ends) != 0)
		abort();
	start(wait_for_pipe, &ends[0]);
	await_turn(&loop);
	if (write(ends[1], "x", 1) != 1)
		abort();
	int turns = 0;
	for (; !readable && is_soon(begin); turns++)
		await_turn(&loop);
	ok(readable && turns < 10, "a coroutine that only gives way lets the sockets in: %d turns",
	   turns);
	while (!readable)
		await_sleep(&loop, after(1));
	close(ends[0]);
	close(ends[1]);
}

static int64_t seen_by_another;

static void look_at_the_time(void *arg)
{
	(void)arg;
	seen_by_another = loop_time(&loop);
}

static void test_time(void)
{
	int64_t first = loop_time(&loop);

	while (loop_now() < first + 2 * MS)
		;
	is_int(loop_time(&loop), first, "a coroutine that does not wait sees one time");
	start(look_at_the_time, NULL);
	await_turn(&loop);
	is_int(seen_by_another, first, "and so do others in the same turn");
	int64_t next = loop_time(&loop);
	ok(next >= first + 2 * MS && next <= loop_now(), "the next turn has its own");
}

/* --- stacks ------------------------------------------------------------------------------- */

static long mapped_kb(void)
{
	long pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");
	if (file == NULL || fscanf(file, "%ld", &pages) != 1)
		abort();
	fclose(file);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void rest_a_little(void *arg)
{
	(void)arg;
	await_sleep(&loop, after(20));
}

static void run_at_once(int count)
{
	for (int i = 0; i < count; i++)
		start(rest_a_little, NULL);
	while (loop.running_count > 1)
		await_sleep(&loop, after(5));
}

static void test_trimming(void)
{
	enum { BUSY = 200, STACK_KB = (int)(STACK_SIZE_BYTES / 1024) };

	loop_trim(&loop);
	long before = mapped_kb();
	run_at_once(BUSY);
	is_int(loop.spare_count, BUSY, "stacks of coroutines that have ended are kept");
	long busy = mapped_kb();
	run_at_once(BUSY);
	is_int(loop.spare_count, BUSY, "and used again");
	ok(mapped_kb() - busy < 10 * STACK_KB, "no more are mapped for the same load");

	loop_trim(&loop);
	is_int(loop.spare_count, BUSY, "after a busy time trimming keeps what it needed");
	run_at_once(50);
	loop_trim(&loop);
	ok(loop.spare_count >= 50 && loop.spare_count < 60, "after a quieter one fewer");
	loop_trim(&loop);
	ok(loop.spare_count <= 16, "at last a few");
	if (SANITIZED)
		ok(true, "memory is given back # SKIP sanitizers map for themselves");
	else
		ok(mapped_kb() - before < (busy - before) / 2,
		   "the memory is given back: %ld kB more than at first, %ld when busy",
		   mapped_kb() - before, busy - before);
}

static void test_clock(void)
{
	int64_t one = loop_now();
	usleep(20000);
	int64_t other = loop_now();
	ok(other - one >= 20000 && other - one < 10000000, "the clock counts microseconds");
}

static bool ran;

static void run_early(void *arg)
{
	(void)arg;
	ran = true;
	loop_stop(&loop);
}

static void test_start_before_run(void)
{
	if (!loop_init(&loop))
		abort();
	start(run_early, NULL);
	ok(!ran, "a coroutine does not run before its loop");
	loop_run(&loop);
	ok(ran, "but as soon as the loop does");
	ran = false;
	start(run_early, NULL);
	loop_run(&loop);
	ok(ran, "a loop that was stopped can run again");
	loop_release(&loop);
}

static void say_nothing(int severity, const char *message)
{
	(void)severity;
	(void)message;
}

static void test_no_descriptors(void)
{
	struct rlimit old, none;

	getrlimit(RLIMIT_NOFILE, &old);
	none = old;
	none.rlim_cur = 3;
	setrlimit(RLIMIT_NOFILE, &none);
	event_set_log_callback(say_nothing);
	struct loop another;
	bool made = loop_init(&another);
	int failure = errno;
	setrlimit(RLIMIT_NOFILE, &old);
	ok(!made && failure != 0,
	   "without descriptors there is no loop, and nothing is left of it");
}

int main(void)
{
	in_loop(test_messages);
	in_loop(test_a_message_posts_another);
	in_loop(test_callbacks);
	in_loop(test_order);
	in_loop(test_turns_let_sockets_in);
	in_loop(test_time);
	in_loop(test_trimming);
	test_clock();
	test_start_before_run();
	test_no_descriptors();
	return done();
}
