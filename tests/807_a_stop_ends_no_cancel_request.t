# A process that is stopped and continued in the middle of a cancel request through TLS goes on with it.
use v5.36;
use Certificates;
use FakeServer;
use Millpond;
use PostgreSQL::Test::Utils qw(slurp_file);
use Test::More;
use Time::HiRes qw(sleep);
use Wire;

my $authority = Certificates->new;
$authority->issue(server => '/CN=localhost', names => 'DNS:localhost');
my $folder = PostgreSQL::Test::Utils::tempdir();

# Where the connection for the request waits, as long as there is a file of that name.
sub hold ($c, $stage)
{
	return if !-e "$folder/$stage";
	$c->log('waits', '');
	sleep 0.02 while -e "$folder/$stage";
	return;
}

my @stages = qw(answer handshake end);
my %fake   = map {
	$_ => FakeServer->new(
		ssl => sub ($c)
		{
			return $c->shake_hands($authority, 'server') if $c->{number} == 1;
			hold($c, 'answer');
			$c->put('S');
			hold($c, 'handshake');
			return $c->shake_hands($authority, 'server', answer => '');
		},
		query => sub ($c, $sql)
		{
			$c->log('asked', '');
			$c->rest(600);
			return 1;
		},
		cancel => sub ($c) { hold($c, 'end') })
} @stages;
my $millpond = Millpond->new('pool',
	databases => { map { $_ => $fake{$_}->target . ' user=me password=pencil sslmode=require' } @stages });

for my $stage (@stages)
{
	my $client = Wire->login($millpond, database => $stage);
	put_file("$folder/$stage");
	$client->put(Query('select 1'));
	wait_until(sub { $fake{$stage}->received(qr/ asked/) }, 'the query');
	my $from = $millpond->log_end;
	my $asks = Wire->connect($millpond)->put(CancelRequest(@$client{qw(pid secret)}));
	wait_until(sub { $fake{$stage}->received(qr/ waits/) }, "the request to wait for the $stage");
	$millpond->signal('STOP');
	wait_until(sub { slurp_file('/proc/' . $millpond->pid . '/stat') =~ /\) T / }, 'it to stop');
	$millpond->signal('CONT');
	unlink "$folder/$stage";
	ok($asks->closed, "$stage: the request is done");
	is(scalar(my @cancels = $fake{$stage}->received(qr/ cancel/)), 1, '... and has arrived');
	unlike($millpond->log_since($from), qr/cancel request failed/, '... without a fault');
}

done_testing;
