# A server that ends while it is being cancelled is not lent again; two cancels at once are one.
use v5.36;
use FakeServer;
use Millpond;
use PostgreSQL::Test::Utils ();
use Test::More;
use Time::HiRes qw(sleep);
use Wire;

my $flag = PostgreSQL::Test::Utils::tempdir() . '/cancel';
my $fake = FakeServer->new(
	cancel => sub ($c) {
		put_file($flag);
		sleep 1;
	},
	query => sub ($c, $sql) {
		return 0 if $sql ne 'slow';
		sleep 0.02 while !-e $flag;
		$c->answer_with($sql);
		$c->put(ReadyForQuery());
		sleep 0.2;
		$c->put(ErrorResponse('57P01', 'terminating connection', 'FATAL'));
		$c->log('left', $sql);
		$c->leave;
	});
my $millpond = Millpond->new('pool', databases => { postgres => $fake->target . ' pool_size=1' },
	settings => { server_check_query => '', server_login_retry => 1 });
for my $round (1 .. 3)
{
	my ($client, $next) = map { Wire->login($millpond) } 1 .. 2;
	unlink $flag;
	$client->put(Query('slow'));
	wait_until(sub { $round == $fake->received(qr/Q slow/) }, 'the query');
	my $cancel = Wire->connect($millpond);
	$cancel->put(CancelRequest(@$client{qw(pid secret)}));
	is($client->result->{types}, 'TDCZ', "round $round: the query ends before its cancel");
	wait_until(sub { $round == $fake->received(qr/ left /) }, 'the server to leave');
	my $answer = $next->query("next $round");
	is($answer->{types}, 'TDCZ', '... the next client gets a server that is alive');
	is($answer->{rows}[0][0], "next $round", '... and its answer');
	$cancel->closed;
}

# Two requests for one client that waits.
my $server = Postgres->new;
my $small  = Millpond->new('small', server => $server, databases => { postgres => 'pool_size=1' });
my $holder = Wire->login($small);
my $client = Wire->login($small);
for my $round (1 .. 20)
{
	$holder->query('begin');
	$client->put(Query("select $round"));
	wait_until(sub { $small->pool->{cl_waiting} == 1 }, 'one to wait');
	my @cancels = map { Wire->connect($small) } 1 .. 3;
	$_->put(CancelRequest(@$client{qw(pid secret)})) for @cancels;
	my $answer = $client->result;
	is($answer->{types}, 'EZ', "round $round: one error, and ready again");
	is($answer->{error}{C}, '57014', '... with its reason');
	$_->closed for @cancels;
	$holder->query('commit');
	is($client->value("select -$round"), -$round, '... and the next query works');
}

done_testing;
