# A server that refuses logins for now is quoted to all who wait, at once; a session waits for one that only restarts.
use v5.36;
use FakeServer;
use Millpond;
use Test::More;
use Time::HiRes qw(sleep time);
use Wire;

# What the server says to a login, from a file, since its connections are processes of their own; nothing: welcome.
my $folder = PostgreSQL::Test::Utils::tempdir();
sub says ($text)
{
	return rename put_file("$folder/new", $text), "$folder/says";
}
my $fake = FakeServer->new(login => sub ($c, $startup) {
	my ($code, $text) = PostgreSQL::Test::Utils::slurp_file("$folder/says") =~ /^(\w{5}) (.*)/ or return 0;
	wait_until(sub { -e "$folder/all_are_there" }, 'all to wait');
	$c->put(ErrorResponse($code, $text, 'FATAL'));
	$c->leave;
});
my $full = '53300 sorry, too many clients already';
my $up   = '57P03 the database system is starting up';

for my $refusal ($full, $up)
{
	my ($code, $text) = split / /, $refusal, 2;
	says($refusal);
	my $millpond = Millpond->new("pool$code", databases => { postgres => $fake->target . ' pool_size=1' },
		settings => { server_login_retry => 30, query_wait_timeout => 60, workers => 2 });
	my $logins = $fake->received(qr/ startup /);
	my $from    = time;
	unlink "$folder/all_are_there";
	my @clients = map { Wire->connect($millpond)->startup } 1 .. 10;
	wait_until(sub { ($millpond->pool // { cl_waiting => 0 })->{cl_waiting} == @clients }, 'all to wait');
	put_file("$folder/all_are_there");
	my @errors  = map { $_->result->{error} } @clients;
	is_deeply([ map { "$_->{C} $_->{M}" } @errors ],
		[ ($refusal) x 10 ], "$code: everyone who waits is told in the server's words");
	is($fake->received(qr/ startup /) - $logins, 1, "$code: ... after one login");
	cmp_ok(time - $from, '<', 20, "$code: ... long before the next is due");
	my $error = Wire->connect($millpond)->startup->result->{error};
	is("$error->{C} $error->{M}", "$code server login has been failing, cached error: $text (server_login_retry)",
		"$code: who comes later hears that it has been so");
	@clients = ();
	wait_until(sub { 1 == $millpond->console('SHOW CLIENTS') }, 'all to be gone');
	sleep 1;    # in which pools that nobody uses are looked for
	$error = Wire->connect($millpond)->startup->result->{error};
	like($error->{M}, qr/cached error: \Q$text\E/, "$code: ... also when nobody else is there any more");
	like($error->{D}, qr/^1 logins to the server have failed, and the next is due in \d+\.\d s\.$/, "$code: ... and until when");
	like($error->{H}, qr/server_login_retry/, "$code: ... and where to look");
	$millpond->stop;
}

# The server answers no login before all of them wait, or the last ones would hear of one that has failed before.
sub ask_together ($millpond, @clients)
{
	unlink "$folder/all_are_there";
	$_->put(Query('select 1')) for @clients;
	wait_until(sub { $millpond->pool->{cl_waiting} == @clients }, 'all to wait');
	return put_file("$folder/all_are_there");
}

# Sessions, once their server has gone.
for my $refusal ($full, $up)
{
	my ($code, $text) = split / /, $refusal, 2;
	says('');
	my $millpond = Millpond->new("session$code", databases => { postgres => $fake->target . ' pool_size=2' },
		settings => { server_login_retry => 1, query_wait_timeout => 60 });
	my @clients = map { Wire->login($millpond) } 1 .. 3;
	is($clients[0]->query('select 1')->{types}, 'TDCZ', "$code: a session");
	says($refusal);
	$millpond->console('RECONNECT');
	my $from = $millpond->log_end;
	ask_together($millpond, @clients);
	$millpond->wait_for_log(qr/server login failed: FATAL \Q$text\E/, $from);
	if ($refusal eq $full)
	{
		is_deeply([ map { $_->result->{error}{M} } @clients ], [ ($text) x 3 ],
			"$code: the server has no room, so all sessions that wait are told");
	}
	else
	{
		ok($clients[0]->quiet(0.3), "$code: the server restarts, so a session waits");
		says('');
		is_deeply([ map { $_->result->{types} } @clients ], [ ('TDCZ') x 3 ], "$code: ... and lives through it");
	}
	$millpond->stop;
}

# A server that is to be closed after its transaction helps nobody who waits.
my $wrong = 'password authentication failed for user "postgres"';
says('');
my $millpond = Millpond->new('dirty', databases => { postgres => $fake->target . ' pool_size=4' },
	settings => { server_login_retry => 30, query_wait_timeout => 60 });
my $holder  = Wire->login($millpond);
my @waiting = map { Wire->login($millpond) } 1 .. 3;
$holder->query('begin');
says("28P01 $wrong");
$millpond->console('RECONNECT');
my $logins = $fake->received(qr/ startup /);
ask_together($millpond, @waiting);
is_deeply([ map { $_->result->{error}{M} } @waiting ], [ ($wrong) x 3 ], 'who waits is told of a wrong password');
like(Wire->login($millpond)->query('select 1')->{error}{M}, qr/cached error: \Q$wrong\E/, '... as is who comes later');
cmp_ok($fake->received(qr/ startup /) - $logins, '<=', 3, '... after no more logins than went out together');
is($holder->query('commit')->{types}, 'CZ', '... and the transaction that was open ends well');
$millpond->stop;

done_testing;
