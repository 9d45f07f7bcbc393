# SSLRequest and GSSENCRequest are answered with N, in any order; bytes sent ahead of the answer are refused.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server);
my ($ssl, $gss) = map { pack 'NN', 8, $_ } 80877103, 80877104;

for my $order ([$ssl], [$gss], [ $ssl, $gss ], [ $gss, $ssl ])
{
	my $client = Wire->connect($millpond);
	for my $request (@$order)
	{
		$client->put($request);
		is($client->get_bytes(1), 'N', 'the answer is N');
	}
	is($client->startup->result->{status}, 'I', 'and the login goes on without');
}
for my $request ($ssl, $gss)
{
	my $client = Wire->connect($millpond);
	$client->put($request . Startup(user => 'postgres', database => 'postgres'));
	my $refusal = qr/received unencrypted data after (?:SSL|GSSAPI encryption) request/;
	like($client->rest, qr/^N?E.*M$refusal/s, 'early bytes are refused');
}
my $impatient = Wire->connect($millpond);
$impatient->put($ssl x 20);
like($impatient->rest, qr/^N?E.*Mreceived unencrypted data/s, 'who does not wait for the answer is sent away');
my $tireless = Wire->connect($millpond);
is(join('', map { $tireless->put($ssl); $tireless->get_bytes(1) } 1 .. 20), 'N' x 20, 'who does is answered each time');
is(Wire->login($millpond)->value('select 1'), 1, 'all others are served');

done_testing;
