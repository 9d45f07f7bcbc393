/*
 * The serial number of a DNS zone, from its SOA record, which libevent's resolver cannot ask for.
 * Source: RFC 1035, sections 3.3.13 and 4.1.
 */
#ifndef MILLPOND_SERVER_SOA_H
#define MILLPOND_SERVER_SOA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct worker;

/* Asks the name servers of the worker's resolver, one after the other. False: none tells. */
bool await_zone_serial(struct worker *worker, const char *zone, uint32_t *serial);

/*
 * The two halves, pure. The question is at most SOA_QUESTION_BYTES long; 0: the name is none. The answer
 * must be to that question.
 */
#define SOA_QUESTION_BYTES (12 + 256 + 4)
size_t soa_question(unsigned char question[SOA_QUESTION_BYTES], const char *zone, uint16_t id);
bool soa_answer(const unsigned char *question, size_t question_length, const unsigned char *answer,
		size_t length, uint32_t *serial);

#endif
