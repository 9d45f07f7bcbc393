# COPY FROM STDIN that fails before it reads, stands in a row, or whose client vanishes with data under way, leaves all in order.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, databases => { postgres => 'pool_size=1' });
my $client   = Wire->login($millpond);
my $other    = Wire->login($millpond);
$client->query($_) for 'create table t (a int)', 'create table refusing (a int)',
	q(create function refuse() returns trigger language plpgsql as $$begin raise 'no'; end$$),
	'create trigger refuse before insert on refusing execute function refuse()';

# It says CopyInResponse, or does not, and fails before its first read: then the Sync counts.
my @copy = (Parse('', 'copy refusing from stdin'), Bind(), Describe('P'), Execute());
for my $round (1 .. 3)
{
	$client->put(@copy, Sync());
	my $answer = $client->result;
	like($answer->{types}, qr/^12nG?EZ$/, 'a trigger that refuses: the error, and one ReadyForQuery');
	is($answer->{status}, 'I', '... outside of a transaction');
	is($client->value('select 1'), 1, '... the session goes on');
	is($other->value('select 2'), 2, '... and the server serves others');
	$client->put(@copy, CopyData("1\n"), CopyDone(), Sync(), Query('select 3'));
	like($client->result->{types}, qr/^12nG?EZ$/, '... the same with data after it');
	is($client->result->{rows}[0][0], 3, '... and a query behind that');
	is($other->value('select 5'), 5, '... and the server serves others');
}

# COPYs in a row, of which the ends are told apart: the last query is answered as by a direct connection.
my $direct = Wire->login($server);
my $copy   = Parse('', 'copy t from stdin') . Bind() . Execute();
my $data   = CopyData("1\n") . CopyDone();
my $last   = Query('select 1');
my %rows   = (
	'two in one string'                  => [ Query('copy t from stdin; copy t from stdin') . $data x 2 . $last ],
	'... and data once it begins'        => [ Query('copy t from stdin; copy t from stdin'), $data x 2 . $last ],
	'behind the data of another'         => [ Query('copy t from stdin'), $data . $copy . $data . Sync() . $last ],
	'... by a Query'                     => [ Query('copy t from stdin'), $data . Query('copy t from stdin') . $data . $last ],
	'... in the same segment'            => [ $copy . Flush(), $data . $copy . $data . Sync() . $last ],
	'with ends of which nothing is open' => [ $copy . Flush(), $data . CopyFail('twice') . Sync() . CopyDone() . $last ],
);
for my $what (sort keys %rows)
{
	my @types;
	for my $place ($direct, $client)
	{
		my ($begin, @rest) = $rows{$what}->@*;
		my $types = @rest ? $place->put($begin)->result('G')->{types} : '';
		$place->put(@rest ? @rest : $begin);
		while ($types !~ /TDCZ$/)
		{
			my $answer = $place->result('Z', 10);
			last if $answer->{eof};
			$types .= $answer->{types};
		}
		push @types, $types;
	}
	is($types[1], $types[0], "$what: a COPY");
	is($other->value('select 5'), 5, '... and the server serves others');
}
$other->query('truncate t');

# Data and a reset at once, in all stages.
my %data = (
	'some data'  => CopyData("1\n"),
	'much data'  => CopyData("1\n" x 10_000) x 10,
	'half a row' => substr(CopyData("1\n" x 100), 0, 50),
	'all data'   => CopyData("1\n") . CopyDone(),
);
my %starts = (
	simple   => Query('copy t from stdin'),
	extended => Parse('', 'copy t from stdin') . Bind() . Execute() . Flush(),
);
for my $start (sort keys %starts)
{
	for my $data (sort keys %data)
	{
		for my $ready (0, 1)
		{
			my $leaver = Wire->login($millpond);
			$leaver->put($starts{$start}, $ready ? () : $data{$data});
			$leaver->result('G')       if $ready;
			$leaver->put($data{$data}) if $ready;
			$leaver->reset;
			like($other->value('select count(*) from t'), qr/^\d+$/,
				"$start, $data, reset: the server is free again");
			$other->query('truncate t');
		}
	}
}
wait_until(sub { $millpond->pool->{sv_active} == 0 }, 'the last to be given back');
pass('no server is held');

done_testing;
