# A cancel request goes to a server as its connection does: in the clear, or through TLS, to the same server.
use v5.36;
use Certificates;
use EmbeddedPostgres;
use FakeServer;
use File::Basename qw(dirname);
use Millpond;
use Test::More;
use Wire;

my $authority = Certificates->new;
$authority->issue(server => '/CN=localhost', names => 'DNS:localhost');
$authority->issue(other  => '/CN=elsewhere', names => 'DNS:elsewhere');
my $stranger = Certificates->new('Another authority');
$stranger->issue(server => '/CN=localhost', names => 'DNS:localhost');
my $ca = 'sslrootcert=' . $authority->file('ca.crt');

# sslmode, the certificate that is shown when a cancel request is to come, and what becomes of that
my %cases = (
	clear    => [ 'sslmode=disable',         undef,                     'in the clear' ],
	none     => [ 'sslmode=prefer',          undef,                     'in the clear' ],
	prefer   => [ 'sslmode=prefer',          [ $stranger, 'server' ],   'through TLS' ],
	require  => [ 'sslmode=require',         [ $stranger, 'server' ],   'through TLS' ],
	ca       => [ "sslmode=verify-ca $ca",   [ $authority, 'other' ],   'through TLS' ],
	full     => [ "sslmode=verify-full $ca", [ $authority, 'server' ],  'through TLS' ],
	stranger => [ "sslmode=verify-ca $ca",   [ $stranger, 'server' ],   'not at all', qr/certificate verify failed/ ],
	other    => [ "sslmode=verify-full $ca", [ $authority, 'other' ],   'not at all', qr/does not match host name/ ],
	refused  => [ 'sslmode=require',         'N',                       'not at all', qr/no TLS/ ],
);
sub server_of ($case)
{
	my (undef, $shown) = $cases{$case}->@*;
	return FakeServer->new(
		ssl => sub ($c) {
			return 0 if !$shown || ($c->{number} > 1 && !ref $shown);
			$c->log('ssl', '');
			return $c->shake_hands($c->{number} == 1 ? ($authority, 'server') : @$shown);
		},
		query => sub ($c, $query) {
			$c->log('asked', '');
			$c->rest(600);
			return 1;
		});
}

my (%fake, %database);
for my $case (keys %cases)
{
	$fake{$case} = server_of($case);
	# A password, so that no libpq is needed.
	$database{$case} = "host=localhost port=$fake{$case}{port} user=me password=pencil pool_size=1 $cases{$case}[0]";
}
my $millpond = Millpond->new('pool', databases => \%database, settings => { server_reset_query => '' });

for my $case (sort keys %cases)
{
	my (undef, undef, $outcome, $reason) = $cases{$case}->@*;
	my $client = Wire->login($millpond, database => $case);
	my $from   = $millpond->log_end;
	$client->put(Query('select 1'));
	wait_until(sub { $fake{$case}->received(qr/ asked/) }, 'the query to be there');
	$client->cancel;
	wait_until(sub { $fake{$case}->received(qr/ cancel/) || $millpond->log_contains(qr/cancel request failed/, $from) },
		"what becomes of the request ($case)");
	my ($number) = map { /^(\d+)/ } $fake{$case}->received(qr/ cancel/);
	is(!$number ? 'not at all' : $fake{$case}->received(qr/^$number ssl/) ? 'through TLS' : 'in the clear', $outcome, $case);
	like($millpond->log_since($from), $reason, '... and the log says why') if $reason;
	$client->close;
}

# Of connections that libpq has made, it depends on which one that is.
my $program = PostgreSQL::Test::Utils::tempdir() . '/libpq_cancel';
my $root    = dirname(__FILE__) . '/..';
my $flags   = `pkg-config --cflags --libs libpq`;
chomp $flags;
is(system("gcc -o $program -I$root $root/tests/programs/libpq_cancel.c $root/pool/libpq_cancel.c $flags"), 0,
	'the program is compiled');
for my $major (15, 18)
{
	# The machine's own may be any.
	local $ENV{LD_LIBRARY_PATH} = $major == 18 && embedded_postgres(18) ? embedded_libpq(18) : '';
	for my $case (qw(clear full))
	{
		# One to which nobody else sends any.
		my $fake    = server_of($case);
		my $version = qx($program 'host=localhost port=$fake->{port} user=me $cases{$case}[0]');
		like($version, qr/^\d+$/, "libpq $version: a request is sent");
		wait_until(sub { $fake->received(qr/ cancel/) }, 'the request');
		my ($number) = map { /^(\d+)/ } $fake->received(qr/ cancel/);
		is($fake->received(qr/^$number ssl/) ? 'through TLS' : 'in the clear',
			$version < 170000 ? 'in the clear' : $cases{$case}[2], "... $case");
	}
}

done_testing;
