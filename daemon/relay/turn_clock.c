#include "daemon/relay/turn_clock.h"

void turn_clock_init(struct turn_clock *clock, struct loop *loop, struct pool_share *share)
{
	const struct settings *settings = share->settings;
	const struct user_settings *user = share->user;

	*clock = (struct turn_clock){
		.loop = loop,
		.stats = &share->stats,
		.query_limit_us = settings_query_timeout_us(settings, user),
		.transaction_limit_us = settings_transaction_timeout_us(settings, user),
		.idle_limit_us = settings_idle_transaction_timeout_us(settings, user),
	};
	clock->is_limited = clock->query_limit_us > 0 || clock->transaction_limit_us > 0 ||
			    clock->idle_limit_us > 0;
}

void turn_clock_asks(struct turn_clock *clock, bool is_whole)
{
	if (clock->query_at != 0)
		return;
	clock->is_half = !is_whole;
	clock->query_at = loop_time(clock->loop);
	stats_count(&clock->stats->query_count, 1);
	if (clock->transaction_at == 0) {
		clock->transaction_at = clock->query_at;
		stats_count(&clock->stats->xact_count, 1);
	}
}

/* A suspension in between may have been measured a little longer than it was. */
static uint64_t elapsed(int64_t now, int64_t since)
{
	return now > since ? (uint64_t)(now - since) : 0;
}

void turn_clock_ready(struct turn_clock *clock, bool is_settled, bool in_transaction)
{
	int64_t now = loop_time(clock->loop);

	clock->settled_at = now;
	if (clock->query_at != 0)
		stats_count(&clock->stats->query_time, elapsed(now, clock->query_at));
	clock->query_at = is_settled ? 0 : now;
	if (!in_transaction && clock->transaction_at != 0) {
		stats_count(&clock->stats->xact_time, elapsed(now, clock->transaction_at));
		clock->transaction_at = clock->query_at;
	}
}

static void shift(int64_t *time, int64_t elapsed_us)
{
	if (*time != 0)
		*time += elapsed_us;
}

void turn_clock_stood_still(struct turn_clock *clock, int64_t elapsed_us)
{
	shift(&clock->transaction_at, elapsed_us);
	shift(&clock->query_at, elapsed_us);
	shift(&clock->settled_at, elapsed_us);
}

int64_t turn_clock_nearest_limit(const struct turn_clock *clock, enum failure_kind *kind)
{
	int64_t deadline = DEADLINE_NEVER;

	if (clock->query_limit_us > 0 && clock->query_at != 0) {
		deadline = clock->query_at + clock->query_limit_us;
		*kind = FAILURE_QUERY_TIMEOUT;
	}
	bool is_idle = (clock->query_at == 0 || clock->is_half) && clock->settled_at != 0;
	if (clock->idle_limit_us > 0 && is_idle &&
	    clock->settled_at + clock->idle_limit_us < deadline) {
		deadline = clock->settled_at + clock->idle_limit_us;
		*kind = FAILURE_IDLE_TRANSACTION_TIMEOUT;
	}
	if (clock->transaction_limit_us > 0 && clock->transaction_at != 0 &&
	    clock->transaction_at + clock->transaction_limit_us < deadline) {
		deadline = clock->transaction_at + clock->transaction_limit_us;
		*kind = FAILURE_TRANSACTION_TIMEOUT;
	}
	return deadline;
}

bool turn_clock_describe(const struct turn_clock *clock, struct failure *why)
{
	int64_t now = loop_now();

	if (why->kind == FAILURE_QUERY_TIMEOUT)
		failure_limit(why, "The query has run for", now - clock->query_at, "query_timeout",
			      clock->query_limit_us);
	else if (why->kind == FAILURE_IDLE_TRANSACTION_TIMEOUT)
		failure_limit(why, "Nothing was asked for in the transaction for",
			      now - clock->settled_at, "idle_transaction_timeout",
			      clock->idle_limit_us);
	else if (why->kind == FAILURE_TRANSACTION_TIMEOUT)
		failure_limit(why, "The transaction was open for", now - clock->transaction_at,
			      "transaction_timeout", clock->transaction_limit_us);
	return false;
}
