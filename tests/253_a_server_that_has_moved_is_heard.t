# The end of a server at rest is heard in the worker that it has moved to, even if nobody had to wait for its reply there.
use v5.36;
use FakeServer;
use File::Spec;
use Millpond;
use Test::More;
use Wire;

plan skip_all => 'sanitizers want to be the first library' if $ENV{SANITIZE};

my $fake     = FakeServer->new;
my $millpond = Millpond->new('pool',
	settings  => { workers => 2 },
	databases => { postgres => $fake->target . ' pool_size=1' },
	env       => {
		LD_PRELOAD => File::Spec->rel2abs("$ENV{OUT}/preload/hasty_replies.so"),
		HASTY_PORT => $fake->port
	});
my @clients = map { Wire->login($millpond) } 1 .. 2;
# It is sent at once; nobody waits for the reply to what is, by then, answered.
my $long = 'one' x 2000;
is($_->value($long), $long, 'a client of each worker uses it') for @clients;
my $moved = 0;
$moved += $_->{servers_moved_in} for $millpond->console('SHOW WORKERS');
cmp_ok($moved, '>=', 1, 'for which it moves');

$fake->stop;
ok(wait_until(sub { !$millpond->console('SHOW SERVERS') }, 'the end to be heard', 10), 'its end is heard');

done_testing;
