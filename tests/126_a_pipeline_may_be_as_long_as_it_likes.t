# A batch of more messages than are ever owed at once is answered, whatever the server keeps back until a Sync.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $count    = 70_000;
my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server,
	databases => { map { $_ => "dbname=postgres pool_mode=$_ pool_size=1" } qw(transaction session) });
my %batches = (
	'what the pooler answers itself' => [ Close('S', 'nope') x $count, '3' x $count ],
	'what is answered by nobody'     => [ CopyDone() x $count, '' ],
	'both by turns' => [ join('', CopyDone(), Close('S', 'nope')) x $count, '3' x $count ],
);

# Writes and reads by turns up to the answer to the Sync, or until nothing comes.
sub play ($client, $bytes)
{
	my $types = '';
	while (substr($types, -1) ne 'Z')
	{
		substr $bytes, 0, $client->put_some($bytes), '' if length $bytes;
		next if length $bytes && $client->quiet(0.01);
		my $message = eval { $client->get(10) } or last;
		$types .= $message->[0];
	}
	return $types;
}

for my $name (sort keys %batches)
{
	my ($batch, $answers) = $batches{$name}->@*;
	for my $mode (qw(transaction session))
	{
		my $client = Wire->login($millpond, database => $mode);
		my $types  = play($client, Parse('', 'select 1') . $batch . Sync());
		ok($types eq "1${answers}Z", "$name, in a $mode pool: all of it has its answer")
			or diag(length $types, ' answers');
		is($client->value('select 1'), 1, '... and the session goes on');
		$client->close;
	}
	my $leaves = Wire->login($millpond, database => 'transaction');
	$leaves->put_some(Parse('', 'select 1') . $batch);
	wait_until(sub { $millpond->pool('transaction')->{sv_active} }, 'the server to be lent');
	$leaves->reset;
	is(Wire->login($millpond, database => 'transaction')->put(Query('select 1'))->result('Z', 10)->{types},
		'TDCZ', "$name: who leaves in the middle of it leaves the server to others");
}

done_testing;
