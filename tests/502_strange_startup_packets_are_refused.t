# A startup packet of 10,001 bytes, protocol 2.0 and other versions are refused with their reason.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server    = Postgres->new;
my $millpond  = Millpond->new('pool', server => $server);
my $bystander = Wire->login($millpond);

my $packet = Startup(user => 'postgres', database => 'postgres',
	application_name => 'x' x (10_001 - 60));
my $long = Startup(user => 'postgres', database => 'postgres',
	application_name => 'x' x (10_001 - 60 + 10_001 - length $packet));
is(length $long, 10_001, 'a packet of 10,001 bytes');
my $answer = Wire->connect($millpond)->put($long)->result;
ok($answer->{eof} && !$answer->{status}, 'is refused');
like($answer->{error}{M} // '', qr/startup packet|length/, 'in clear words');
is($answer->{error}{C}, '08P01', 'as a protocol violation');

my $fitting = Startup(user => 'postgres', database => 'postgres', application_name => 'x' x 9_000);
my $client  = Wire->connect($millpond);
is($client->put($fitting)->result->{status}, 'I', 'a long one below the limit is served');
is($client->value('select length(current_setting($$application_name$$))'), 63,
	'and its value counts');

my $old = Wire->connect($millpond);
$old->put(pack 'NN a64 a32 a64 a64 a64', 296, 2 << 16, 'postgres', 'postgres', '', '', '');
like($old->rest, qr/old V2 protocol not supported/, 'protocol 2.0');

my $hasty = Wire->connect($millpond)->put(Startup(user => 'postgres', database => 'postgres') . Query('select 1'))->result;
is($hasty->{error}{M}, 'data after the startup packet', 'a client that does not wait for the welcome');
ok($hasty->{eof}, '... is sent away');

for my $code (0, 1, 1 << 16, 1234 << 16 | 9999, 0xFFFFFFFF)
{
	my $strange = Wire->connect($millpond);
	$strange->put(pack('NN', 20, $code), "user\0postgr\0");
	my $rest = $strange->rest;
	ok($rest eq '' || $rest =~ /^E/, "protocol code $code is refused");
}
is($bystander->value('select 1'), 1, 'others are untouched');

done_testing;
