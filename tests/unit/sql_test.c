/* What an SQL text does to prepared statements, through comments, quotes and parentheses. */
#include <string.h>

#include "protocol/sql.h"
#include "tests/unit/tap.h"

struct example {
	const char *text;
	enum sql_effect effect;
	const char *name;
};

static const struct example examples[] = {
	{"select 1", SQL_NONE, ""},
	{"", SQL_NONE, ""},
	{";", SQL_NONE, ""},
	{"prepare p as select 1", SQL_PREPARE, "p"},
	{"PREPARE P (int, text) AS select $1", SQL_PREPARE, "p"},
	{" \n/* a /* nested */ comment */ -- and one\n prepare\tp as select 1", SQL_PREPARE, "p"},
	{"prepare \"A\"\"b\" as select 1", SQL_PREPARE, "A\"b"},
	{"prepare transaction 'x'", SQL_NONE, ""},
	{"prepare transaction as select 1", SQL_PREPARE, "transaction"},
	{"prepare u&\"\\0061\" as select 1", SQL_PREPARE, ""},
	{"prepare", SQL_NONE, ""},
	{"prepared", SQL_NONE, ""},
	{"execute p", SQL_EXECUTE, "p"},
	{"execute p(1, 'x;y')", SQL_EXECUTE, "p"},
	{"explain execute p", SQL_EXECUTE, "p"},
	{"explain analyze verbose execute p(1)", SQL_EXECUTE, "p"},
	{"explain (analyze, costs off) execute p", SQL_EXECUTE, "p"},
	{"explain select 1", SQL_NONE, ""},
	{"create table t as execute p(1)", SQL_EXECUTE, "p"},
	{"create temp table if not exists t (a) as execute p", SQL_EXECUTE, "p"},
	{"create table t (a int)", SQL_NONE, ""},
	{"create trigger t after insert on t execute function f()", SQL_NONE, ""},
	{"explain create table t as execute p", SQL_EXECUTE, "p"},
	{"deallocate p", SQL_DEALLOCATE, "p"},
	{"deallocate prepare p;", SQL_DEALLOCATE, "p"},
	{"deallocate prepare", SQL_DEALLOCATE, "prepare"},
	{"deallocate all", SQL_DEALLOCATE_ALL, ""},
	{"deallocate prepare all", SQL_DEALLOCATE_ALL, ""},
	{"deallocate \"all\"", SQL_DEALLOCATE, "all"},
	{"discard all", SQL_DEALLOCATE_ALL, ""},
	{"discard plans", SQL_NONE, ""},
	{"delete from t", SQL_NONE, ""},
	{"execute a23456789_123456789_123456789_123456789_123456789_123456789_123", SQL_EXECUTE,
	 "a23456789_123456789_123456789_123456789_123456789_123456789_123"},
	{"execute a23456789_123456789_123456789_123456789_123456789_123456789_1234", SQL_EXECUTE,
	 "a23456789_123456789_123456789_123456789_123456789_123456789_123"},
	{"execute \303\274", SQL_EXECUTE, ""},
	{"execute \"x\374\"", SQL_EXECUTE, ""},
	{"execute \"a\"\"23456789_123456789_123456789_123456789_123456789_123456789_1234\"", SQL_EXECUTE,
	 "a\"23456789_123456789_123456789_123456789_123456789_123456789_12"},
	{"execute a23456789_123456789_123456789_123456789_123456789_123456789_12\303\274", SQL_EXECUTE,
	 ""},
};

static void test_examples(void)
{
	for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
		const struct example *example = &examples[i];
		struct sql sql;
		char name[SQL_NAME_BYTES + 1] = "";

		sql_look(&sql, example->text, strlen(example->text));
		if (sql.name != NULL && sql_name(&sql, name) == 0)
			name[0] = '\0';
		is_int(sql.effect, example->effect, "%s", example->text);
		is_text(name, example->name, "... and its name");
	}
}

/* The effects of all statements of a text, as a string of digits. */
static const char *effects_of(const char *text, enum sql_quotes quotes)
{
	static char found[32];
	const char *end = text + strlen(text);
	struct sql sql;
	size_t count = 0;

	while (count < sizeof found - 1 && sql_next(&text, end, quotes, &sql))
		found[count++] = (char)('0' + (int)sql.effect);
	found[count] = '\0';
	return found;
}

static const char *effects(const char *text)
{
	return effects_of(text, SQL_STANDARD_QUOTES);
}

static void test_quotes(void)
{
	is_text(effects("select 'a\\''; execute p"), "0", "a backslash: standard");
	is_text(effects_of("select 'a\\''; execute p", SQL_ESCAPED_QUOTES), "02", "... an escape");
	is_text(effects("select E'\225\\'; execute p"), "0", "half a character: standard");
	is_text(effects_of("select E'\225\\'; execute p", SQL_PLAIN_QUOTES), "02", "... plain");
}

static void test_several(void)
{
	is_text(effects("select 1; execute p"), "02", "two statements");
	is_text(effects(";; select 1 ;;"), "0", "empty ones do not count");
	is_text(effects("select ';execute p'; select 1"), "00", "a string");
	is_text(effects("select 'a''b;'; execute p"), "02", "a doubled quote");
	is_text(effects("select e'a\\';'; execute p"), "02", "an escaped quote");
	is_text(effects("select e'a'\n'\\';'; execute p"), "02",
		"... where the string goes on in another line");
	is_text(effects("select e'a'--'\n\t--\r'\\';'\n'\\';'; execute p"), "02",
		"... behind comments");
	is_text(effects("select e'a' '\\'; execute p"), "02", "... not in the same line");
	is_text(effects("select e'a'\n/**/'\\'; execute p"), "02",
		"... nor behind another kind of comment");
	is_text(effects("select 'a'\n'\\'; execute p"), "02", "... nor without an E");
	is_text(effects("select $$;execute p;$$"), "0", "dollar quotes");
	is_text(effects("select $a$;$$;execute p$a$; execute p"), "02", "with a tag");
	is_text(effects("select $1; execute p"), "02", "a parameter");
	is_text(effects("select a$b; execute p; select a$b"), "020", "a dollar in a name");
	is_text(effects("select \";execute p\""), "0", "a quoted name");
	is_text(effects("select 1 /* ; */ -- ;\n; discard all"), "04", "comments");
	is_text(effects("create rule r as on insert to t do (delete from a; select 1); execute p"),
	       "02", "parentheses");
	is_text(effects("select 'open"), "0", "an open string");
	is_text(effects("select $a$ open"), "0", "open dollar quotes");
	is_text(effects("/* open"), "", "an open comment");
}

static void test_locks(void)
{
	static const struct {
		const char *text;
		bool is_about_locks;
	} cases[] = {
		{"select pg_advisory_lock(1)", true},
		{"SELECT PG_TRY_ADVISORY_LOCK_SHARED(1, 2)", true},
		{"select 1; select pg_advisory_unlock_all()", true},
		{"select pg_advisory_xact_lock(1)", false},
		{"select pg_try_advisory_xact_lock_shared(1)", false},
		{"select pg_advisory_xact_lock(1), pg_advisory_lock(2)", true},
		{"select * from _ad_advisory", false},
		{"select pg_advisory", false},
		{"_advisory_", true}, /* when in doubt: it may go on in the next piece */
		{"", false},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		ok(sql_is_about_locks(cases[i].text, strlen(cases[i].text)) ==
			   cases[i].is_about_locks,
		   "about locks of a session or not: %s", cases[i].text);
}

static void test_tables(void)
{
	static const struct {
		const char *text;
		bool may_make;
	} cases[] = {
		{"select 1 into temp t", true},
		{"SELECT 1 INTO\nt", true},
		{"/* a */ Create table t as select 1", true},
		{"insert into t values (1)", false},
		{"INSERT \n INTO t select 1 into u", true},
		{"select 1 from t", false},
		{"into", true},
		{"int", false},
		{"creat", false},
		{"", false},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		ok(sql_may_make_table(cases[i].text, strlen(cases[i].text)) == cases[i].may_make,
		   "may make a table or not: %s", cases[i].text);
}

int main(void)
{
	test_examples();
	test_several();
	test_locks();
	test_tables();
	test_quotes();
	return done();
}
