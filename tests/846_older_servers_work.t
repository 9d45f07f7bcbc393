# PostgreSQL 12 to 17 as servers: logins with the keys of SCRAM, both protocols, settings, COPY, errors and cancels.
use v5.36;
use EmbeddedPostgres;
use Millpond;
use Scram;
use Test::More;
use Wire;

# 60 MB each: fetched only where time does not count.
my @here = grep { embedded_postgres($_, install => !!$ENV{STRESS}) } 12 .. 17;
plan skip_all => 'no older PostgreSQL here: EMBEDDED_POSTGRES names none, and this is not `make stress`'
	unless @here;

my $secret = Scram::secret('pencil');
for my $major (@here)
{
	my $server = EmbeddedPostgres->new($major,
		hba => "host all postgres all trust\nhost all me all scram-sha-256\n");
	$server->psql("create role me superuser login password '$secret'");
	my $millpond = Millpond->new("pool_$major", files => { 'users.txt' => qq("me" "$secret"\n) },
		settings  => { auth_type => 'scram-sha-256', auth_file => 'users.txt' },
		databases => { postgres => $server->target });

	my $client = Wire->connect($millpond);
	$client->authenticate('pencil', user => 'me', database => 'postgres', application_name => 'mine');
	like($client->value('show server_version'), qr/^$major\./, "PostgreSQL $major: a login and a query");
	is($client->value('show application_name'), 'mine', '... with the settings of the client');
	$client->query('set datestyle = german');
	is($client->value(q(select '2026-01-02'::date)), '02.01.2026', '... which stay');
	$client->put(Parse('one', 'select $1::int + 1'), Bind('', 'one', 41), Execute(), Sync());
	is($client->result->{rows}[0][0], 42, '... and prepared statements');
	$client->query('create temporary table t (n int)');
	is($client->query('copy (select 7) to stdout')->{error}, undef, '... COPY');
	is($client->query('select 1 / 0')->{error}{C}, '22012', '... errors');
	$client->put(Query('select pg_sleep(60)'));
	wait_until(sub { $server->psql(q(select count(*) from pg_stat_activity where wait_event = 'PgSleep')) },
		'the query to run');
	$client->cancel;
	is($client->result->{error}{C}, '57014', '... and cancels');
	$client->close;
	$millpond->stop;
}

done_testing;
