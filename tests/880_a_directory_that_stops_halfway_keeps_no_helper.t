# A directory that stops in the middle of an answer or of a handshake is given up with its client, and those behind it are asked about.
use v5.36;
use FakeServer;
use IO::Socket::INET;
use Millpond;
use POSIX ();
use Test::More;
use Wire;

# What stands in a message (RFC 4511): its number, an operation, and the result, which is success.
sub answer ($operation) { return pack 'C/a*', "\x02\x01\x01" . chr($operation) . pack 'C/a*', "\x0a\x01\0\x04\0\x04\0" }
my %says = (
	good  => "\x30" . answer(0x61),
	half  => substr("\x30" . answer(0x61), 0, 6),
	after => "\x30" . answer(0x78),    # StartTLS may begin
	# The beginning of a record of a handshake.
	begun => "\x16\x03\x03\0\x7a\x02",
);
my (%port, @directories);
for my $name (sort keys %says)
{
	my $listener = IO::Socket::INET->new(Listen => 100, LocalAddr => '127.0.0.1') or die $!;
	$port{$name} = $listener->sockport;
	my $pid = fork // die "fork: $!";
	push @directories, $pid and next if $pid;
	my @kept;
	while (my $connection = $listener->accept)
	{
		sysread $connection, my $request, 65536;
		syswrite $connection, $says{$name};
		push @kept, $connection;
	}
	POSIX::_exit(0);
}
END { my $status = $?; kill 'KILL', @directories; waitpid $_, 0 for @directories; $? = $status }

my $rest = 'ldapprefix="uid=" ldapsuffix=",dc=x"';
my %more = (good => '', half => '', after => 'ldaptls=1', begun => 'ldapscheme=ldaps');
my $hba  = join '', "host pgbouncer all all trust\n",
	map { "host $_ all all ldap ldapserver=127.0.0.1 ldapport=$port{$_} $rest $more{$_}\n" } sort keys %says;
my $fake     = FakeServer->new;
my $millpond = Millpond->new('pool', databases => { map { $_ => $fake->target } keys %says },
	settings => { auth_type => 'hba', auth_hba_file => new_file('hba', $hba), client_login_timeout => 3 },
	# At the end a helper may be at work.
	env => { TSAN_OPTIONS => join ':', grep { $_ } $ENV{TSAN_OPTIONS}, 'report_thread_leaks=0' });

sub login ($database) { return Wire->connect($millpond)->authenticate('pencil', user => 'ann', database => $database) }

is(login('good')->{status}, 'I', 'a directory that answers');
for my $name (qw(half after begun))
{
	# There are four helpers.
	my @stuck = map { Wire->connect($millpond)->prove('pencil', user => 'ann', database => $name) } 1 .. 4;
	like($_->result->{error}{M}, qr/^(?:client_login_timeout|LDAP authentication failed)$/, "$name: nobody comes in") for @stuck;
	ok(wait_until(sub { (login('good')->{status} // '') eq 'I' }, "helpers after $name"), '... and then others do');
}

done_testing;
