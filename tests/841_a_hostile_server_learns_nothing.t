# A server that breaks SCRAM, skips its proof, asks in the clear or lies about lengths is given up; it is told no secret.
use v5.36;
use Digest::SHA qw(sha256);
use FakeServer;
use List::Util qw(uniq);
use Millpond;
use Scram;
use Test::More;
use Wire;

my $secret = Scram::secret('pencil');

# Changes the challenge, which is right otherwise; answers whether anything more came.
sub with_challenge ($c, $change)
{
	my $first = $c->begin_scram;
	$c->log('nonce', $first =~ s/.*r=//r);
	my ($scram, $challenge) = Scram->challenge($secret, $first);
	local $_ = $challenge;
	$change->();
	$c->put(AuthRequest(11, $_));
	my $message = $c->get or return;
	return if $message->[0] eq 'X';
	$c->log('response', $message->[1]);
	return $scram->accept($message->[1]);
}

my $proof   = qr/malformed SCRAM message/;
my $wrong   = qr/wrong password type/;
my $invalid = qr/invalid server message/;
# Name of the database -> what the server does, and what the client is told.
my %cases = (
	clear       => [ $wrong, sub ($c) { $c->put(AuthRequest(3)) } ],
	md5         => [ $wrong, sub ($c) { $c->put(AuthRequest(5, 'salt')) } ],
	kerberos    => [ $wrong, sub ($c) { $c->put(AuthRequest(7)) } ],
	unknown     => [ $wrong, sub ($c) { $c->put(AuthRequest(4711)) } ],
	mechanism   => [ qr/none of the server's SASL/, sub ($c) { $c->put(AuthRequest(10, "SCRAM-SHA-1\0\0")) } ],
	no_list     => [ qr/none of the server's SASL/, sub ($c) { $c->put(AuthRequest(10)) } ],
	open_list   => [ qr/none of the server's SASL/, sub ($c) { $c->put(AuthRequest(10, 'SCRAM-SHA-25')) } ],
	clear_later => [ $wrong, sub ($c) { $c->begin_scram; $c->put(AuthRequest(3)) } ],
	twice       => [ qr/none of the server's SASL/, sub ($c) { $c->begin_scram; $c->begin_scram } ],
	nonce       => [ $proof, sub ($c) { with_challenge($c, sub { s/r=./r=!/ }) } ],
	same_nonce  => [ $proof, sub ($c) { with_challenge($c, sub { s/more,s/,s/ }) } ],
	no_nonce    => [ $proof, sub ($c) { with_challenge($c, sub { s/^r=.*?,// }) } ],
	no_salt     => [ $proof, sub ($c) { with_challenge($c, sub { s/,s=[^,]*// }) } ],
	other_salt  => [ $wrong, sub ($c) { with_challenge($c, sub { s/,s=[^,]*/,s=AAAA/ }) } ],
	no_count    => [ $proof, sub ($c) { with_challenge($c, sub { s/,i=.*// }) } ],
	count_0     => [ $wrong, sub ($c) { with_challenge($c, sub { s/i=\d+/i=0/ }) } ],
	count_1     => [ $wrong, sub ($c) { with_challenge($c, sub { s/i=\d+/i=1/ }) } ],
	count_2_31  => [ $wrong, sub ($c) { with_challenge($c, sub { s/i=\d+/i=2147483648/ }) } ],
	nul         => [ $proof, sub ($c) { with_challenge($c, sub { s/,s/\0,s/ }) } ],
	long        => [ $proof, sub ($c) { with_challenge($c, sub { $_ .= ',x=' . 'y' x 2000 }) } ],
	early       => [ $invalid, sub ($c) { $c->put(AuthRequest(11, 'r=x')) } ],
	early_final => [ $invalid, sub ($c) { $c->put(AuthRequest(12, 'v=x')) } ],
	no_proof    => [ $invalid, sub ($c) { with_challenge($c, sub { }); $c->put(AuthenticationOk()) } ],
	skips       => [ $invalid, sub ($c) { $c->begin_scram; $c->put(AuthenticationOk()) } ],
	signature   => [ qr/failed to verify server signature/, sub ($c) {
			with_challenge($c, sub { });
			$c->put(AuthRequest(12, 'v=' . 'A' x 43 . '='), AuthenticationOk());
		} ],
	refuses     => [ qr/SCRAM failed/, sub ($c) {
			with_challenge($c, sub { });
			$c->put(AuthRequest(12, 'e=other-error'));
		} ],
	short       => [ $invalid, sub ($c) { $c->put(Message('R', 'ab')) } ],
	huge        => [ $invalid, sub ($c) { $c->put('R' . pack 'N', 0x7fffffff) } ],
	tiny        => [ $invalid, sub ($c) { $c->put('R' . pack 'N', 3) } ],
	ready       => [ $invalid, sub ($c) { $c->put(ReadyForQuery()) } ],
	parameter   => [ $invalid, sub ($c) { $c->put(ParameterStatus('a', 'b')) } ],
	key         => [ $invalid, sub ($c) { $c->put(BackendKeyData(1, 2)) } ],
	short_key   => [ $invalid, sub ($c) { $c->put(AuthenticationOk(), Message('K', 'abcd')) } ],
	half        => [ $invalid, sub ($c) { $c->put(AuthenticationOk(), Message('S', "name\0")) } ],
	open_text   => [ $invalid, sub ($c) { $c->put(AuthenticationOk(), Message('S', "name\0value")) } ],
	parameters  => [ $invalid, sub ($c) { $c->put(AuthenticationOk(), map { ParameterStatus("p$_", 'x') } 1 .. 1000) } ],
	rows        => [ $invalid, sub ($c) { $c->put(AuthenticationOk(), DataRow('x')) } ],
	again       => [ $invalid, sub ($c) { $c->put(AuthenticationOk(), AuthenticationOk()) } ],
	goes_on     => [ $invalid, sub ($c) { $c->put(AuthenticationOk(), ReadyForQuery(), NoticeResponse('x')) } ],
	no_sqlstate => [ qr/^who are you$/, sub ($c) { $c->put(Message('E', "SFATAL\0Mwho are you\0\0")) } ],
	no_message  => [ qr/./, sub ($c) { $c->put(Message('E', "SFATAL\0\0")) } ],
	no_end      => [ qr/./, sub ($c) { $c->put(Message('E', 'SFATAL')) } ],
	nothing     => [ qr/./, sub ($c) { $c->put(Message('E')) } ],
	leaves      => [ qr/server conn crashed/, sub ($c) { } ],
	leaves_late => [ qr/server conn crashed/, sub ($c) { $c->begin_scram } ],
);

my $fake = FakeServer->new(login => sub ($c, $startup) {
	my $case = $cases{ $startup->{database} } or return 0;
	$case->[1]->($c);
	# Until the pooler has read it all.
	shutdown $c->{socket}, 1;
	$c->rest(5);
	$c->log('rest', $c->{in}) if length $c->{in};
	$c->leave;
});
my $millpond = Millpond->new('pool', files => { 'users.txt' => qq("me" "$secret"\n) },
	settings  => { auth_type => 'scram-sha-256', auth_file => 'users.txt', query_wait_timeout => 12,
		server_login_retry => 60 },
	databases => { map { $_ => $fake->target } 'postgres', keys %cases });

my $bystander = Wire->connect($millpond);
is($bystander->authenticate('pencil', user => 'me')->{status}, 'I', 'a good server');

# All are asked at once, as some clients are told only when their wait is over.
my %clients = map { $_ => Wire->connect($millpond)->prove('pencil', user => 'me', database => $_) }
	sort keys %cases;
for my $case (sort keys %cases)
{
	my $answer = $clients{$case}->result;
	my $error  = $answer->{error} // { M => 'welcome' };
	like($error->{M} eq 'query_wait_timeout' ? $error->{D} : $error->{M}, $cases{$case}[0], "$case: what the client is told");
	like($answer->{error}{C} // '', qr/^[0-9A-Z]{5}$/, "$case: with some SQLSTATE");
}
is($bystander->value('select 1'), 'select 1', 'others are untouched');

# What it got: proofs for the challenges that were in order, and nothing else.
my @responses = map { /^\d+ response (.*)/ } $fake->received;
is(scalar(grep { !/^c=biws,r=[^,]*,p=[^,]{44}$/ } @responses), 0, 'nothing but proofs is sent');
is(scalar @responses, 3, 'and only for the right challenge');
my @told = grep { /rest / } $fake->received;
is(scalar(grep { !/ rest X/ } @told), 0, 'and nothing after that') or diag @told;
unlike(join("\n", $fake->received), qr/pencil/, 'no password');
my @nonces = map { /^\d+ nonce (.*)/ } $fake->received;
is(scalar(uniq(@nonces)), scalar(grep { /./ } @nonces), 'each of ' . @nonces . ' conversations begins with a nonce of its own');

done_testing;
