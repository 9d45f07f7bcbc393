# Once everybody has what it needs, a query costs the pooler no allocation: only an EXECUTE of SQL takes one,
# for what is remembered until its reply.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $library = File::Spec->rel2abs("$ENV{OUT}/preload/count_allocations.so");
plan skip_all => 'a sanitizer allocates in its own way' if $ENV{SANITIZE};

my $counter  = PostgreSQL::Test::Utils::tempdir() . '/allocations';
my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server,
	settings => { default_pool_size => 4, spread_clients => 0, stats_period => 3600 },
	env => { LD_PRELOAD => $library, ALLOCATIONS => $counter });

sub allocations ()
{
	open my $file, '<:raw', $counter or die "$counter: $!";
	read $file, my $bytes, 8;
	return unpack 'Q', $bytes;
}

my @clients = map { Wire->login($millpond) } 1 .. 4;
my %asks = (
	'simple query'    => [ Query('select 1') ],
	'unnamed'         => [ Parse('', 'select $1::int'), Bind('', '', 7), Describe('P'), Execute(), Sync() ],
	'Bind, Execute'   => [ Bind('', 'mine', 7), Execute(), Sync() ],
	'Describe'        => [ Describe('S', 'mine'), Bind('', 'mine', 7), Execute(), Sync() ],
	'transaction'     => [ Query('begin'), Query('select 1'), Query('commit') ],
	'prepared by SQL' => [ Query('execute by_sql(7)') ],
);

# All at once; there is a server for each, as whoever waits for one has its request kept.
sub ask_all ($messages, $times)
{
	for (1 .. $times)
	{
		$_->put(@$messages) for @clients;
		for my $client (@clients)
		{
			for (grep { /^[QS]/ } @$messages)
			{
				my $result = $client->result;
				die $result->{error}{M} if $result->{error};
			}
		}
	}
	return;
}

# All servers are there before it begins.
ask_all([ Query($_) ], 1) for 'begin', 'rollback';
ask_all([ Parse('mine', 'select $1::int'), Sync() ], 1);
ask_all([ Query('prepare by_sql(int) as select $1') ], 1);
cmp_ok(allocations(), '>', 100, 'allocations are counted');
for my $name (sort keys %asks)
{
	ask_all($asks{$name}, 30);
	my $before = allocations();
	ask_all($asks{$name}, 100);
	my $made = allocations() - $before;
	# A few, since the daemon has other things to do now and then.
	my $most = $name =~ /SQL/ ? 500 : 100;
	cmp_ok($made, '<', $most, "$name: $made for 400 of them");
}
done_testing;
