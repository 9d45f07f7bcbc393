# A process that is stopped and continued in the middle of a cancel request, which may be one through TLS, goes on with it.
use v5.36;
use Certificates;
use FakeServer;
use IO::Socket::INET;
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

sub stop ($pid)
{
	kill 'STOP', $pid;
	return wait_until(sub { slurp_file("/proc/$pid/stat") =~ /\) T / }, 'it to stop');
}

# Nobody who connects from now on is answered, until what is returned is called.
sub hold_connections ($fake)
{
	stop($fake->{pid});
	my @waiting = map { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $fake->port) or die "connect: $!" } 1 .. 2;
	return sub { $_->close for @waiting; kill 'CONT', $fake->{pid} };
}

sub is_connecting_to ($port)
{
	return slurp_file('/proc/net/tcp') =~ sprintf ' 0100007F:%04X 02 ', $port;
}

my @stages = qw(connection answer handshake end);
my %fake   = map {
	$_ => FakeServer->new(
		backlog => 1,
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
	put_file("$folder/$stage") if $stage ne 'connection';
	$client->put(Query('select 1'));
	wait_until(sub { $fake{$stage}->received(qr/ asked/) }, 'the query');
	my $go_on = $stage eq 'connection' ? hold_connections($fake{$stage}) : sub { unlink "$folder/$stage" };
	my $from = $millpond->log_end;
	my $asks = Wire->connect($millpond)->put(CancelRequest(@$client{qw(pid secret)}));
	wait_until(sub { $stage eq 'connection' ? is_connecting_to($fake{$stage}->port) : $fake{$stage}->received(qr/ waits/) },
		"the request to wait for the $stage");
	stop($millpond->pid);
	$millpond->signal('CONT');
	$go_on->();
	ok($asks->closed, "$stage: the request is done");
	is(scalar(my @cancels = $fake{$stage}->received(qr/ cancel/)), 1, '... and has arrived');
	unlike($millpond->log_since($from), qr/cancel request failed/, '... without a fault');
}

done_testing;
