# scram_iterations is what clients are asked for whose secret is plain text or unknown; a secret that has its own number keeps it, and a reload changes it.
use v5.36;
use FakeServer;
use Millpond;
use Scram;
use Test::More;
use Wire;

my $secret   = Scram::secret('pencil');
my ($own)    = $secret =~ /^SCRAM-SHA-256\$(\d+):/;
my $fake     = FakeServer->new;
my $millpond = Millpond->new('pool', databases => { postgres => $fake->target },
	files    => { 'users.txt' => qq("plain" "pencil"\n"own" "$secret"\n"later" "pencil"\n) },
	settings => { auth_type => 'scram-sha-256', auth_file => 'users.txt', scram_iterations => 5000 });

# The number that a user is asked for, and whether the right password opens the door.
sub asked ($user)
{
	my $client = Wire->connect($millpond);
	my $in     = $client->authenticate('pencil', user => $user)->{status} ? 'in' : 'out';
	my ($iterations) = $client->{challenges}[1] =~ /,i=(\d+)$/;
	return "$iterations $in";
}
is(asked('plain'), '5000 in', 'a secret in plain text');
is(asked('nobody'), '5000 out', 'an unknown user is asked for as many');
is(asked('own'), "$own in", 'a secret with a number of its own');
$millpond->write_config(settings => { scram_iterations => 1 });
$millpond->reload_by_signal;
is(asked('plain'), '1 in', 'fewer after a reload');
is(asked('later'), '1 in', '... also of one who comes for the first time');
is(asked('nobody'), '1 out', '... and nobody');
$millpond->write_config(settings => { scram_iterations => undef });
$millpond->reload_by_signal;
is(asked('plain'), '4096 in', 'the default');
is(asked('own'), "$own in", 'the other still has its own');

done_testing;
