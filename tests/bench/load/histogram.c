#include "tests/bench/load/histogram.h"

/*
 * Values below 64 have a bucket each. A larger one is shifted right until seven bits are left; the number
 * of shifts names its power of two, the lower six bits the step in it.
 */
static unsigned bucket_of(uint64_t value)
{
	if (value < HISTOGRAM_STEPS)
		return (unsigned)value;

	unsigned shift = 63 - (unsigned)__builtin_clzll(value) - 6;
	unsigned bucket =
		(shift + 1) * HISTOGRAM_STEPS + (unsigned)(value >> shift) - HISTOGRAM_STEPS;
	return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

static uint64_t middle_of(unsigned bucket)
{
	if (bucket < 2 * HISTOGRAM_STEPS)
		return bucket;

	unsigned shift = bucket / HISTOGRAM_STEPS - 1;
	return ((uint64_t)(HISTOGRAM_STEPS + bucket % HISTOGRAM_STEPS) << shift) +
	       (1ULL << shift) / 2;
}

void histogram_add(struct histogram *histogram, uint64_t value)
{
	histogram->total++;
	histogram->buckets[bucket_of(value)]++;
	if (value > histogram->largest)
		histogram->largest = value;
}

uint64_t histogram_percentile(const struct histogram *histogram, double share)
{
	uint64_t wanted = (uint64_t)(share * (double)histogram->total);
	uint64_t seen = 0;

	for (unsigned bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
		seen += histogram->buckets[bucket];
		if (seen > wanted)
			return middle_of(bucket);
	}
	return histogram->largest;
}
