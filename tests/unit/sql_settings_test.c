/* Which parameters an SQL text changes for longer than its transaction. */
#include "protocol/sql_settings.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/tap.h"

static char found[512];

static void add(void *context, enum sql_setting setting, const char *name)
{
	static const char signs[] = {[SQL_SETS] = '+',
				     [SQL_RESETS] = '-',
				     [SQL_RESETS_ALL] = '*',
				     [SQL_SETS_UNKNOWN] = '?'};
	size_t length = strlen(found);

	(void)context;
	snprintf(found + length, sizeof found - length, "%s%c%s", length > 0 ? " " : "",
		 signs[setting], name == NULL ? "" : name);
}

static const char *settings(const char *text)
{
	found[0] = '\0';
	sql_each_setting(text, strlen(text), add, NULL);
	return found;
}

struct example {
	const char *text, *settings;
};

static void test_all(const struct example *examples, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *text = examples[i].text;
		is_text(settings(text), examples[i].settings, text);
		ok(sql_may_set(text, strlen(text)) || *examples[i].settings == '\0',
		   "... is not overlooked");
	}
}

static void test_commands(void)
{
	static const struct example examples[] = {
		{"set work_mem = '64MB'", "+work_mem"},
		{"SET work_mem TO 64", "+work_mem"},
		{"set session work_mem=64", "+work_mem"},
		{"set Work_Mem to default", "-Work_Mem"},
		{"set work_mem = default", "-work_mem"},
		{"set app.tenant to 'a'", "+app.tenant"},
		{"set app . tenant = a", "+app.tenant"},
		{"set \"app\".\"tenant\" = a", "+app.tenant"},
		{"set \"app.tenant\" = a", "+app.tenant"},
		{"set a.b.c = default", "-a.b.c"},
		{"set search_path to a, b", "+search_path"},
		{"set schema 'a'", "+search_path"},
		{"set names 'utf8'", "+client_encoding"},
		{"set time zone 'UTC'", "+TimeZone"},
		{"set time zone default", "+TimeZone"},
		{"set time.zone = 1", "+time.zone"},
		{"set schema = 1", "+schema"},
		{"set role a", "+role"},
		{"set role none", "+role"},
		{"set role to a", "+role"},
		{"set session role a", "+role"},
		{"set xml option document", "+xmloption"},
		{"set local work_mem = 1", ""},
		{"set transaction isolation level serializable", ""},
		{"set transaction snapshot 'a'", ""},
		{"set constraints all deferred", ""},
		{"set session authorization a", ""},
		{"set session session authorization a", ""},
		{"set session characteristics as transaction read only",
		 "+default_transaction_deferrable +default_transaction_isolation "
		 "+default_transaction_read_only"},
		{"reset work_mem", "-work_mem"},
		{"reset app.tenant", "-app.tenant"},
		{"reset time zone", "-TimeZone"},
		{"reset role", "-role"},
		{"reset all", "*"},
		{"reset session authorization", ""},
		{"reset transaction isolation level", ""},
		{"discard all", "*"},
		{"discard temp", ""},
		{"set \"a b\" = 1", "?"},
		{"set \"a'\" = 1", "?"},
		{"set \xc3\xa4.b = 1", "?"},
		{"set local.work = 1", "+local.work"},
		{"set session.user_id = 1", "+session.user_id"},
		{"set session session.user_id = 1", "+session.user_id"},
		{"set session characteristics.a = 1", "+characteristics.a"},
		{"set transaction . a = 1", "+transaction.a"},
		{"set names.a = 1", "+names.a"},
		{"set schema.a = 1", "+schema.a"},
		{"reset session.user_id", "-session.user_id"},
		{"set a$b.c = 1", "+a$b.c"},
		{"set U&\"a\" = 1", "?"},
		{"set app.u&\"a\" = 1", "?"},
		{"set u = 1", "+u"},
		{"set a.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx = 1", "?"},
		{"set a.", "?"},
		{"set", ""},
		{"reset", ""},
		{"update t set a = 1", ""},
		{"select 1", ""},
		{"alter role a set work_mem = 1", ""},
		{"create function f() returns int language sql set work_mem = 1 as 'select 1'", ""},
	};

	test_all(examples, sizeof examples / sizeof *examples);
}

static void test_calls(void)
{
	static const struct example examples[] = {
		{"select set_config('app.tenant', 'a', false)", "+app.tenant"},
		{"select pg_catalog.Set_Config ( 'app.tenant' , $1 , false )", "+app.tenant"},
		{"select set_config('a', f(1, 2), false), set_config('b', 'x', $1)", "+a +b"},
		{"select set_config('a', '', true)", ""},
		{"select set_config('a', f(1, 2), TRUE)", ""},
		{"select set_config('a', '', true and false)", "+a"},
		{"select set_config('a', '', not true)", "+a"},
		{"select set_config('a', '', 'true')", "+a"},
		{"select set_config($1, $2, false)", "?"},
		{"select set_config($1, $2, true)", ""},
		{"select set_config('a'||'b', '', false)", "?"},
		{"select set_config('a''b', '', false)", "?"},
		{"select set_config(E'a', '', false)", "?"},
		{"select set_config(name, value, false) from t", "?"},
		{"select set_config(set_config('a', 'b', false), '', false)", "? +a"},
		{"with a as (select set_config('a', '', false)) select 1", "+a"},
		{"select 'set_config(''a'', '''', false)'", ""},
		{"select $$ set_config('a', '', false) $$", ""},
		{"select 1 /* set_config('a', '', false) */", ""},
		{"select \"set_config\"('a', '', false)", "+a"},
		{"select pg_catalog.\"set_config\"('a', '', false)", "+a"},
		{"update pg_settings set setting = '1' where name = 'a'", "?"},
		{"UPDATE only pg_catalog.\"pg_settings\" set setting = '1'", "?"},
		{"select 1 from pg_settings for update", ""},
		{"select set_config", ""},
		{"select set_config(", "?"},
	};

	test_all(examples, sizeof examples / sizeof *examples);
}

static void test_texts(void)
{
	static const struct example examples[] = {
		{"begin; set a = 1; reset b; commit", "+a -b"},
		{" ;; /* c */ set a = 1 ;; --\n reset b", "+a -b"},
		{"select ';set a = 1'", ""},
		/* by standard_conforming_strings in a string, or not */
		{"select '\\';set a = 1 --'", "+a +a"},
		{"set a = '\\'; set b = '", "+a +b +a +a +b"},
	};

	test_all(examples, sizeof examples / sizeof *examples);
}

static void test_blocks(void)
{
	static const struct example examples[] = {
		{"do $$ begin set a = 1; end $$", "+a"},
		{"do language plpgsql $x$begin reset a;end$x$", "-a"},
		{"do $$begin if f() then set a = 1; else reset b; end if; end$$", "+a -b"},
		{"do $$begin for i in 1 .. 2 loop set a = 1; end loop; end$$", "+a"},
		{"do $$begin update t set x = 1; set local a = 1; end$$", ""},
		{"do $$begin perform set_config('a', 'b', false); end$$", "+a"},
		{"do 'begin set a = 1; end'", "+a"},
		{"do E'begin set a = 1; end'", "+a"},
		{"do 'begin perform set_config(''a'', ''b'', false); end'", "?"},
		{"do $$begin execute 'set a = 1'; end$$", "+a"},
		{"do $$begin execute $x$reset a$x$; end$$", "-a"},
		{"do $$begin execute 'set app.' || n || ' = 1'; end$$", "?"},
		{"do $$begin execute format('set %I = 1', 'a'); end$$", "?"},
		{"do $$begin raise notice 'set a = 1'; end$$", ""},
		{"do $a$begin do $b$begin set a = 1; end$b$; end$a$", "+a"},
		{"do $a$do $b$do $c$do $d$do $e$; set a = 1; $e$ $d$ $c$ $b$ $a$", "?"},
		{"do $a$do ;", ""},
		{"do '", ""},
		{"create function f() returns void language plpgsql as $$begin set a = 1; end$$",
		 ""},
	};

	test_all(examples, sizeof examples / sizeof *examples);
}

static void test_at_a_glance(void)
{
	static const char *const others[] = {
		"select a_b from c_d where e = 'set'",
		"select 1;",
		"begin",
		"",
		"s",
		"se",
		"_config",
		"  select 1",
		"-- set a = 1\nselect 1",
		"update t set a = 1",
		"show a",
	};

	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		ok(!sql_may_set(others[i], strlen(others[i])), "of no interest: %s", others[i]);
}

static void test_plain(void)
{
	/* The name, or nothing where the value depends on more than the text. */
	static const struct example examples[] = {
		{"set work_mem = '64MB'", "work_mem"},
		{"SET SESSION Work_Mem TO 64 ; -- all", "Work_Mem"},
		{" /* a */ set search_path = \"$user\", public;", "search_path"},
		{"set \"app\".tenant to 'a; set b = 1'", "app.tenant"},
		{"set a = -1.5e3", "a"},
		{"set a = $$b$$", "a"},
		{"set session.user = 1", "session.user"},
		{"set a = 'it''s'", "a"},
		{"set a = 1; set b = 1", ""},
		{"set a = 1; select 1", ""},
		{"set a = 1;;", ""},
		{"select 1; set a = 1", ""},
		{"; set a = 1", ""},
		{"set a = default", ""},
		{"set a to Default;", ""},
		{"set a from current", ""},
		{"reset a", ""},
		{"reset all", ""},
		{"discard all", ""},
		{"set local a = 1", ""},
		{"set schema 'a'", ""},
		{"set time zone 'utc'", ""},
		{"set TimeZone = 'utc'", ""},
		{"set DateStyle = 'dmy'", ""},
		{"set names 'utf8'", ""},
		{"set role = a", ""},
		{"set role a", ""},
		{"set tcp_user_timeout = 1", ""},
		{"set default_text_search_config = a", ""},
		{"set session characteristics as transaction read only", ""},
		{"set transaction read only", ""},
		{"select set_config('a', 'b', false)", ""},
		{"do $$ begin set a = 1; end $$", ""},
		{"set a = E'\\\\'", ""},
		{"set a = '\303\274'", ""},
		{"set \303\274 = 1", ""},
		{"set U&\"a\" = 1", ""},
		{"set a", ""},
		{"set", ""},
		{"", ""},
	};

	for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
		const char *text = examples[i].text;
		char name[SQL_PARAMETER_BYTES] = "";
		bool is_plain = sql_is_plain_set(text, strlen(text), name);
		is_text(is_plain ? name : "", examples[i].settings, text);
	}
	char name[SQL_PARAMETER_BYTES];
	ok(!sql_is_plain_set("set a = 1\0", 10, name), "with a zero in it");
}

int main(void)
{
	test_commands();
	test_calls();
	test_texts();
	test_blocks();
	test_at_a_glance();
	test_plain();
	return done();
}
