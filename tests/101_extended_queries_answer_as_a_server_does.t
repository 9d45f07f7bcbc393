# Parse, Bind, Describe, Execute, Close and Sync in one batch give exactly PostgreSQL's answers.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, settings => { default_pool_size => 2 });
my $direct   = Wire->login($server);
my $pooled   = Wire->login($millpond);

my @int  = ('select $1::int + 1 as next', 23);
my @work = (
	[ 'one query',          Parse('', @int), Bind('', '', 41), Describe('P'), Execute(), Sync() ],
	[ 'without Describe',   Parse('', @int), Bind('', '', 41), Execute(), Sync() ],
	[ 'statement described', Parse('', @int), Describe('S'), Sync() ],
	[ 'null',               Parse('', @int), Bind('', '', undef), Execute(), Sync() ],
	[ 'empty query',        Parse('', ''), Bind(), Execute(), Sync() ],
	[ 'no rows to describe', Parse('', 'set work_mem to 64'), Describe('S'), Bind(), Execute(),
		Sync() ],
	[ 'two queries',        (Parse('', @int), Bind('', '', 1), Execute()) x 2, Sync() ],
	[ 'two batches',        (Parse('', @int), Bind('', '', 1), Execute(), Sync()) x 2 ],
	[ 'a batch and a simple query', Parse('', @int), Bind('', '', 1), Execute(), Sync(),
		Query('select 2') ],
	[ 'named statement closed', Parse('s', @int), Bind('', 's', 1), Execute(), Close('S', 's'),
		Sync() ],
	[ 'close of nothing',   Close('S', 'nothing'), Close('P', 'nothing'), Sync() ],
	[ 'Sync alone',         Sync() ],
	[ 'three Syncs',        Sync(), Sync(), Sync() ],
	[ 'syntax error',       Parse('', 'selec 1'), Bind(), Execute(), Sync() ],
	[ 'error in Bind',      Parse('', @int), Bind('', '', 'x'), Execute(), Sync() ],
	[ 'error in Execute',   Parse('', 'select 1/$1::int'), Bind('', '', 0), Execute(), Sync() ],
	[ 'error skips to Sync', Parse('', 'selec'), (Parse('', @int), Bind('', '', 1), Execute()) x 3,
		Sync(),
		Parse('', @int), Bind('', '', 9), Execute(), Sync() ],
	[ 'a transaction',      map({ (Parse('', $_), Bind(), Execute()) } 'begin', 'select 1',
		'commit'), Sync() ],
	[ 'a failing transaction',
		map({ (Parse('', $_), Bind(), Execute(), Sync()) } 'begin', 'select 1/0', 'select 2',
			'rollback') ],
	[ 'a Flush before the Sync', Parse('', @int), Flush(), Bind('', '', 1), Flush(), Execute(),
		Flush(), Sync() ],
	[ 'an unknown portal',  Execute('nothing'), Sync() ],
);
for (@work)
{
	my ($name, @messages) = @$_;
	my @expected = talk($direct, @messages);
	my @seen     = talk($pooled, @messages);
	is_deeply(\@seen, \@expected, $name) or diag(explain(\@seen), explain(\@expected));
}

# All answers, as many ReadyForQuery as there were Sync and Query messages.
sub talk ($client, @messages)
{
	$client->put(@messages);
	my $owed = grep { /^[SQ]/ } @messages;
	return map {
		my $result = $client->result;
		{ (map { $_ => $result->{$_} } qw(types rows tags status columns)),
			errors => [ map { $_->{C} } $result->{errors}->@* ] };
	} 1 .. $owed;
}

# The client waits for its answers after a Flush, with nothing else sent.
$pooled->put(Parse('', @int), Flush());
is($pooled->get->[0], '1', 'Flush brings the answer so far');
$pooled->put(Bind('', '', 4), Describe('P'), Flush());
is($pooled->result('T')->{types}, '2T', 'and again');
$pooled->put(Execute(), Flush());
is_deeply($pooled->result('C')->{rows}, [ [5] ], 'and the row');
ok($pooled->quiet(0.1), 'ReadyForQuery is not sent before Sync');
is($millpond->pool->{sv_active}, 1, 'the server stays with the client until then');
$pooled->put(Sync());
is($pooled->result->{types}, 'Z', 'then it is');
wait_until(sub { $millpond->pool->{sv_active} == 0 }, 'the server to return');

done_testing;
