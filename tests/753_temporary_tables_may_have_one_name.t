# Statements about temporary tables, of one name and with other columns, do for each client what they do on a direct
# connection.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, databases => { postgres => 'pool_size=1' });
my %columns  = (one => 'a', two => 'a, b');

# How a client makes its table, with those columns.
sub asked ($client, $sql) { return $client->put(Parse('', $sql), Bind('', ''), Execute(), Sync())->result }
my $rows = 'from (values (1, 2), (3, 4)) as v(a, b)';
my %ways = (
	'create table' => sub ($client, $columns) {
		$client->query('create temp table own(' . ($columns =~ s/\w+/$& int/gr) . ') on commit drop');
		$client->query("insert into own select $columns $rows");
	},
	'create table as'          => sub ($client, $columns) { $client->query("create temp table own on commit drop as select $columns $rows") },
	'create table as, prepared' => sub ($client, $columns) { asked($client, "create temp table own on commit drop as select $columns $rows") },
	'select into'              => sub ($client, $columns) { $client->query("select 1; select $columns into temp own $rows") },
);

# Those that ask for the columns each time, and those that go by what they were told.
for my $way (sort keys %ways)
{
	for my $asks (1, 0)
	{
		my %client = map { $_ => Wire->login($millpond) } sort keys %columns;
		for my $round (1 .. 3)
		{
			for my $who (sort keys %client)
			{
				my $client = $client{$who};
				$client->query('begin');
				$ways{$way}->($client, $columns{$who});
				my @parse    = $round == 1 ? Parse('s', 'select * from own') : ();
				my @describe = $asks || $round == 1 ? Describe('P') : ();
				my @got = map { $client->put(@$_, Execute(), Sync())->result } [ @parse, Bind('', 's'), @describe ], [ Bind('', 's') ];
				is_deeply([ map { scalar(($_->{rows}[0] // [])->@*) } @got ], [ (scalar split /,/, $columns{$who}) x 2 ],
					"$way: $who, who " . ($asks ? 'asks' : 'remembers') . ", in round $round");
				$client->query('drop table own') if $way eq 'select into';
				$client->query('commit');
			}
		}
	}
}

# One that hides a table of the same columns.
my $insert = 'insert into hidden values ($1)';
sub call ($client, @messages) { return $client->put(@messages, Sync())->result }
my %protocols = (
	messages => [ sub ($client) { call($client, Parse('s', $insert)) }, sub ($client, $value) { call($client, Bind('', 's', $value), Execute()) } ],
	SQL      => [ sub ($client) { $client->query("prepare s(text) as $insert") }, sub ($client, $value) { $client->query("execute s('$value')") } ],
	'SQL in messages' => [ sub ($client) { call($client, Parse('', "prepare s(text) as $insert"), Bind(), Execute()) },
		sub ($client, $value) { call($client, Parse('', "execute s('$value')"), Bind(), Execute()) } ],
);
for my $protocol (sort keys %protocols)
{
	my ($prepare, $execute) = $protocols{$protocol}->@*;
	$server->safe_psql('postgres', 'create table hidden(a text)');
	my ($hides, $sees) = map { Wire->login($millpond) } 1, 2;
	$prepare->($_) for $hides, $sees;
	$execute->($sees, 'first');
	for my $round (1, 2)
	{
		$hides->query('begin');
		$hides->query('create temp table hidden(a text) on commit drop');
		$execute->($hides, 'temporary');
		is_deeply($hides->query('select a from hidden')->{rows}, [ ['temporary'] ], "$protocol, round $round: who has a temporary table fills it");
		$hides->query('commit');
		$sees->query('begin');
		$execute->($sees, 'permanent');
		$sees->query('commit');
	}
	is($server->safe_psql('postgres', q{select string_agg(a, ' ') from hidden}), 'first permanent permanent', '... and no other');
	$server->safe_psql('postgres', 'drop table hidden');
}
done_testing;
