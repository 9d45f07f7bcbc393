# require_auth of a database entry: a server that asks for something else, or for nothing, learns nothing, whatever is known.
use v5.36;
use Digest::MD5 qw(md5_hex);
use FakeServer;
use Millpond;
use PostgreSQL::Test::Utils qw(slurp_file);
use Scram;
use Test::More;
use Wire;

# What servers do, by the name of their database up to the first dot.
my %asks = (
	nothing => sub ($c) { $c->log_in },
	clear   => sub ($c) { $c->put(AuthRequest(3)) },
	md5     => sub ($c) { $c->put(AuthRequest(5, 'salt')) },
	scram   => sub ($c) {
		my ($scram, $challenge) = Scram->challenge(Scram::secret('pencil'), $c->begin_scram);
		$c->put(AuthRequest(11, $challenge =~ s/i=\d+/'i=' . ($c->{count} \/\/ 4096)/er));
		my $answer = $c->get or return;
		my $final = $scram->accept($answer->[1]) or return;
		$c->put(AuthRequest(12, $final));
		$c->log_in;
	},
	endless => sub ($c) { $c->{count} = 2147483647; $asks::scram->($c) },
);
$asks::scram = $asks{scram};
my $fake = FakeServer->new(login => sub ($c, $startup) {
	$asks{ $startup->{database} =~ s/\..*//r }->($c);
	while (my $message = $c->get) { $c->log('answer', $startup->{database} . ' ' . $message->[1]) if $message->[0] eq 'p'; last if $message->[0] eq 'X' }
	$c->leave;
});

my $no    = qr/method requirement/;
my @cases = (
	# the server asks, require_auth, and what comes of it with a plain, an md5 and a SCRAM secret
	[ 'nothing', 'scram-sha-256',     $no,  $no,  $no ],
	[ 'clear',   'scram-sha-256',     $no,  $no,  $no ],
	[ 'md5',     'scram-sha-256',     $no,  $no,  $no ],
	[ 'md5',     '!md5,!password',    $no,  $no,  $no ],
	[ 'clear',   '!password',         $no,  $no,  $no ],
	[ 'scram',   'md5',               $no,  $no,  $no ],
	[ 'nothing', 'none',              'in', 'in', 'in' ],
	[ 'nothing', '!password',         'in', 'in', 'in' ],
	[ 'scram',   'scram-sha-256',     'in', qr/wrong password type/, 'in' ],
	[ 'scram',   'md5,scram-sha-256', 'in', qr/wrong password type/, 'in' ],
	[ 'endless', 'scram-sha-256',     qr/malformed SCRAM message|SCRAM/, qr/wrong password type/, qr/wrong password type/ ],
);
my %databases = map { my ($case, $n) = ($cases[$_], $_); ("$case->[0].$n" => $fake->target . " require_auth='$case->[1]'") } 0 .. $#cases;
# A sanitizer has to be the first library.
my $users_file = PostgreSQL::Test::Utils::tempdir() . '/users';
my %env = $ENV{SANITIZE} ? () :
	(LD_PRELOAD => File::Spec->rel2abs("$ENV{OUT}/preload/count_users.so"), USERS => $users_file);
my $millpond = Millpond->new('pool', databases => \%databases, env => \%env,
	files    => { 'users.txt' => qq("plain" "pencil"\n"md5" "md5) . md5_hex('pencilmd5')
		. qq("\n"scram" ") . Scram::secret('pencil') . qq("\n) },
	settings => { auth_type => 'plain', auth_file => 'users.txt', server_login_retry => 60, query_wait_timeout => 20 });

my @waiting;
for my $number (0 .. $#cases)
{
	my ($asks, $required, @outcomes) = $cases[$number]->@*;
	for my $user (qw(plain md5 scram))
	{
		my $outcome = shift @outcomes;
		my $client  = Wire->connect($millpond)->startup(user => $user, database => "$asks.$number");
		$client->get;
		$client->put(Message('p', "pencil\0"));
		push @waiting, [ "$user secret, $asks asked for, require_auth=$required", $client, $outcome ];
	}
}
for (@waiting)
{
	my ($name, $client, $outcome) = @$_;
	my $answer = $client->result->{error}{M} // 'in';
	ref $outcome ? like($answer, $outcome, $name) : is($answer, $outcome, $name);
}
SKIP: {
	skip 'nobody counts', 1 if !%env;
	is(unpack('Q', slurp_file($users_file)), 0, "no login has waited for the system's list of users");
}
is_deeply([ $fake->received(qr/answer/) ], [], 'no answer but those of SCRAM was given');
unlike(join("\n", $fake->received), qr/pencil|md5[0-9a-f]{32}/, 'no password, and no hash of it');

# A real server, with a password that is known as it is.
my $server = Postgres->new;
$server->safe_psql('postgres', q(create role plain login password 'pencil'));
$server->set_hba("local all plain scram-sha-256\nlocal all postgres trust\n");
$millpond->write_config(databases => { real => $server->target . ' dbname=postgres require_auth=scram-sha-256' });
$millpond->reload_by_signal;
my $client = Wire->connect($millpond);
is($client->authenticate('pencil', user => 'plain', database => 'real')->{error}{M} // 'in', 'in', 'a real server');
is($client->value('select current_user'), 'plain', '... as that user');

done_testing;
