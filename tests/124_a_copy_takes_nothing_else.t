# While a server waits for the data of a COPY, a client that sends something else, or half of it, keeps no server for ever.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server   = Postgres->new;
my @modes    = qw(session transaction statement);
my $millpond = Millpond->new('pool', server => $server, settings => { pool_mode => 'transaction' },
	databases => { postgres => 'pool_size=1', map { $_ => "dbname=postgres pool_size=1 pool_mode=$_" } @modes });
my $other    = Wire->login($millpond);
$other->query('create table t (a int)');

# What is no data, and would have to wait for the end of the COPY: the server would never read it.
my %wrong = (
	'PREPARE behind a COPY'                => [ Query('copy t from stdin'), Query('prepare a as select 1') ],
	'EXECUTE behind one of the other kind' => [ Parse('', 'copy t from stdin'), Bind(), Execute(), Sync(), Query('execute a') ],
	'Parse behind a COPY'                  => [ Query('copy t from stdin'), Parse('s', 'select 1'), Sync() ],
	'Bind behind a COPY'                   => [ Query('copy t from stdin'), Bind(), Sync() ],
	'Bind behind a COPY and a Sync'        => [ Query('copy t from stdin'), Sync(), Bind(), Sync() ],
	'Bind behind one of the other kind'    => [ Parse('', 'copy t from stdin'), Bind(), Execute(), Sync(), Bind(), Sync() ],
	'a query behind a COPY'                => [ Query('copy t from stdin'), Query('select 1') ],
	'a query behind one of the other kind' => [ Parse('', 'copy t from stdin'), Bind(), Execute(), Sync(), Query('select 1') ],
);
for my $what (sort keys %wrong)
{
	my $errors_of = sub ($client) {
		my $answer = $client->put($wrong{$what}->@*)->result('E');
		wait_until(sub { $client->result->{eof} }, 'the end of the session');
		return "$answer->{error}{C} $answer->{error}{M}";
	};
	my $words = $errors_of->(Wire->login($server));
	like($words, qr/^08P01 unexpected message type 0x[45]\d during COPY from stdin$/, "$what: the server's words");
	my $same = quotemeta($words) =~ s/42/4[23]/r;    # in front of a Bind the pooler may close what its client has not prepared
	my $from = $millpond->log_end;
	for my $mode (@modes)
	{
		like($errors_of->(Wire->login($millpond, database => $mode)), qr/^$same$/, "... are those of the pool in $mode mode");
		is(Wire->login($millpond, database => $mode)->value('select 5'), 5, '... and the server is free again');
	}
	unlike($millpond->log_since($from), qr/invalid server message/, '... nor is the server blamed in the log');
}

# It may have failed before it has read anything: then all behind it is answered.
$other->query($_) for q(create function no() returns trigger language plpgsql as 'begin raise exception ''no''; end'), 'create table closed (a int)',
	'create trigger no before insert on closed for each statement execute function no()';
for my $place ($server, map { [ $millpond, database => $_ ] } @modes)
{
	my $client = Wire->login(ref $place eq 'ARRAY' ? @$place : $place);
	$client->put(Query('copy closed from stdin'), Bind('', 'none'), Sync(), Query('select 1'));
	is(join(' ', map { $client->result->{types} } 1 .. 3), 'GEZ EZ TDCZ', 'a COPY that a trigger forbids takes nothing from what follows');
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
