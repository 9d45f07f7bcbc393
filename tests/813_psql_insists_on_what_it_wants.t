# psql with each sslmode and channel_binding, and with TLS from the first byte where its libpq has that.
use v5.36;
use EmbeddedPostgres;
use Guarded;
use IPC::Run;
use Test::More;

my $guarded = Guarded->new;
my %environment = $guarded->environment;
my $newest = embedded_postgres(18) ? embedded_libpq(18) : undef;

# The outcome of a login: in, or the end of what psql complains about.
sub outcome ($conninfo, $library = undef)
{
	my ($out, $error) = ('', '');
	local @ENV{ keys %environment } = values %environment;
	local $ENV{PGSSLROOTCERT} = $environment{CA};
	local $ENV{LD_LIBRARY_PATH} = $library if $library;
	IPC::Run::run([ 'psql', '-XAt', '-c', 'select current_user', $conninfo ], '<', \undef, '>', \$out, '2>', \$error,
		IPC::Run::timeout(60));
	return $out eq "me\n" ? 'in' : $error;
}

my $no_tls   = qr/SSL required/;
my $stranger = qr/certificate verify failed/;
# sslmode         channel_binding: disable   prefer       require
my @matrix = (
	[ 'disable'     => $no_tls,              $no_tls,     $no_tls ],
	[ 'allow'       => 'in',                 'in',        'in' ],
	[ 'prefer'      => 'in',                 'in',        'in' ],
	[ 'require'     => 'in',                 'in',        'in' ],
	[ 'verify-ca'   => 'in',                 'in',        'in' ],
	[ 'verify-full' => 'in',                 'in',        'in' ],
);
for my $row (@matrix)
{
	my ($mode, @expected) = @$row;
	for my $binding (qw(disable prefer require))
	{
		my $expected = shift @expected;
		my $seen     = outcome("sslmode=$mode channel_binding=$binding");
		ref $expected ? like($seen, $expected, "$mode, $binding") : is($seen, $expected, "$mode, $binding");
	}
}
like(outcome("sslmode=verify-full sslrootcert=$environment{WRONG_CA}"), $stranger, 'a stranger is refused');

SKIP:
{
	skip 'no libpq with sslnegotiation here', 4 unless $newest;
	is(outcome("sslmode=$_ sslnegotiation=direct channel_binding=require", $newest), 'in', "direct, $_")
		for qw(require verify-ca verify-full);
	like(outcome("sslmode=verify-full sslnegotiation=direct sslrootcert=$environment{WRONG_CA}", $newest), $stranger,
		'direct, a stranger');
}

done_testing;
