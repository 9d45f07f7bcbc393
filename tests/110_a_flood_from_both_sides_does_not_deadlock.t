# A client that pipelines megabytes without reading, while the server floods back, gets all its answers.
use v5.36;
use Millpond;
use Test::More;
use Time::HiRes qw(sleep time);
use Wire;

my $server    = Postgres->new;
my $millpond  = Millpond->new('pool', server => $server);
my $bystander = Wire->login($millpond);
my $client    = Wire->login($millpond, rcvbuf => 16384);

my $queries = 1500;
my $batch   = join '', map {
	Parse('', "select $_, repeat('x', 50000), \$1::text", 25), Bind('', '', 'y' x 20_000),
		Execute(), Sync()
} 1 .. $queries;

# First only write, until nothing has fitted in for a while: both directions are full now.
my $last = time;
while (length $batch && time - $last < 0.7)
{
	my $n = $client->put_some($batch) and $last = time;
	substr $batch, 0, $n, '' if $n;
	sleep 0.01 if !$n;
}
ok(length $batch, 'the client was stopped by backpressure') or diag('buffers took all of it');
is($bystander->value('select 1'), 1, 'another client is served meanwhile');

# Then read and write by turns.
my ($answers, $rows) = (0, 0);
while ($answers < $queries)
{
	my $n = length $batch ? $client->put_some($batch) : 0;
	substr $batch, 0, $n, '' if $n;
	my $message = $client->get or last;
	$answers++ if $message->[0] eq 'Z';
	next if $message->[0] ne 'D';
	my $row = Wire::row($message->[1]);
	$rows++ if $row->[0] == $rows + 1 && length $row->[1] == 50_000 && length $row->[2] == 20_000;
}
is($answers, $queries, 'every Sync is answered');
is($rows, $queries, 'with the right rows in the right order');
is($client->value('select 1'), 1, 'and the session goes on');

done_testing;
