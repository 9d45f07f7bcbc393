# A server that sends an unknown message, a bad length or something unasked is closed and never lent again.
use v5.36;
use FakeServer;
use Millpond;
use Test::More;
use Wire;

my %nonsense = (
	'unknown message'     => Message('!', 'what?'),
	'length 0'            => "C\0\0\0\0" . ReadyForQuery(),
	'length 3'            => "C\0\0\0\3" . ReadyForQuery(),
	'length below zero'   => "C\xFF\xFF\xFF\xFF" . ReadyForQuery(),
	'length 2^31'         => "C\x80\0\0\0" . ReadyForQuery(),
	'zero bytes'          => "\0" x 20,
	'strange status'      => CommandComplete('X') . ReadyForQuery('?'),
	'long ReadyForQuery'  => CommandComplete('X') . Message('Z', 'II'),
);
my $fake = FakeServer->new(query => sub ($c, $sql) {
	my ($case) = $sql =~ /nonsense: (.*)/ or return 0;
	$c->put($nonsense{$case});
	return 1;
});
my $millpond = Millpond->new('pool', databases => { postgres => $fake->target . ' pool_size=2' });
my $bystander = Wire->login($millpond);
$bystander->query('begin');

for my $case (sort keys %nonsense)
{
	my $client = Wire->login($millpond);
	my $from   = $millpond->log_end;
	my $answer = $client->put(Query("nonsense: $case"))->result('E');
	ok($answer->{error} || $answer->{eof}, "$case: the session ends");
	is($answer->{error}{C}, '08P01', "$case: as a protocol violation") if $answer->{error};
	ok($client->closed, "$case: and is closed");
	$millpond->wait_for_log(qr/S-\w+: .*closing because: .+ \(age=\d+s\)/, $from);
	my ($dirty) = map { /^(\d+)/ } $fake->received(qr/nonsense: \Q$case\E/);
	my $next = Wire->login($millpond);
	is($next->query("after $case")->{rows}[0][0], "after $case",
		"$case: the next client is served");
	my ($used) = map { /^(\d+)/ } $fake->received(qr/Q after \Q$case\E/);
	isnt($used, $dirty, "$case: by another server");
	is($bystander->query('hello')->{types}, 'TDCZ', "$case: others are untouched");
}

# Something unasked while nobody has the server.
my $babbler = FakeServer->new(query => sub ($c, $sql) {
	return 0 if $sql !~ /babble/;
	$c->put(RowDescription('a'), DataRow('1'), CommandComplete('SELECT 1'), ReadyForQuery(),
		DataRow('unasked'), CommandComplete('SELECT 1'), ReadyForQuery());
	return 1;
});
$millpond->reconfigure(databases => { babbler => $babbler->target . ' pool_size=1' });
my $client = Wire->login($millpond, database => 'babbler');
my $answer = $client->query('babble');
my $next = Wire->login($millpond, database => 'babbler');
is_deeply($next->query('question')->{rows}, [ ['question'] ],
	'an answer that nobody asked for reaches nobody');
my ($dirty) = map { /^(\d+)/ } $babbler->received(qr/Q babble/);
my ($used)  = map { /^(\d+)/ } $babbler->received(qr/Q question/);
isnt($used, $dirty, 'and its server is not used again');

# Rows behind their description, before anybody has asked for them.
my $hasty = FakeServer->new(message => sub ($c, $type, $body) {
	return 0 if $type ne 'D';
	$c->put(Message('t', pack 'n', 0), RowDescription('a'), DataRow('unasked'));
	return 1;
});
$millpond->reconfigure(databases => { hasty => $hasty->target });
$client = Wire->login($millpond, database => 'hasty');
$answer = $client->put(Parse('', 'select 1'), Describe('S', ''), Sync())->result('E');
is($answer->{error}{C}, '08P01', 'rows that only were described are a protocol violation');
is_deeply($answer->{rows}, [], '... and none of them reaches the client');

# Nonsense instead of a login.
my $stranger = FakeServer->new(login => sub ($c, $startup) {
	return 0 if $c->{number} > 1;
	$c->put("HTTP/1.1 400 Bad Request\r\n\r\n");
	$c->leave;
});
$millpond->reconfigure(databases => { stranger => $stranger->target },
	settings => { server_login_retry => 0.2 });
is(Wire->login($millpond, database => 'stranger')->query('x')->{types}, 'TDCZ',
	'nonsense at login is a failed login');

# More parameters than there are.
my $talker = FakeServer->new(query => sub ($c, $sql) {
	return 0 if $sql !~ /talk/;
	$c->put(join('', map { ParameterStatus("p$_", 'x') } 1 .. 40_000), CommandComplete('X'), ReadyForQuery());
	return 1;
});
$millpond  = Millpond->new('one', settings => { workers => 1 },
	databases => { postgres => $fake->target, talker => $talker->target });
$bystander = Wire->login($millpond);
$bystander->query('hello');
my $listener = Wire->login($millpond, database => 'talker');
$listener->put(Query('talk'));
cmp_ok($bystander->slowest(2), '<', 3, 'a server that makes up parameters holds up nobody else');
is($listener->result('E')->{error}{C}, '08P01', '... and has broken the protocol');
ok($listener->closed, '... for its client as well');

done_testing;
