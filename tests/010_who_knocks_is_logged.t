# Each attempt to log in is a line before anybody knows how it ends, in PgBouncer's words; a mere look is none.
use v5.36;
use FakeServer;
use Millpond;
use Test::More;
use Wire;

my $server = FakeServer->new;
my $silent = FakeServer->new(login => sub ($c, $startup) { $c->rest; $c->leave });
my $millpond = Millpond->new('pool', files => { 'users.txt' => join '', map { qq("$_" "pencil"\n) } qw(admin alice) },
	databases => { postgres => $server->target, slow => $silent->target . ' query_wait_timeout=0.2' },
	settings  => { auth_type => 'md5', auth_file => 'users.txt', admin_users => 'admin' });

sub attempt ($password, %names) { return Wire->connect($millpond)->authenticate($password, %names)->{error}{M} // 'welcome' }

# The answer to each, and what the log says in between.
my @table = (
	# database    user      password  answer                            in between
	['postgres',  'alice',  'pencil', 'welcome'],
	['postgres',  'alice',  'wrong',  'password authentication failed', 'wrong password'],
	['postgres',  'nobody', 'pencil', 'password authentication failed', 'no such user'],
	['nowhere',   'alice',  'wrong',  'password authentication failed', 'wrong password'],
	['nowhere',   'alice',  'pencil', 'no such database: nowhere',      'login failed: db=nowhere user=alice'],
	['slow',      'alice',  'pencil', 'query_wait_timeout'],
	['pgbouncer', 'admin',  'pencil', 'welcome'],
	['pgbouncer', 'admin',  'wrong',  'password authentication failed', 'wrong password'],
	['pgbouncer', 'alice',  'pencil', 'not allowed'],
);
for (@table)
{
	my ($database, $user, $password, $answer, @between) = @$_;
	my $from = $millpond->log_end;
	is(attempt($password, database => $database, user => $user), $answer, "$user with '$password' to $database");
	my @lines = grep { !/client unexpected eof/ } $millpond->log_since($from) =~ /LOG C-\w+: \S+ (.*?)(?: \(age=\d+s\))?$/mg;
	my @end   = $answer eq 'welcome' ? () : "closing because: $answer";
	is_deeply(\@lines, ["login attempt: db=$database user=$user tls=no", @between, @end], '... is logged');
}

$millpond->write_config(settings => { log_connections => 0 });
$millpond->reload_by_signal;
my $from = $millpond->log_end;
attempt('pencil', database => 'nowhere', user => 'alice');
unlike($millpond->log_since($from), qr/login (?:attempt|failed)/, 'unless log_connections is off');

# Whoever only looks whether somebody is there: monitors do that all the time.
sub answered ()
{
	my $client = Wire->connect($millpond)->put(pack 'NN', 8, 80877103);
	is($client->get_bytes(1), 'N', 'no TLS here');
	return $client;
}
my %look = (
	'over TCP'                => sub { Wire->connect($millpond)->close },
	'over the Unix socket'    => sub { Wire->connect($millpond, unix => 1)->close },
	'with a question for TLS' => sub { answered->close },
	'that ends in a reset'    => sub { answered->reset },
);
$millpond->write_config(settings => { verbose => 1 });
$millpond->reload_by_signal;
for my $way (sort keys %look)
{
	$from = $millpond->log_end;
	$look{$way}->();
	$millpond->wait_for_log(qr{DEBUG C-\w+: \(nodb\)/\(nouser\)\@\S+ closing because: client said nothing \(age=\d+s\)}, $from);
	unlike($millpond->log_since($from), qr/LOG C-/, "a look $way is worth no line");
}
$from = $millpond->log_end;
Wire->connect($millpond)->put("\0")->close;
$millpond->wait_for_log(qr{LOG C-\w+: \S+ closing because: client unexpected eof \(age=\d+s\)}, $from);
pass('the first byte of a packet is');

done_testing;
