#include "daemon/balance.h"

#include <time.h>

#include "daemon/daemon.h"
#include "daemon/login/client_tls.h"
#include "daemon/processors.h"
#include "daemon/runtime/loop.h"
#include "daemon/session.h"
#include "daemon/worker.h"

/* Loads are thousandths of a processor. A worker with more than the first gives sessions away to one with
 * less by at least the second, ... */
#define TOO_MUCH_FROM 800
#define WORTH_MOVING 250
/* ... if so much of a processor is free: otherwise there is nothing to win. */
#define FREE_FROM 600
/* Where two have no more than this together, one of them does it all. */
#define TOGETHER_UP_TO 450

/* New clients go to as many workers as it takes for none to have more than this. */
#define ROOM_UP_TO 700
/* But one with less than the first begins only if so much of a processor is free, */
#define IDLE_BELOW 20
#define FREE_TO_BEGIN 300
/* and if less than this is free workers are filled up: fewer of them do the same for less. */
#define FREE_TO_SPREAD 80
/* What a login takes, and what it takes with a handshake: 0.3 ms with ECDSA, 1 ms with RSA. */
#define LOGIN_US 125
#define LOGIN_BY_TLS_US 750

/* --- measuring ---------------------------------------------------------------------------- */

static int64_t busy_us(struct worker *worker)
{
	struct timespec used = {0};
	clockid_t clock;

	if (pthread_getcpuclockid(worker->thread, &clock) == 0)
		clock_gettime(clock, &used);
	return (int64_t)used.tv_sec * 1000000 + used.tv_nsec / 1000;
}

static void measure(struct worker *worker, int64_t now)
{
	struct worker_load *load = &worker->load;
	int64_t busy = busy_us(worker);
	int64_t elapsed = now - load->measured_at;
	int64_t permille = elapsed > 0 ? (busy - load->cpu_us) * 1000 / elapsed : 0;

	if (load->measured_at != 0) {
		permille = permille > 1000 ? 1000 : permille > 0 ? permille : 0;
		atomic_store(&load->permille, (unsigned)permille);
		load->lately = (3 * load->lately + (unsigned)permille) / 4;
	}
	load->cpu_us = busy;
	load->measured_at = now;
	atomic_store(&load->placed_us, 0);
}

static unsigned load_of(const struct worker *worker)
{
	return atomic_load_explicit(&worker->load.permille, memory_order_relaxed);
}

/* --- moving ------------------------------------------------------------------------------- */

static void ask_to_shed(struct worker *from, const struct worker *to, unsigned sessions)
{
	atomic_store(&from->load.shed_to, to->index);
	atomic_store(&from->load.to_shed, sessions);
}

/* How much of the processors was free in that time, in thousandths of one; all of one if that is not known. */
static int64_t free_permille(struct worker *first, int64_t elapsed_us)
{
	int64_t before = first->load.idle_us;

	first->load.idle_us = processors_idle_us();
	if (before < 0 || first->load.idle_us < 0 || elapsed_us <= 0)
		return 1000;
	return (first->load.idle_us - before) * 1000 / elapsed_us;
}

/* The busiest gives some of its sessions to the one with the least to do. */
static bool spread(struct worker *all)
{
	struct worker *busiest = all;
	struct worker *laziest = all;

	for (unsigned i = 1; i < all->count; i++) {
		if (load_of(&all[i]) > load_of(busiest))
			busiest = &all[i];
		if (load_of(&all[i]) < load_of(laziest))
			laziest = &all[i];
	}
	unsigned most = load_of(busiest);
	unsigned difference = most - load_of(laziest);
	if (most < TOO_MUCH_FROM || difference < WORTH_MOVING)
		return false;
	/* A third of what would even them out, since the next measurement comes soon. */
	unsigned sessions = atomic_load(&busiest->load.active) * difference / most / 6;
	ask_to_shed(busiest, laziest, sessions > 0 ? sessions : 1);
	return true;
}

/* The last worker with anything to do gives it to the first with room for it. */
static void gather(struct worker *all)
{
	struct worker *last = &all[all->count - 1];

	while (last > all && atomic_load(&last->load.active) == 0)
		last--;
	for (struct worker *first = all; first < last; first++)
		if (load_of(first) + load_of(last) <= TOGETHER_UP_TO) {
			ask_to_shed(last, first, atomic_load(&last->load.active) / 2 + 1);
			return;
		}
}

void balance_measure(struct worker *first)
{
	int64_t now = loop_now();
	int64_t elapsed = now - first->load.measured_at;
	bool is_first = first->load.measured_at == 0;

	for (unsigned i = 0; i < first->count; i++) {
		measure(&first[i], now);
		atomic_store(&first[i].load.to_shed, 0);
	}
	if (first->count == 1)
		return;
	int64_t free = free_permille(first, elapsed);
	first->load.free_lately = is_first ? free : (3 * first->load.free_lately + free) / 4;
	bool is_spread = free >= FREE_FROM && spread(first);
	if (!is_spread && !first->settings->spread_clients)
		gather(first);
}

void balance_tick(struct worker *worker)
{
	atomic_store(&worker->load.active, worker->load.active_count);
	worker->load.active_count = 0;
}

void balance_note(struct session *session)
{
	struct worker *worker = session->worker;

	if (session->active_in_tick == worker->tick_number)
		return;
	session->active_in_tick = worker->tick_number;
	worker->load.active_count++;
}

bool balance_sheds(const struct worker *worker)
{
	return atomic_load_explicit(&worker->load.to_shed, memory_order_relaxed) > 0;
}

struct worker *balance_wants_away(struct worker *worker)
{
	struct worker_load *load = &worker->load;
	unsigned left = atomic_load_explicit(&load->to_shed, memory_order_relaxed);

	if (left == 0 || worker->ending || atomic_load(&worker->daemon->moves_held) > 0 ||
	    !atomic_compare_exchange_strong(&load->to_shed, &left, left - 1))
		return NULL;
	return &worker->all[atomic_load(&load->shed_to)];
}

void balance_hold(struct worker *worker)
{
	atomic_fetch_add(&worker->daemon->moves_held, 1);
}

void balance_release_hold(struct worker *worker)
{
	atomic_fetch_sub(&worker->daemon->moves_held, 1);
}

/* --- placing ------------------------------------------------------------------------------ */

static struct worker *with_fewest_sessions(struct worker *first)
{
	struct worker *fewest = first;

	for (unsigned i = 1; i < first->count; i++)
		if (first[i].session_count < fewest->session_count)
			fewest = &first[i];
	return fewest;
}

static unsigned placed_load(const struct worker *worker)
{
	return atomic_load_explicit(&worker->load.placed_us, memory_order_relaxed) /
	       (BALANCE_PERIOD_US / 1000);
}

/* How many workers the load needs. What was placed is in the load as soon as it has been measured. */
static unsigned wanted_workers(const struct worker *first)
{
	unsigned room = first->load.free_lately >= FREE_TO_SPREAD ? ROOM_UP_TO : 1000;
	unsigned total = 0;

	for (unsigned i = 0; i < first->count; i++) {
		unsigned load = placed_load(&first[i]);
		if (load < first[i].load.lately)
			load = first[i].load.lately;
		total += load < 1000 ? load : 1000;
	}
	return (total + room - 1) / room;
}

static bool may_begin(const struct worker *worker)
{
	return load_of(worker) >= IDLE_BELOW || worker->all->load.free_lately >= FREE_TO_BEGIN;
}

/* Of as many workers as the load needs, the one with the least of it. */
static struct worker *least_loaded(struct worker *first)
{
	unsigned wanted = wanted_workers(first);
	struct worker *best = first;
	unsigned least = first->load.lately + placed_load(first);

	for (unsigned i = 1; i < first->count && i < wanted; i++) {
		unsigned load = first[i].load.lately + placed_load(&first[i]);
		if (load < least && may_begin(&first[i])) {
			least = load;
			best = &first[i];
		}
	}
	return best;
}

struct worker *balance_place(struct worker *first)
{
	if (first->settings->spread_clients)
		return with_fewest_sessions(first);
	bool by_tls = client_tls_context(first->settings) != NULL;
	struct worker *worker = least_loaded(first);
	atomic_fetch_add_explicit(&worker->load.placed_us, by_tls ? LOGIN_BY_TLS_US : LOGIN_US,
				  memory_order_relaxed);
	return worker;
}
