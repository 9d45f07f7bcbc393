#include "protocol/parameters.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "protocol/hash.h"
#include "protocol/hash_table.h"

struct parameter {
	const char *name;
	const char *value;
};

/* The texts stand behind the list, in the same block. */
struct parameters {
	struct hash_link link; /* by its content */
	struct parameter_table *table;
	atomic_uint holders; /* the last one lets go under the table's lock */
	_Atomic uint64_t proven_by; /* the last pool whose server took all of it, 0: none */
	size_t count;
	struct parameter list[]; /* sorted by name */
};

struct parameter_table {
	pthread_mutex_t lock; /* of the sets, and of what is found among them */
	struct hash_table sets;
	struct parameters *empty;
};

/* --- the table ---------------------------------------------------------------------------- */

static uint32_t hash_folded(uint32_t hash, const char *text, int (*fold)(int))
{
	for (; *text != '\0'; text++)
		hash = hash_number(hash, (uint32_t)fold((unsigned char)*text));
	return hash_number(hash, '\0');
}

static int lower(int c)
{
	return c >= 'A' && c <= 'Z' ? c + 32 : c;
}

static int same(int c)
{
	return c;
}

static uint32_t hash_list(const struct parameter *list, size_t count)
{
	uint32_t hash = HASH_START;
	for (size_t i = 0; i < count; i++) {
		hash = hash_folded(hash, list[i].name, lower);
		hash = hash_folded(hash, list[i].value, same);
	}
	return hash;
}

static bool equals_list(const struct parameters *set, const struct parameter *list, size_t count)
{
	if (set->count != count)
		return false;
	for (size_t i = 0; i < count; i++)
		if (strcasecmp(set->list[i].name, list[i].name) != 0 ||
		    strcmp(set->list[i].value, list[i].value) != 0)
			return false;
	return true;
}

static struct parameters *set_new(const struct parameter *list, size_t count)
{
	size_t texts = 0;
	for (size_t i = 0; i < count; i++)
		texts += strlen(list[i].name) + strlen(list[i].value) + 2;
	struct parameters *set = malloc(sizeof *set + count * sizeof *list + texts);
	if (set == NULL)
		return NULL;
	char *text = (char *)&set->list[count];
	for (size_t i = 0; i < count; i++) {
		set->list[i].name = text;
		text = stpcpy(text, list[i].name) + 1;
		set->list[i].value = text;
		text = stpcpy(text, list[i].value) + 1;
	}
	set->count = count;
	atomic_init(&set->holders, 0);
	atomic_init(&set->proven_by, 0);
	return set;
}

static struct parameters *find_set(const struct parameter_table *table, uint32_t hash,
				   const struct parameter *list, size_t count)
{
	struct parameters *set = hash_table_find(&table->sets, hash);

	while (set != NULL && !equals_list(set, list, count))
		set = hash_table_find_next(&set->link);
	return set;
}

static struct parameters *add_set(struct parameter_table *table, uint32_t hash,
				  const struct parameter *list, size_t count)
{
	struct parameters *set = set_new(list, count);

	if (set == NULL)
		return NULL;
	set->table = table;
	hash_table_add(&table->sets, &set->link, hash);
	return set;
}

/* The one set with this content, held. NULL without memory. */
static struct parameters *intern(struct parameter_table *table, const struct parameter *list,
				 size_t count)
{
	uint32_t hash = hash_list(list, count);

	pthread_mutex_lock(&table->lock);
	struct parameters *set = find_set(table, hash, list, count);
	if (set == NULL)
		set = add_set(table, hash, list, count);
	parameters_hold(set);
	pthread_mutex_unlock(&table->lock);
	return set;
}

struct parameter_table *parameter_table_new(void)
{
	struct parameter_table *table = calloc(1, sizeof *table);
	if (table == NULL)
		return NULL;
	pthread_mutex_init(&table->lock, NULL);
	table->empty = intern(table, NULL, 0);
	if (table->empty == NULL) {
		free(table);
		return NULL;
	}
	return table;
}

void parameter_table_free(struct parameter_table *table)
{
	if (table == NULL)
		return;
	parameters_drop(table->empty);
	pthread_mutex_destroy(&table->lock);
	hash_table_release(&table->sets);
	free(table);
}

size_t parameter_table_count(struct parameter_table *table)
{
	pthread_mutex_lock(&table->lock);
	size_t count = table->sets.count;
	pthread_mutex_unlock(&table->lock);
	return count;
}

struct parameters *parameters_empty(struct parameter_table *table)
{
	return table->empty;
}

struct parameters *parameters_hold(struct parameters *set)
{
	if (set != NULL)
		atomic_fetch_add_explicit(&set->holders, 1, memory_order_relaxed);
	return set;
}

/* Only under the lock may the last holder go: otherwise another thread could just have found it. */
void parameters_drop(struct parameters *set)
{
	if (set == NULL)
		return;
	unsigned holders = atomic_load_explicit(&set->holders, memory_order_relaxed);
	while (holders > 1)
		if (atomic_compare_exchange_weak_explicit(&set->holders, &holders, holders - 1,
							  memory_order_release,
							  memory_order_relaxed))
			return;
	struct parameter_table *table = set->table;
	pthread_mutex_lock(&table->lock);
	if (atomic_fetch_sub_explicit(&set->holders, 1, memory_order_acq_rel) == 1) {
		hash_table_remove(&table->sets, &set->link);
		free(set);
	}
	pthread_mutex_unlock(&table->lock);
}

void parameters_assign(struct parameters **slot, struct parameters *set)
{
	parameters_hold(set);
	parameters_drop(*slot);
	*slot = set;
}

/* --- content ------------------------------------------------------------------------------ */

static const struct parameter *find(const struct parameters *set, const char *name)
{
	for (size_t i = 0; i < set->count; i++)
		if (strcasecmp(set->list[i].name, name) == 0)
			return &set->list[i];
	return NULL;
}

const char *parameters_get(const struct parameters *set, const char *name)
{
	const struct parameter *found = find(set, name);
	return found == NULL ? NULL : found->value;
}

const char *parameters_spelling(const struct parameters *set, const char *name)
{
	const struct parameter *found = find(set, name);
	return found == NULL ? NULL : found->name;
}

bool parameters_are_proven(const struct parameters *set, uint64_t pool)
{
	return set->count == 0 || set->proven_by == pool;
}

void parameters_prove(struct parameters *set, uint64_t pool)
{
	set->proven_by = pool;
}

static bool is_among(const char *const *names, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcasecmp(names[i], name) == 0)
			return true;
	return false;
}

bool parameter_shapes_literals(const char *name)
{
	static const char *const others[] = {"application_name",
					     "client_min_messages",
					     "default_transaction_deferrable",
					     "default_transaction_isolation",
					     "default_transaction_read_only",
					     "idle_in_transaction_session_timeout",
					     "idle_session_timeout",
					     "lock_timeout",
					     "maintenance_work_mem",
					     "scram_iterations",
					     "statement_timeout",
					     "synchronous_commit",
					     "transaction_timeout",
					     "work_mem"};

	return !is_among(others, sizeof others / sizeof *others, name) &&
	       !parameter_is_read_only(name) && strchr(name, '.') == NULL;
}

/* The next of two sorted lists, of one name that of `over`; NULL at their end. */
static const struct parameter *next_of(const struct parameters *start, size_t *at,
				       const struct parameters *over, size_t *over_at)
{
	const struct parameter *one = *at < start->count ? &start->list[*at] : NULL;
	const struct parameter *other = *over_at < over->count ? &over->list[*over_at] : NULL;
	int order = one == NULL ? 1 : other == NULL ? -1 : strcasecmp(one->name, other->name);

	*at += one != NULL && order <= 0;
	*over_at += other != NULL && order >= 0;
	return order < 0 ? one : other;
}

struct parameters *parameters_for_literals(const struct parameters *start,
					   const struct parameters *wished)
{
	struct parameter *list = calloc(start->count + wished->count + 1, sizeof *list);
	const struct parameter *next;
	size_t count = 0, at = 0, wished_at = 0;

	if (list == NULL)
		return NULL;
	while ((next = next_of(start, &at, wished, &wished_at)) != NULL)
		if (parameter_shapes_literals(next->name))
			list[count++] = *next;
	struct parameters *part = intern(start->table, list, count);
	free(list);
	return part;
}

size_t parameters_count(const struct parameters *set)
{
	return set->count;
}

const char *parameters_name(const struct parameters *set, size_t index)
{
	return set->list[index].name;
}

const char *parameters_value(const struct parameters *set, size_t index)
{
	return set->list[index].value;
}

bool parameters_change(struct parameters **slot, const char *name, const char *value)
{
	const struct parameters *old = *slot;
	const char *present = parameters_get(old, name);

	if (present == value || (present != NULL && value != NULL && strcmp(present, value) == 0))
		return true;
	struct parameter *list = calloc(old->count + 1, sizeof *list);
	if (list == NULL)
		return false;

	size_t count = 0;
	bool placed = value == NULL;
	for (size_t i = 0; i < old->count; i++) {
		int order = strcasecmp(name, old->list[i].name);
		if (!placed && order <= 0) {
			list[count++] = (struct parameter){name, value};
			placed = true;
		}
		if (order != 0)
			list[count++] = old->list[i];
	}
	if (!placed)
		list[count++] = (struct parameter){name, value};

	struct parameters *changed = intern(old->table, list, count);
	if (changed != NULL) {
		parameters_drop(*slot);
		*slot = changed;
	}
	free(list);
	return changed != NULL;
}

bool parameter_is_read_only(const char *name)
{
	static const char *const names[] = {"server_version",	"server_encoding", "is_superuser",
					    "in_hot_standby",	"integer_datetimes",
					    "session_authorization"};

	return is_among(names, sizeof names / sizeof *names, name);
}

bool parameter_is_kept(const char *name)
{
	static const char *const names[] = {"application_name",
					    "client_encoding",
					    "DateStyle",
					    "IntervalStyle",
					    "search_path",
					    "TimeZone",
					    "standard_conforming_strings"};

	return is_among(names, sizeof names / sizeof *names, name);
}
