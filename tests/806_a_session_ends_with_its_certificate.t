# A TLS session is resumed until two hours after its handshake, and no longer than the certificate is valid that it began with.
use v5.36;
use Certificates;
use Fcntl;
use File::Spec;
use IPC::Run;
use Millpond;
use Test::More;
use Wire;

plan skip_all => 'sanitizers want to be the first library' if $ENV{SANITIZE};

my $authority = Certificates->new;
$authority->issue(server => '/CN=localhost', names => 'DNS:localhost');
$authority->issue(short => '/CN=postgres', ends => time + 3600);
$authority->issue(long  => '/CN=postgres');
my $clock = $authority->file('clock');

# Moves the time of the daemon.
sub be_later ($hours)
{
	sysopen my $file, $clock, O_RDWR | O_CREAT or die "$clock: $!";
	syswrite $file, pack 'q', $hours * 3600;
	close $file;
	return;
}
be_later(0);
chmod 0666, $clock;
my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server,
	env => { LD_PRELOAD => File::Spec->rel2abs("$ENV{OUT}/preload/later.so"), LATER => $clock },
	settings => { auth_type => 'cert', client_tls_sslmode => 'verify-full', $authority->client_tls(ca => 1) });

# Takes up the session of that number, if one is named, and keeps what follows from it as the next.
sub outcome ($version, $name, $number = undef)
{
	my ($in, $out, $error) = (Startup(user => 'postgres', database => 'postgres'), '', '');
	my $file = $authority->file("$name$version.");
	my @from = defined $number ? (-sess_in => $file . $number) : ();
	my $run = IPC::Run::start([ qw(openssl s_client -starttls postgres), $version,
			-connect => '127.0.0.1:' . $millpond->port, -cert => $authority->file("$name.crt"),
			-key => $authority->file("$name.key"), @from, -sess_out => $file . (defined $number ? $number + 1 : 0) ],
		'<', \$in, '>', \$out, '2>', \$error, IPC::Run::timeout($Wire::patience));
	# Where it is refused, that may be told by an alert or by the end.
	eval { $run->pump until $out =~ /Z\0\0\0\x05I|authentication failed/ || $error =~ /alert/ };
	$run->kill_kill;
	return join ' ', $out =~ /^(New|Reused), TLS/m, $out =~ /Z\0\0\0\x05I/ ? 'in' : 'out';
}

# TLS 1.3 brings a new ticket with each resumption, 1.2 none.
for my $version (qw(-tls1_2 -tls1_3))
{
	my $next = $version eq '-tls1_3' ? 1 : 0;
	be_later(0);
	is(outcome($version, $_), 'New in', "$version: a $_ life") for qw(short long);
	be_later(0.9);
	is(outcome($version, $_, 0), 'Reused in', '... goes on') for qw(short long);
	be_later(1.1);
	like(outcome($version, 'short'), qr/out$/, '... and then the short one is over');
	like(outcome($version, 'short', $next), qr/out$/, '... for its session, too');
	is(outcome($version, 'long', $next), 'Reused in', '... but not for the long one');
	be_later(2.1);
	is(outcome($version, 'long', 2 * $next), 'New in', '... which is looked at again after two hours');
}

done_testing;
