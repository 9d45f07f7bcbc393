# With auth_type plain a wrong password costs as much work whatever its user's secret is, and whether there is such a user, once one has a SCRAM secret.
use v5.36;
use Digest::MD5 qw(md5_hex);
use FakeServer;
use File::Spec;
use Millpond;
use PostgreSQL::Test::Utils qw(slurp_file);
use Scram;
use Test::More;
use Wire;

plan skip_all => 'sanitizers want to be the first library' if $ENV{SANITIZE};

my $iterations = 20_000;
my $slow       = Scram::secret('pencil', 'saltsaltsaltsalt', $iterations);
my %plain      = (plain => 'pencil', hash => 'md5' . md5_hex('pencilhash'), none => '');
my %scram      = map { $_ => $slow } qw(scram other);
my $fake = FakeServer->new(FakeServer::tells_secrets(sub ($user) { $plain{$user} // $scram{$user} }));

sub lines (%secrets) { return join '', map { qq("$_" "$secrets{$_}"\n) } sort keys %secrets }

my $counter = PostgreSQL::Test::Utils::tempdir() . '/iterations';

sub millpond ($name, $lines, %more)
{
	return Millpond->new($name, files => { 'users.txt' => $lines }, databases => { postgres => $fake->target },
		env      => { LD_PRELOAD => File::Spec->rel2abs("$ENV{OUT}/preload/count_iterations.so"), ITERATIONS => $counter },
		settings => { auth_type => 'plain', auth_file => 'users.txt', %more });
}

sub iterations () { return unpack 'Q', slurp_file($counter) }

# The iterations for which keys are derived when somebody comes.
sub work ($millpond, $user, $password)
{
	my $before = iterations();
	my $answer = Wire->connect($millpond)->authenticate($password, user => $user);
	is($answer->{error}{M} // 'welcome', $password eq 'pencil' ? 'welcome' : 'password authentication failed', "$user, $password");
	return iterations() - $before;
}

my %query = (auth_user => 'lookup', auth_query => 'select whois($1)', scram_iterations => $iterations);
my @cases = (
	[ 'all_scram', [qw(scram stranger)], lines(%scram) ],
	[ 'few_scram', [qw(scram stranger), sort keys %plain], lines(%plain, scram => $slow, map { ("one_$_" => 'pencil') } 1 .. 5) ],
	[ 'by_query', [qw(scram stranger), sort keys %plain], lines(lookup => 'x'), %query ],
);
for my $case (@cases)
{
	my ($name, $users, $lines, %more) = @$case;
	my $millpond = millpond($name, $lines, %more);
	for my $user (@$users)
	{
		is(work($millpond, scram => 'pencil'), $iterations, "$name: the right password of a SCRAM secret takes its iterations");
		is(work($millpond, $user => 'wrong'), $iterations, "... as does a wrong one: $user");
	}
	next if !grep { $_ eq 'plain' } @$users;
	is(work($millpond, $_ => 'pencil'), 0, "$name, $_: a right one needs no work") for qw(plain hash);
}

# Where nobody has one, nothing is derived.
my $millpond = millpond('no_scram', lines(%plain));
is(work($millpond, $_ => 'wrong'), 0, "no SCRAM, $_: neither does a wrong one") for 'stranger', sort keys %plain;

# More than is computed for a user is computed for nobody.
my $endless = 'SCRAM-SHA-256$%u:c2FsdHNhbHRzYWx0c2FsdA==$' . 'A' x 43 . '=:' . 'A' x 43 . '=';
$millpond = millpond('endless', lines(endless => sprintf $endless, 2_000_001));
is(work($millpond, $_ => 'wrong'), 2_000_000, "too many iterations, $_") for qw(stranger endless);

done_testing;
