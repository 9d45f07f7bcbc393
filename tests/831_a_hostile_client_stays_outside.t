# Malformed answers at every step of a login, lengths at the boundaries of every buffer, and attempts to find out who exists.
use v5.36;
use Digest::MD5 qw(md5_hex);
use FakeServer;
use MIME::Base64 qw(encode_base64);
use Millpond;
use Scram;
use Test::More;
use Time::HiRes qw(time);
use Wire;

my $fake = FakeServer->new;
my $long = 'n' x 4000;

sub millpond ($auth_type, $lines)
{
	state $number = 0;
	return Millpond->new('pool' . ++$number, files => { 'users.txt' => $lines },
		databases => { postgres => $fake->target },
		settings  => { auth_type => $auth_type, auth_file => 'users.txt', max_client_conn => 1000 });
}

my $secret = Scram::secret('pencil');
my $scram  = millpond('scram-sha-256',
	qq("me" "$secret"\n"plain" "pencil"\n"$long" "$secret"\n) . join '',
	map { qq("user$_" "pencil"\n) } 1 .. 200);
my $md5   = millpond('md5', qq("me" "pencil"\n));
my $plain = millpond('plain', qq("me" "pencil"\n"hash" "md5) . md5_hex('pencilhash') . qq("\n)
	. '"long" "' . 'x' x 65530 . qq("\n"longer" ") . 'x' x 65531 . qq("\n));
my $bystander = Wire->connect($scram);
is($bystander->authenticate('pencil', user => 'me')->{status}, 'I', 'a good client');

# Says something in the place of the given answer (from 0) of a login with SCRAM, which begins with the same words each
# time; returns result().
sub say_instead ($millpond, $step, $bytes, %startup)
{
	my $client = Wire->connect($millpond)->startup(user => 'me', %startup);
	my $scram  = Scram->new('pencil', nonce => 'same');
	$client->get;
	if ($step == 1)
	{
		$client->put(Message('p', "SCRAM-SHA-256\0" . pack 'N/a*', $scram->first));
		my $challenge = substr $client->get->[1], 4;
		my $right     = $scram->final($challenge);
		$bytes = $bytes->($right) if ref $bytes;
	}
	return $client->put($bytes)->result;
}

sub Initial ($message, $mechanism = 'SCRAM-SHA-256')
{
	return Message('p', "$mechanism\0" . pack 'N/a*', $message);
}

# The first answer ------------------------------------------------------------------------------

my %first = (
	'nothing'             => Message('p', ''),
	'no zero'             => Message('p', 'SCRAM-SHA-256'),
	'no length'           => Message('p', "SCRAM-SHA-256\0"),
	'half a length'       => Message('p', "SCRAM-SHA-256\0\0\0"),
	'length -1'           => Message('p', "SCRAM-SHA-256\0\xff\xff\xff\xff"),
	'length 2^31'         => Message('p', "SCRAM-SHA-256\0\x80\0\0\0"),
	'too short a length'  => Message('p', "SCRAM-SHA-256\0\0\0\0\1n,,n=,r=abc"),
	'too long a length'   => Message('p', "SCRAM-SHA-256\0\0\0\0\x63n,,n=,r=abc"),
	'another mechanism'   => Initial('n,,n=,r=abc', 'SCRAM-SHA-1'),
	'no mechanism'        => Initial('n,,n=,r=abc', ''),
	'PLUS without TLS'    => Initial('p=tls-server-end-point,,n=,r=abc', 'SCRAM-SHA-256-PLUS'),
	'a binding'           => Initial('p=tls-server-end-point,,n=,r=abc'),
	'an empty message'    => Initial(''),
	'a zero byte'         => Initial("n,,n=,r=a\0c"),
	'an identity'         => Initial('n,a=me,n=,r=abc'),
	'an extension'        => Initial('n,,m=x,n=,r=abc'),
	'no nonce'            => Initial('n,,n=,r='),
	'a nonce of 8 bit'    => Initial("n,,n=,r=\xe4"),
	'1025 bytes'          => Initial('n,,n=,r=' . 'x' x 1017),
	'65,500 bytes'        => Initial('n,,n=,r=' . 'x' x 65_500),
	'a plain password'    => Message('p', "pencil\0"),
	'100,000 bytes'       => Message('p', 'x' x 100_000),
);
for my $name (sort keys %first)
{
	my $answer = say_instead($scram, 0, $first{$name});
	is($answer->{error}{M} // 'welcome', 'SASL authentication failed', "first: $name");
	like($answer->{error}{C} // '', qr/^(08P01|28P01)$/, '... with a proper SQLSTATE');
}
for my $good ('n,,n=,r=' . 'x' x 1016, 'y,,n=someone else,r=abc', 'n,,n=,r=abc,x=extension')
{
	my $client = Wire->connect($scram)->startup(user => 'me');
	$client->get;
	is($client->put(Initial($good))->get->[0], 'R', 'first, but good: ' . substr $good, 0, 30);
}

# The last one ----------------------------------------------------------------------------------

my %last = (
	'nothing'          => Message('p', ''),
	'a zero byte'      => sub ($right) { Message('p', "$right\0") },
	'another binding'  => sub ($right) { Message('p', $right =~ s/^c=biws/c=eSws/r) },
	'no binding'       => sub ($right) { Message('p', $right =~ s/^c=biws,//r) },
	'another nonce'    => sub ($right) { Message('p', $right =~ s/r=./r=!/r) },
	'a longer nonce'   => sub ($right) { Message('p', $right =~ s/,p=/x,p=/r) },
	'no nonce'         => sub ($right) { Message('p', $right =~ s/r=[^,]*,//r) },
	'no proof'         => sub ($right) { Message('p', $right =~ s/,p=.*//r) },
	'half a proof'     => sub ($right) { Message('p', $right =~ s/.{8}$//r) },
	'a wrong proof'    => sub ($right) { Message('p', $right =~ s/p=.{43}/'p=' . 'A' x 43/er) },
	'more than it'     => sub ($right) { Message('p', "$right,x=y") },
	'1025 bytes'       => Message('p', 'c=biws,r=' . 'x' x 1016),
	'100,000 bytes'    => Message('p', 'x' x 100_000),
	'the first again'  => Initial('n,,n=,r=abc'),
);
for my $name (sort keys %last)
{
	my $answer = say_instead($scram, 1, $last{$name});
	is($answer->{error}{M} // 'welcome', 'SASL authentication failed', "last: $name");
}
# Nor does it help to prove another nonce, of the same length, with the password.
my $other = Wire->connect($scram)->startup(user => 'me');
my $prover = Scram->new('pencil', nonce => 'same');
$other->get;
$other->put(Initial($prover->first));
my $challenge = substr $other->get->[1], 4;
my $proof = $prover->final($challenge, $challenge =~ s/^r=(.*).,s=.*/$1!/r);
like($other->put(Message('p', $proof))->result->{error}{D}, qr/nonce is not the one of this conversation/, 'last: a proof of another nonce');
# A proof is good for its own conversation only.
my $old;
say_instead($scram, 1, sub ($right) { $old = $right; Message('p', $right) });
is(say_instead($scram, 1, Message('p', $old))->{error}{M}, 'SASL authentication failed',
	'last: the proof of an earlier conversation');
is(say_instead($scram, 1, sub ($right) { Message('p', $right) })->{error}, undef, '... where one of this is good');

my ($asked, $again) = map { Wire->connect($md5)->startup(user => 'me') } 1 .. 2;
my ($salt, $second) = map { substr $_->get->[1], 4 } $asked, $again;
isnt($salt, $second, 'each question for md5 has a salt of its own');
my $response = Message('p', Scram::md5_response('pencil', 'me', $salt) . "\0");
is($asked->put($response)->result->{error}, undef, '... to which the answer is good');
is($again->put($response)->result->{error}{M}, 'password authentication failed', '... and to no other');

# Other messages than answers --------------------------------------------------------------------

for my $step (0, 1)
{
	for my $message (Query('select 1'), Sync(), Message("\0"), Message('R', pack 'N', 0))
	{
		my $answer = say_instead($scram, $step, $message);
		my $letter = ord $message;
		is($answer->{error}{M}, "expected password response, got message type $letter",
			"at step $step: message type $letter");
		is($answer->{error}{C}, '08P01', '... is against the protocol');
	}
	ok(say_instead($scram, $step, Terminate())->{eof}, "at step $step: a goodbye");
	for my $length (0, 3, 0x7fffffff, 0xffffffff)
	{
		my $answer = say_instead($scram, $step, 'p' . pack 'N', $length);
		is($answer->{error}{M}, 'SASL authentication failed', "at step $step: length $length");
	}
}
is(say_instead($plain, 0, Message('p', ''))->{error}{M}, 'invalid password packet',
	'a password without an end');
is(say_instead($plain, 0, Message('p', "pen\0cil\0"))->{error}{M}, 'invalid password packet',
	'one with a zero inside');
is(say_instead($plain, 0, Message('p', "\0"))->{error}{M}, 'empty password returned by client',
	'an empty one');

# A right hash with something else behind it: AuthenticationMD5Password is answered by the same message.
sub answer_md5 ($end)
{
	my $client = Wire->connect($md5)->startup(user => 'me');
	my (undef, $salt) = unpack 'N a4', $client->get->[1];
	return $client->put(Message('p', Scram::md5_response('pencil', 'me', $salt) . $end))->result;
}
is(answer_md5("\0")->{status}, 'I', 'a hash and a zero');
is(answer_md5($_->[1])->{error}{M} // 'welcome', 'invalid password packet', "a hash and $_->[0]")
	for [ 'no zero', '' ], [ 'two zeros', "\0\0" ], [ 'rubbish behind the zero', "\0rubbish" ];
for my $case ([ nothing => '', 'invalid password packet' ], [ 'an empty one' => "\0", 'empty password returned by client' ])
{
	is(say_instead($md5, 0, Message('p', $case->[1]))->{error}{M}, $case->[2], "in the place of a hash: $case->[0]");
}

# In pieces, and together with what follows.
my $client = Wire->connect($plain)->startup(user => 'me');
$client->get;
for my $byte (split //, Message('p', "pencil\0")) { $client->put($byte) }
is($client->result->{status}, 'I', 'a password byte by byte');
$client = Wire->connect($plain)->startup(user => 'me');
$client->get;
$client->put(Message('p', "pencil\0"), Query('select 1'));
is($client->result->{status}, 'I', 'a client that does not wait for the welcome comes in');
is($client->result->{rows}[0][0], 'select 1', '... and is served');

# Lengths ----------------------------------------------------------------------------------------

is(Wire->connect($plain)->authenticate('x' x 65530, user => 'long')->{status}, 'I',
	'a password of 65,530 bytes');
is(Wire->connect($plain)->authenticate('x' x 65531, user => 'longer')->{error}{M},
	'password authentication failed', 'one byte more');
is(Wire->connect($plain)->authenticate('x' x 65530, user => 'me')->{error}{M},
	'password authentication failed', 'a long wrong one');
is(Wire->connect($scram)->authenticate('pencil', user => $long)->{status}, 'I',
	'a user name of 4,000 bytes');
for my $length (1, 62 .. 65, 126 .. 129, 254 .. 258, 510 .. 514, 1022 .. 1026, 4094 .. 4098, 9000)
{
	my $name = 'u' x $length;
	for my $millpond ($scram, $plain)
	{
		my $answer = Wire->connect($millpond)->authenticate('pencil', user => $name);
		like($answer->{error}{M} // '', qr/^(SASL|password) authentication failed$/,
			"an unknown user name of $length bytes") or diag explain $answer;
	}
	my $answer = Wire->connect($scram)->authenticate('pencil', user => 'me', database => $name);
	like($answer->{error}{M} // '', qr/^no such database: u+$/, "a database name of $length bytes");
}

# Who is there ------------------------------------------------------------------------------------

# The question for a name, and its salt, which is the same each time.
sub salt ($millpond, $user)
{
	my $client = Wire->connect($millpond);
	$client->authenticate('wrong', user => $user);
	my ($salt, $iterations) = ($client->{challenges}[1] // '') =~ /,s=([^,]*),i=(\d+)/;
	return "$client->{asked} $salt $iterations";
}
is(salt($scram, 'nobody'), salt($scram, 'nobody'), 'an unknown user has a salt that stays');
is(salt($scram, 'plain'), salt($scram, 'plain'), 'as has one with a plain password');
isnt(salt($scram, 'nobody'), salt($scram, 'nobody2'), 'and another has another');
isnt(salt($scram, 'nobody'), salt(millpond('scram-sha-256', qq("me" "$secret"\n)), 'nobody'),
	'nor can it be computed from the name');
like(salt($scram, $_), qr/^10 [A-Za-z0-9+\/]{22}== 4096$/, "the salt of $_ looks like any")
	for qw(nobody plain me);
my ($before, $after) = map {
	my $answer = Wire->connect($scram)->authenticate('wrong', user => $_);
	join ' ', $answer->{types}, map { "$_=$answer->{error}{$_}" } sort keys $answer->{error}->%*;
} qw(me nobody);
is($before, $after, 'the answers do not differ');

# By time: the quickest of wrong attempts, so that nothing else that runs counts. A derivation for
# one kind of them would stand out with a millisecond or two.
sub quickest ($millpond, @users)
{
	my @times = sort { $a <=> $b } map {
		my $client = Wire->connect($millpond)->startup(user => $_);
		my $scram  = Scram->new('pencil');
		$client->get;
		$client->put(Initial($scram->first));
		my $final = $scram->final(substr $client->get->[1], 4) =~ s/p=.{43}/'p=' . 'A' x 43/er;
		my $from  = time;
		$client->put(Message('p', $final))->get;
		time - $from;
	} @users;
	return $times[0];
}
SKIP:
{
	skip 'a sanitizer or Valgrind has times of its own', 1 if $ENV{SANITIZE};
	my ($known, $unknown) = (1, 1);
	# Each user is tried once only.
	for my $round (0 .. 4)
	{
		my @numbers = map { 40 * $round + $_ } 1 .. 40;
		$known   = quickest($scram, map { "user$_" } @numbers);
		$unknown = quickest($scram, map { "stranger$_" } @numbers);
		last if abs($known - $unknown) < 0.0008;
	}
	cmp_ok(abs($known - $unknown), '<', 0.0008,
		sprintf 'wrong proofs take %.2f ms for users, %.2f ms for others', $known * 1e3,
		$unknown * 1e3);
}

# What is written down ------------------------------------------------------------------------------

is($bystander->value('select 1'), 'select 1', 'others are untouched');
for my $millpond ($scram, $plain)
{
	unlike($millpond->log_since, qr/pencil|xxxxxxxx|SCRAM-SHA-256\$|saltsalt/, 'no secret in the log');
	my $console = Wire->login($millpond, unix => 1, user => 'pgbouncer', database => 'pgbouncer');
	for my $what (qw(CONFIG DATABASES USERS CLIENTS SERVERS POOLS SOCKETS MEM LISTS))
	{
		my $shown = join ' ', map { map { $_ // '' } @$_ } $console->query("SHOW $what")->{rows}->@*;
		unlike($shown, qr/pencil|SCRAM-SHA-256\$|md5[0-9a-f]{32}/, "nor in SHOW $what");
	}
}

done_testing;
