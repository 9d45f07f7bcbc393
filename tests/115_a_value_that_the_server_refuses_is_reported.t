# A startup value that the server does not accept is reported in its words; no query runs without it, others go on.
use v5.36;
use Millpond;
use Test::More;

my $server    = Postgres->new;
my $millpond  = Millpond->new('pool', server => $server, databases => { postgres => 'pool_size=1' });
my $bystander = Wire->login($millpond, TimeZone => 'Asia/Tokyo');
for my $bad ([ TimeZone => 'Nowhere/Land' ], [ client_encoding => 'KLINGON' ], [ DateStyle => 'x' ])
{
	my ($name, $value) = @$bad;
	my $client = Wire->connect($millpond);
	my $answer = $client->startup($name => $value)->result;
	$answer = $client->query('select 42') if !$answer->{error};
	is($answer->{error}{C}, '22023', "$name: the server's SQLSTATE");
	like($answer->{error}{M}, qr/$value/, "$name: and its words");
	is_deeply($answer->{rows}, [], "$name: no query ran");
	is($bystander->value('show timezone'), 'Asia/Tokyo', "$name: another client goes on");
}
my $client = Wire->login($millpond);
is($client->query("set timezone to 'Nowhere/Land'")->{error}{C}, '22023', 'a later SET that fails');
is($client->value('select 1'), 1, 'does no harm');
wait_until(sub { $server->backends <= 1 }, 'what was closed to be gone');
pass('no server was left behind');

done_testing;
