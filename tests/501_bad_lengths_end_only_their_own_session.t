# Lengths of 0, 3, 2^31-1 and below zero are refused in the startup packet and in messages, and nobody else notices.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server    = Postgres->new;
my $millpond  = Millpond->new('pool', server => $server,
	settings => { client_login_timeout => 10 });
my $bystander = Wire->login($millpond);
$bystander->query('begin');
my $pid = $bystander->value('select pg_backend_pid()');

sub refused ($client, $name, $pattern)
{
	my $answer = $client->result('E', 8);
	if ($answer->{error})
	{
		is($answer->{error}{C}, '08P01', "$name: a protocol violation");
		like($answer->{error}{M}, $pattern, "$name: in clear words");
	}
	ok($answer->{error} || $answer->{eof}, "$name: refused");
	ok($client->closed, "$name: the session ends");
	is($bystander->value('select pg_backend_pid()'), $pid, "$name: others are untouched");
	return;
}

my %lengths = ('0' => 0, '3' => 3, '2^31-1' => 0x7FFFFFFF, 'below zero' => 0x80000000,
	'-1' => 0xFFFFFFFF);
for my $name (sort keys %lengths)
{
	my $stranger = Wire->connect($millpond);
	$stranger->put(pack('N', $lengths{$name}), 'x' x 20);
	refused($stranger, "startup packet of length $name", qr/startup packet|invalid|length/i);

	# 2^31-1 is a legal length for a query; max_packet_size decides.
	next if $name eq '2^31-1';
	for my $type (qw(Q P B E S d X))
	{
		my $client = Wire->login($millpond);
		$client->put($type, pack('N', $lengths{$name}), 'x' x 20);
		refused($client, "message $type of length $name", qr/length/i);
	}
}

my $cut = Wire->connect($millpond);
$cut->put(pack 'NN', 4, 3 << 16);
refused($cut, 'a startup packet too short for a version', qr/startup packet|invalid|length/i);
my $unterminated = Wire->connect($millpond);
$unterminated->put(pack 'NN a*', 8 + 12, 3 << 16, "user\0postgre");
refused($unterminated, 'a startup packet without its end', qr/expected terminator|startup packet/i);

$millpond->reconfigure(settings => { max_packet_size => 100_000 });
for my $size (100_001, 0x7FFFFFFF)
{
	my $client = Wire->login($millpond);
	$client->put('Q', pack('N', $size), 'x' x 20);
	refused($client, "a message of $size bytes beyond max_packet_size", qr/length/i);
}
is($bystander->value("select length('" . 'x' x 90_000 . "')"), 90_000, 'one within it passes');
like($millpond->log_since, qr/C-\w+: .*pooler error: invalid/, 'the log says so');

done_testing;
