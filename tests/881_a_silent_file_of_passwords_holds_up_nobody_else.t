# A file of passwords may lie on another machine; where that does not answer, only those wait whose server it is for, and not for ever.
use v5.36;
use FakeServer;
use File::Spec;
use Millpond;
use Test::More;
use Wire;

plan skip_all => 'sanitizers want to be the first library' if $ENV{SANITIZE};

my $silent = new_file('silent', "*:*:*:*:said never\n");
my $spoken = new_file('spoken', "*:*:*:*:said at once\n");
chmod 0600, $silent, $spoken;

my $server = FakeServer->new(login => sub ($c, $startup) { return $startup->{database} eq 'none' ? 0 : $c->note_password($startup) });
my $millpond = Millpond->new('pool',
	env => { LD_PRELOAD => File::Spec->rel2abs("$ENV{OUT}/preload/silent_file.so"), SILENT_FILE => $silent },
	settings  => { workers => 1, server_connect_timeout => 3, server_login_retry => 60, query_wait_timeout => 12 },
	databases => {
		none   => $server->target,
		silent => "host=127.0.0.2 port=1 passfile=$silent",
		spoken => $server->target . " passfile=$spoken"
	});

my $bystander = Wire->login($millpond, database => 'none');
my $client    = Wire->connect($millpond)->startup(database => 'silent');
wait_until(sub { $millpond->pool('silent') && $millpond->pool('silent')->{sv_login} }, 'the login to begin');
is($bystander->value('1'), '1', 'who is in is served');
is(Wire->connect($millpond)->startup(database => 'spoken', user => 'me')->result->{status}, 'I', 'another file is read');
ok($server->received(qr/ password me said at once/), '... which opens its server');
$millpond->wait_for_log(qr{S-\w+: silent/\S* closing because: connect timeout}, 'the login to be given up');
ok($client->result->{error}, 'who waits for the silent one is told');
is($bystander->value('2'), '2', 'and all others go on');

done_testing;
