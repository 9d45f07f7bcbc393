/* Sets of parameters: the same content is the same pointer, and SQL leads from one to the other. */
#include "protocol/parameters.h"

#include "protocol/message.h"
#include "tests/unit/tap.h"

static struct parameter_table *table;
static struct parameters *unreported; /* what clients had set, and the server says nothing of */

/* A set, held, of "name", "value", ..., NULL. */
static struct parameters *set_of(const char *const *texts)
{
	struct parameters *set = parameters_hold(parameters_empty(table));
	for (; texts != NULL && *texts != NULL; texts += 2)
		if (!parameters_change(&set, texts[0], texts[1]))
			abort();
	return set;
}
#define SET(...) set_of((const char *const[]){__VA_ARGS__, NULL})

static void test_interning(void)
{
	struct parameters *one = SET("TimeZone", "UTC", "DateStyle", "ISO");
	struct parameters *other = SET("datestyle", "ISO", "timezone", "UTC");
	struct parameters *third = SET("TimeZone", "utc", "DateStyle", "ISO");

	ok(one == other, "the same content is the same set, whatever order and case of names");
	ok(one != third, "values differ by their case");
	is_text(parameters_get(one, "TIMEZONE"), "UTC", "a value by its name");
	ok(parameters_get(one, "nothing") == NULL, "or none");
	is_text(parameters_spelling(one, "timezone"), "TimeZone", "how it spells a name");
	ok(parameters_spelling(one, "nothing") == NULL, "that it has");
	is_int(parameters_count(one), 2, "how many there are");
	is_text(parameters_name(one, 0), "DateStyle", "sorted by name");
	is_text(parameters_value(one, 1), "UTC", "with their values");
	parameters_drop(one);
	parameters_drop(other);
	parameters_drop(third);
	is_int(parameter_table_count(table), 1, "dropped sets leave the empty one");

	/* Texts must not run together. */
	one = SET("a", "bc");
	other = SET("ab", "c");
	ok(one != other, "names end before values begin");
	parameters_drop(one);
	parameters_drop(other);
}

static void test_changing(void)
{
	struct parameters *set = parameters_hold(parameters_empty(table));
	struct parameters *before;

	ok(parameters_change(&set, "b", "1") && parameters_count(set) == 1, "a value is added");
	before = parameters_hold(set);
	ok(parameters_change(&set, "B", "1") && set == before, "the same again changes nothing");
	ok(parameters_change(&set, "B", "2") && set != before, "another makes another set");
	is_text(parameters_get(before, "b"), "1", "and leaves the former as it was");
	is_text(parameters_get(set, "b"), "2", "with the new value");
	is_int(parameters_count(set), 1, "and no name twice");
	ok(parameters_change(&set, "b", "1") && set == before, "and back to the former set");
	parameters_change(&set, "a", "0");
	parameters_change(&set, "c", "3");
	is_text(parameters_name(set, 0), "a", "before the others");
	is_text(parameters_name(set, 2), "c", "or behind them");
	ok(parameters_change(&set, "x", NULL) && parameters_count(set) == 3,
	   "removing what is not there changes nothing");
	parameters_change(&set, "A", NULL);
	parameters_change(&set, "c", NULL);
	ok(set == before, "what was added is removed");
	ok(parameters_change(&set, "b", NULL) && set == parameters_empty(table),
	   "at last the set is empty");
	parameters_drop(before);
	/* A value that lies in the very set that is replaced. */
	parameters_change(&set, "a", "long enough to be elsewhere when freed");
	parameters_change(&set, "b", parameters_get(set, "a"));
	parameters_change(&set, "a", NULL);
	is_text(parameters_get(set, "b"), "long enough to be elsewhere when freed",
		"a value may come from the set itself");
	parameters_drop(set);
	is_int(parameter_table_count(table), 1, "and nothing is left");
}

static void test_holding(void)
{
	struct parameters *set = SET("a", "b"), *slot = NULL;

	parameters_assign(&slot, set);
	parameters_assign(&slot, slot);
	parameters_drop(set);
	is_text(parameters_get(slot, "a"), "b", "a set lives as long as one holds it");
	parameters_assign(&slot, NULL);
	is_int(parameter_table_count(table), 1, "and no longer");
	parameters_drop(NULL);
	ok(parameters_hold(NULL) == NULL, "no set is nothing to hold");
}

static void test_many(void)
{
	enum { MANY = 3000 };
	static struct parameters *sets[MANY], *again;
	int wrong = 0;

	for (int i = 0; i < MANY; i++) {
		char value[20];
		sets[i] = parameters_hold(parameters_empty(table));
		sprintf(value, "%d", i);
		parameters_change(&sets[i], "application_name", value);
	}
	is_int(parameter_table_count(table), MANY + 1, "many sets");
	for (int i = MANY - 1; i >= 0; i--) {
		char value[20];
		sprintf(value, "%d", i);
		again = SET("application_name", value);
		wrong += again != sets[i];
		parameters_drop(again);
	}
	is_int(wrong, 0, "each is found again");
	for (int i = 0; i < MANY; i++)
		parameters_drop(sets[i * 7 % MANY]);
	is_int(parameter_table_count(table), 1, "none is left");
}

static void test_what_shapes_literals(void)
{
	ok(parameter_shapes_literals("TimeZone") && parameter_shapes_literals("search_path"),
	   "what a text means hangs on some parameters");
	ok(parameter_shapes_literals("xmloption"), "and perhaps on one that is not known here");
	ok(!parameter_shapes_literals("application_name") && !parameter_shapes_literals("is_superuser"),
	   "but not on others");
}

static void test_for_literals(void)
{
	struct parameters *start =
		SET("application_name", "x", "DateStyle", "ISO", "TimeZone", "UTC");
	struct parameters *wished = SET("a", "1", "timezone", "GMT", "z", "2");
	struct parameters *all = SET("a", "1", "DateStyle", "ISO", "TimeZone", "GMT", "z", "2");
	struct parameters *other = SET("DateStyle", "ISO", "TimeZone", "UTC");
	struct parameters *found = parameters_for_literals(start, wished);
	struct parameters *none = parameters_for_literals(start, parameters_empty(table));

	ok(found == all, "what a client wishes hides what it starts with");
	ok(none == other, "one without wishes has that");
	parameters_drop(start);
	parameters_drop(wished);
	parameters_drop(all);
	parameters_drop(other);
	parameters_drop(found);
	parameters_drop(none);
}

static void test_read_only(void)
{
	ok(parameter_is_read_only("server_version") && parameter_is_read_only("In_Hot_Standby"),
	   "some parameters only report");
	ok(!parameter_is_read_only("TimeZone") && !parameter_is_read_only("application_name"),
	   "others can be set");
	ok(parameter_is_kept("timezone") && !parameter_is_kept("default_transaction_read_only") &&
		   !parameter_is_kept("scram_iterations") && !parameter_is_kept("server_version") &&
		   !parameter_is_kept("app.name"),
	   "and those by which a client reads values stay as it was told");
}

/* --- SQL ---------------------------------------------------------------------------------- */

#define TEXTS(...)                \
	(const char *const[])     \
	{                         \
		__VA_ARGS__, NULL \
	}

static const struct {
	const char *const *applied, *const *wished, *const *reported, *const *base;
	const char *sql; /* NULL: nothing to do */
	const char *name;
} changes[] = {
	{NULL, NULL, TEXTS("a", "1"), TEXTS("a", "1"), NULL, "nobody wishes anything"},
	{NULL, TEXTS("a", "1"), TEXTS("a", "1"), TEXTS("a", "1"), NULL, "it is so already"},
	{NULL, TEXTS("a", "2"), TEXTS("a", "1"), TEXTS("a", "1"), "SET \"a\" TO '2';", "a wish"},
	{NULL, TEXTS("DateStyle", "ISO, MDY"), TEXTS("DateStyle", "German"), NULL,
	 "SET \"DateStyle\" TO 'ISO, MDY';", "a value with a comma"},
	{NULL, TEXTS("DateStyle", "ISO"), TEXTS("DateStyle", "German, DMY"), NULL,
	 "RESET \"DateStyle\";SET \"DateStyle\" TO 'ISO';",
	 "a part, the rest of which is as at the start"},
	{NULL, TEXTS("unreported", "2"), NULL, NULL, "SET \"unreported\" TO '2';",
	 "a parameter that is not reported"},
	{TEXTS("d", "2"), TEXTS("d", "2", "a", "1"), TEXTS("a", "0"), NULL, "SET \"a\" TO '1';",
	 "one that is not reported and was set"},
	{TEXTS("d", "2"), TEXTS("d", "3"), NULL, NULL, "SET \"d\" TO '3';",
	 "... to something else"},
	{NULL, TEXTS("Temp_Tablespaces", "x, y"), NULL, NULL,
	 "SELECT pg_catalog.set_config('Temp_Tablespaces','x, y',false);",
	 "a list of names, which SET would take for one"},
	{NULL, TEXTS("a", "it's ''"), NULL, NULL, "SET \"a\" TO 'it''s ''''';", "quotes"},
	{NULL, TEXTS("a", ""), NULL, NULL, "SET \"a\" TO '';", "an empty value"},
	{NULL, TEXTS("we\"ird", "x"), NULL, NULL, "SET \"we\"\"ird\" TO 'x';", "a quote in a name"},
	{NULL, TEXTS("app.name", "x;y"), NULL, NULL, "SET \"app.name\" TO 'x;y';", "a dotted name"},
	{TEXTS("a", "2"), TEXTS("a", "2"), TEXTS("a", "2"), TEXTS("a", "1"), NULL,
	 "the same wish as before"},
	{TEXTS("a", "2"), NULL, TEXTS("a", "2"), TEXTS("a", "1"), "RESET \"a\";",
	 "only the former wished"},
	{TEXTS("timezone", "UTC"), NULL, TEXTS("TimeZone", "UTC"), TEXTS("TimeZone", "GMT"),
	 "SET \"timezone\" TO 'GMT';", "... and a new configuration must not change"},
	{TEXTS("a", "2"), NULL, TEXTS("a", "1"), TEXTS("a", "1"), NULL,
	 "the former's wish has gone already"},
	{TEXTS("a", "2"), NULL, NULL, NULL, "RESET \"a\";", "and is not reported"},
	{TEXTS("a", "2", "b", "3"), TEXTS("A", "4", "c", "5"), TEXTS("a", "2", "b", "3", "c", "0"),
	 TEXTS("a", "1", "b", "1", "c", "0"), "RESET \"b\";SET \"A\" TO '4';SET \"c\" TO '5';",
	 "from one client's wishes to another's"},
	{NULL, TEXTS("search_path", "\"$user\", public"), TEXTS("search_path", "x"), NULL,
	 "SELECT pg_catalog.set_config('search_path','\"$user\", public',false);",
	 "a list goes as it is reported"},
	{NULL, TEXTS("a", "back\\slash"), NULL, TEXTS("client_encoding", "GBK"),
	 "SELECT pg_catalog.set_config('a',pg_catalog.convert_from(pg_catalog.decode("
	 "'6261636b5c736c617368','hex'),'GBK'),false);",
	 "a backslash, which may be half a character"},
	{NULL, TEXTS("a", "\xc3\xa9'"), NULL, TEXTS("client_encoding", "UTF8"),
	 "SELECT pg_catalog.set_config('a',pg_catalog.convert_from(pg_catalog.decode("
	 "'c3a927','hex'),'UTF8'),false);",
	 "a value beyond ASCII, with a quote"},
	{NULL, TEXTS("a", "\xe9", "client_encoding", "LATIN1"), TEXTS("client_encoding", "UTF8"),
	 TEXTS("client_encoding", "UTF8"),
	 "SELECT pg_catalog.set_config('a',pg_catalog.convert_from(pg_catalog.decode("
	 "'e9','hex'),'LATIN1'),false);SET \"client_encoding\" TO 'LATIN1';",
	 "a value in the client's own encoding"},
	{TEXTS("a", "1"), TEXTS("role", "x", "z", "2"), NULL, NULL,
	 "RESET \"a\";SET \"z\" TO '2';SET \"role\" TO 'x';", "a role comes last"},
	{TEXTS("a", "1", "role", "x"), TEXTS("z", "2"), NULL, NULL,
	 "RESET \"role\";RESET \"a\";SET \"z\" TO '2';", "... and goes first"},
	{TEXTS("a", "1", "role", "x"), TEXTS("role", "y"), NULL, NULL,
	 "RESET \"role\";RESET \"a\";SET \"role\" TO 'y';", "... as for another one"},
	{TEXTS("role", "x"), TEXTS("z", "2", "role", "x"), NULL, NULL, "SET \"z\" TO '2';",
	 "... but not for itself"},
	{NULL, NULL, NULL, NULL, NULL, NULL},
};

static bool is_one_query(const struct writer *writer, size_t start, const char *sql)
{
	struct message message;
	if (!message_look(writer->data + start, writer->length - start, &message))
		return false;
	bool framed = message.letter == FRONTEND_QUERY && message_is_whole(&message) &&
		      message.present == writer->length - start &&
		      message.body[message.body_length - 1] == '\0';
	return framed && tap_saw_text(strcmp(message.body, sql) == 0, message.body, sql);
}

static struct parameters *origin; /* NULL: clients start where it does */

static bool write_change(struct writer *writer, const struct parameters *applied,
			 const struct parameters *wished, const struct parameters *reported,
			 const struct parameters *base)
{
	const struct server_parameters server = {
		.origin = origin != NULL ? origin : base,
		.base = base,
		.reported = reported,
		.applied = applied,
		.unreported = unreported,
	};

	return parameters_write_change(writer, &server, wished);
}

static void test_sql(void)
{
	for (size_t i = 0; changes[i].name != NULL; i++) {
		struct parameters *applied = set_of(changes[i].applied);
		struct parameters *wished = set_of(changes[i].wished);
		struct parameters *reported = set_of(changes[i].reported);
		struct parameters *base = set_of(changes[i].base);
		struct writer writer;

		writer_init(&writer);
		write_bytes(&writer, "before", 6);
		bool something = write_change(&writer, applied, wished, reported, base);
		if (changes[i].sql == NULL)
			ok(!something && writer.length == 6, "%s: nothing", changes[i].name);
		else
			ok(something && is_one_query(&writer, 6, changes[i].sql), "%s",
			   changes[i].name);
		writer_release(&writer);
		parameters_drop(applied);
		parameters_drop(wished);
		parameters_drop(reported);
		parameters_drop(base);
	}
}

/* After a client may have changed anything: what differs from the login goes back to it. */
static void test_unknown_state(void)
{
	struct parameters *wished = SET("a", "4");
	struct parameters *reported = SET("a", "1", "b", "2", "c", "3", "in_hot_standby", "on");
	struct parameters *base = SET("a", "1", "b", "1", "c", "3", "in_hot_standby", "off");
	struct writer writer;

	writer_init(&writer);
	ok(write_change(&writer, NULL, wished, reported, base) &&
		   is_one_query(&writer, 0, "RESET \"b\";SET \"a\" TO '4';"),
	   "what was applied is not known: all that differs is reset, if it can be");
	writer_release(&writer);
	ok(!write_change(&writer, NULL, parameters_empty(table), base, base),
	   "nothing differs: nothing");
	writer_release(&writer);
	unreported = SET("search_path", "", "d", "", "A", "");
	ok(write_change(&writer, NULL, wished, reported, base) &&
		   is_one_query(&writer, 0,
				"RESET \"b\";RESET \"d\";RESET \"search_path\";SET \"a\" TO '4';"),
	   "nor is what is not reported, which is reset if it was ever set");
	writer_release(&writer);
	ok(!write_change(&writer, parameters_empty(table), parameters_empty(table), base, base),
	   "if it is known that nothing was applied: nothing");
	writer_release(&writer);
	parameters_assign(&unreported, parameters_empty(table));
	parameters_drop(wished);
	parameters_drop(reported);
	parameters_drop(base);
}

/* A connect_query has set something: RESET would undo that as well. */
static void test_other_origin(void)
{
	struct parameters *applied = SET("a", "3", "b", "3");
	struct parameters *base = SET("a", "2", "b", "1");
	struct writer writer;

	origin = SET("a", "1", "b", "1");
	writer_init(&writer);
	ok(write_change(&writer, applied, parameters_empty(table), applied, base) &&
		   is_one_query(&writer, 0, "SET \"a\" TO '2';RESET \"b\";"),
	   "what clients do not start with as the server did is set");
	writer_release(&writer);
	parameters_assign(&origin, NULL);
	parameters_drop(applied);
	parameters_drop(base);
}

static void test_proven(void)
{
	struct parameters *set = SET("TimeZone", "UTC");
	struct parameters *same, *other = SET("TimeZone", "UTC", "a", "b");

	ok(parameters_are_proven(parameters_empty(table), 1), "no values need no proof");
	ok(!parameters_are_proven(set, 1), "others do");
	parameters_prove(set, 1);
	same = SET("timezone", "UTC");
	ok(parameters_are_proven(same, 1), "once");
	ok(!parameters_are_proven(same, 2), "for one pool");
	ok(!parameters_are_proven(other, 1), "and each set by itself");
	parameters_drop(set);
	parameters_drop(same);
	parameters_drop(other);
}

/* An encoding's name is a client's, too: it must not end the quotes around it. */
static void test_hostile_encoding(void)
{
	struct parameters *wished = SET("a", "\n", "client_encoding", "\\');DROP TABLE t;--");
	struct parameters *empty = parameters_empty(table);
	struct writer writer;

	writer_init(&writer);
	write_change(&writer, empty, wished, empty, empty);
	write_uint8(&writer, 0);
	ok(strstr(writer.data + 5, "DROP") == NULL && strstr(writer.data + 5, ",'hex'),'UTF8')"),
	   "a name that is none of an encoding is no part of the SQL");
	writer_release(&writer);
	parameters_drop(wished);
}

int main(void)
{
	table = parameter_table_new();
	parameters_assign(&unreported, parameters_empty(table));
	test_interning();
	test_changing();
	test_holding();
	test_many();
	test_what_shapes_literals();
	test_for_literals();
	test_read_only();
	test_sql();
	test_unknown_state();
	test_other_origin();
	test_proven();
	test_hostile_encoding();
	parameters_drop(unreported);
	is_int(parameter_table_count(table), 1, "at the end the table is empty but for one");
	parameter_table_free(table);
	return done();
}
