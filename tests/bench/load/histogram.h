#pragma once
/*
 * Latencies in logarithmic buckets: 64 to each power of two, so a percentile is exact to 1.6 %, and adding
 * a value costs a few instructions.
 */
#include <stdint.h>

enum { HISTOGRAM_STEPS = 64, HISTOGRAM_BUCKETS = 40 * HISTOGRAM_STEPS };

struct histogram {
	uint64_t total, largest;
	uint32_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *histogram, uint64_t value);

/* The value that `share` (0 to 1) of all values do not exceed; 0 when there are none. */
uint64_t histogram_percentile(const struct histogram *histogram, double share);
