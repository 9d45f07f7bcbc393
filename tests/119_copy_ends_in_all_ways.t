# COPY FROM STDIN that fails before it reads, or whose client vanishes with data under way, leaves all in order.
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
is($millpond->pool->{sv_active}, 0, 'no server is held');

done_testing;
