# Random bytes before and after the login end only their own connection; everybody else is served.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $seed = $ENV{SEED} // time;
srand $seed;
diag("SEED=$seed") if $ENV{STRESS};
note("SEED=$seed");
my $rounds   = $ENV{STRESS} ? 3000 : 150;
my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server);
my ($bystander, $holder) = map { Wire->login($millpond) } 1 .. 2;
$holder->query('begin; create temp table t as select 42 as a');

sub noise ($n) { return join '', map { chr int rand 256 } 1 .. $n }

# A plausible message with a few bytes changed.
sub damaged ()
{
	my $bytes = join '', (Startup(user => 'postgres', database => 'postgres'),
		Parse('', 'select 1'), Bind(), Execute(),
		Sync(), Query('select 2'), FunctionCall(1, 2), CopyData('x'),
			Close('S', 'x'))[ map { rand 9 } 1 .. 1 + rand 5 ];
	substr $bytes, rand length $bytes, 1, chr int rand 256 for 1 .. 1 + rand 4;
	return $bytes;
}

my %kinds = (
	'noise at the start'  => sub { Wire->connect($millpond)->put(noise(1 + rand 200)) },
	'noise after login'   => sub { Wire->login($millpond)->put(noise(1 + rand 2000)) },
	'damaged at the start' => sub { Wire->connect($millpond)->put(damaged()) },
	'damaged after login' => sub { Wire->login($millpond)->put(damaged()) },
	'noise in COPY'       => sub {
		my $start = Query('create temp table t (a int); copy t from stdin');
		return Wire->login($millpond)->put($start, noise(1 + rand 500));
	},
);
for my $kind (sort keys %kinds)
{
	my @connections;
	for (1 .. $rounds)
	{
		push @connections, $kinds{$kind}->();
		(shift @connections)->close if @connections > 20;
	}
	$_->close for @connections;
	is($bystander->value('select 1'), 1, "$kind: another client is served");
	is($holder->value('select a from t'), 42, "$kind: an open transaction is untouched");
}
wait_until(sub { 3 == $millpond->console('SHOW CLIENTS') }, 'all of them to be gone');
pass('no connection is left over');

done_testing;
