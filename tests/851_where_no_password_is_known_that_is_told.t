# A server that wants a password where none is known: whoever waits is told at once, and not when some time is over.
use v5.36;
use FakeServer;
use Millpond;
use Test::More;
use Wire;

my %questions = (plain => AuthRequest(3), hashed => AuthRequest(5, 'salt'), scram => AuthRequest(10, "SCRAM-SHA-256\0\0"));
# Asks what the database is called, from that connection on.
my $fake = FakeServer->new(login => sub ($c, $startup) {
	my ($question, $from) = $startup->{database} =~ /^(\w+?)(\d*)$/;
	return 0 if $c->{number} < ($from || 1);
	$c->put($questions{$question});
	$c->get // $c->leave;
	$c->log_in;
	return 1;
});
my $silent = IO::Socket::INET->new(Listen => 64, LocalAddr => '127.0.0.1') or die $!;
my ($hour, $closed) = (3600, PostgreSQL::Test::Cluster::get_free_port());
my $millpond = Millpond->new('pool',
	files     => { 'users.txt' => qq("postgres" ""\n"app" ""\n"known" "pencil"\n) },
	databases => { (map { $_ => $fake->target . " dbname=$_" } keys %questions), later => $fake->target . ' dbname=plain2',
		asking => $fake->target . ' dbname=plain auth_user=app',
		down   => "host=127.0.0.1 port=$closed auth_user=known",
		silent => 'host=127.0.0.1 port=' . $silent->sockport . ' auth_user=known' },
	settings  => { auth_file => 'users.txt', server_login_retry => $hour, query_wait_timeout => 5,
		client_login_timeout => 10, server_connect_timeout => $hour });
my $told   = 'server login failed: wrong password type';
my $detail = 'The server asks for a password, and none is known.';

my $client = Wire->connect($millpond)->startup(user => 'app', database => 'later');
is($client->result->{status}, 'I', 'while none is asked for');
is($client->value('select 1'), 'select 1', '... all is well');
$millpond->console('RECONNECT later');
is_deeply([ $client->query('select 1')->{error}->@{qw(C M D)} ], [ '08004', $told, $detail ], 'then who was let in before is told');

for my $database (sort(keys %questions), 'asking')
{
	for my $when ('the first', 'who comes later')
	{
		my $is_own = $database ne 'asking';
		my $user   = $is_own ? 'app' : 'stranger';
		my $whose  = $is_own ? '' : 'For auth_user, by whom users are looked up: ';
		my $result = Wire->connect($millpond)->startup(user => $user, database => $database)->result;
		is_deeply([ $result->{error}->@{qw(C M D)} ], [ '08004', $told, "$whose$detail" ], "$database, $when");
	}
}
like($millpond->log_since, qr/closing because: \Q$told ($detail)/, 'so is the log');

# Who is looked up by a user who gets no server waits no longer than for a server of his own.
$millpond->write_config(settings => { query_wait_timeout => 1, client_login_timeout => 30 });
$millpond->console('RELOAD');
my @waiting = map { Wire->connect($millpond)->startup(user => 'stranger', database => $_) } qw(down silent);
is_deeply([ map { $_->result->{error}{M} } @waiting ], [ ('query_wait_timeout') x 2 ], 'query_wait_timeout counts for auth_user');

done_testing;
