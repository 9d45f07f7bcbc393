/* Which worker a new client goes to. */
#include "daemon/balance.h"

#include "conf/settings.h"
#include "daemon/worker.h"
#include "tests/unit/tap.h"

#define WORKERS 4

static struct settings settings;
static struct worker workers[WORKERS];
static unsigned placed[WORKERS];

/* Their loads and what the processors have left, in thousandths of one. */
static void begin(unsigned a, unsigned b, unsigned c, unsigned d, unsigned left)
{
	unsigned loads[WORKERS] = {a, b, c, d};

	settings = (struct settings){0};
	memset(workers, 0, sizeof workers);
	for (unsigned i = 0; i < WORKERS; i++) {
		workers[i].index = i;
		workers[i].all = workers;
		workers[i].count = WORKERS;
		workers[i].settings = &settings;
		atomic_store(&workers[i].load.permille, loads[i]);
		workers[i].load.lately = loads[i];
	}
	workers->load.free_lately = left;
}

static void place(unsigned clients)
{
	memset(placed, 0, sizeof placed);
	for (unsigned i = 0; i < clients; i++) {
		struct worker *worker = balance_place(workers);
		placed[worker->index]++;
		atomic_fetch_add(&worker->session_count, 1);
	}
}

static void offer_tls(void)
{
	settings.client_tls.object = workers; /* anything */
}

static void test_few_workers_at_low_load(void)
{
	begin(0, 0, 0, 0, 4000);
	place(1000);
	is_int(placed[0], 1000,
	       "a thousand logins in the clear are nothing: the first does them all");
	begin(600, 0, 0, 0, 3000);
	place(100);
	is_int(placed[0], 100, "one that has room gets the next ones");
	begin(40, 300, 0, 0, 3000);
	place(100);
	is_int(placed[0], 100, "no matter what others do");
}

static void test_more_at_high_load(void)
{
	begin(900, 0, 0, 0, 3000);
	place(100);
	is_int(placed[1], 100, "when the first has enough to do, the second gets them");
	begin(900, 300, 0, 0, 3000);
	place(100);
	is_int(placed[1], 100, "as long as it has less");
	begin(500, 500, 0, 0, 3000);
	place(100);
	ok(placed[0] == 50 && placed[1] == 50, "two that are needed get them by turns");
	begin(650, 650, 650, 0, 1900);
	place(90);
	is_int(placed[3], 0, "and one that is not needed gets none");
}

static void test_handshakes(void)
{
	begin(0, 0, 0, 0, 4000);
	offer_tls();
	place(100);
	is_int(placed[0], 100, "a hundred handshakes are done by the first");
	place(4900);
	for (unsigned i = 0; i < WORKERS; i++)
		ok(placed[i] >= 1100, "five thousand at once by all: %u by worker %u", placed[i],
		   i);
}

static void test_no_processor_is_left(void)
{
	begin(950, 0, 0, 0, 0);
	place(100);
	is_int(placed[0], 100, "a second worker does not begin where no processor is left for it");
	begin(950, 0, 0, 0, 250);
	place(100);
	is_int(placed[0], 100, "nor where too little is");
	begin(480, 490, 0, 0, 10);
	place(100);
	is_int(placed[0], 100, "one that has begun gets no more when one could do it all");
	begin(980, 990, 970, 960, 0);
	place(400);
	ok(placed[0] > 10 && placed[1] > 10 && placed[2] > 10 && placed[3] > 10,
	   "all get them when all are needed");
}

static void test_in_turn(void)
{
	begin(0, 0, 0, 0, 0);
	settings.spread_clients = true;
	place(100);
	for (unsigned i = 0; i < WORKERS; i++)
		is_int(placed[i], 25, "to each as many, if that is wanted: worker %u", i);
}

int main(void)
{
	test_few_workers_at_low_load();
	test_more_at_high_load();
	test_handshakes();
	test_no_processor_is_left();
	test_in_turn();
	return done();
}
