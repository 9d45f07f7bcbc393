# While a server waits for the data of a COPY, a client that sends something else, or half of it, keeps no server for ever.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, databases => { postgres => 'pool_size=1' });
my $other    = Wire->login($millpond);
$other->query('create table t (a int)');

# What is no data, and would have to wait for the end of the COPY: the server would never read it.
my %wrong = (
	'PREPARE behind a COPY'                => [ Query('copy t from stdin'), Query('prepare a as select 1') ],
	'EXECUTE behind one of the other kind' => [ Parse('', 'copy t from stdin'), Bind(), Execute(), Sync(), Query('execute a') ],
	'Parse behind a COPY'                  => [ Query('copy t from stdin'), Parse('s', 'select 1'), Sync() ],
	'a query behind a COPY'                => [ Query('copy t from stdin'), Query('select 1') ],
);
for my $what (sort keys %wrong)
{
	my @errors;
	for my $place ($server, $millpond)
	{
		my $client = Wire->login($place);
		my $answer = $client->put($wrong{$what}->@*)->result('E');
		push @errors, "$answer->{error}{C} $answer->{error}{M}";
		wait_until(sub { $client->result->{eof} }, 'the end of the session');
	}
	like($errors[0], qr/^08P01 unexpected message type 0x5\d during COPY from stdin$/, "$what: the server's words");
	is($errors[1], $errors[0], '... are those of the pool as well');
	is($other->value('select 5'), 5, '... and the server is free again');
}

# An error in the middle leaves open what the server still owes; the rest of a message that was on its way decides it.
for my $place ($server, $millpond)
{
	my $client = Wire->login($place);
	my $data   = CopyData("1\n" x 1000);
	$client->put(Query('copy t from stdin'))->result('G');
	$client->put(Sync(), CopyData("x\n"), substr $data, 0, 500);
	is($client->result->{types}, 'EZ', 'a faulty row ends the COPY');
	$client->put(substr($data, 500), Query('select 1'));
	is($client->result->{types}, 'TDCZ', '... and behind the rest of the next the session goes on');
}
is($other->value('select 5'), 5, '... and the server serves others');

done_testing;
