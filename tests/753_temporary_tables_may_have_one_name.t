# Statements about temporary tables, of one name and with other columns, do for each client what they do on a direct
# connection.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, databases => { postgres => 'pool_size=1' });
my %made     = (one => 'create temp table own(a int) on commit drop', two => 'create temp table own(a int, b text) on commit drop');
my %columns  = (one => 1, two => 2);

# Those that ask for the columns each time, and those that go by what they were told.
for my $asks (1, 0)
{
	my %client = map { $_ => Wire->login($millpond) } sort keys %made;
	for my $round (1 .. 3)
	{
		for my $who (sort keys %client)
		{
			my $client = $client{$who};
			my @parse  = $round == 1 ? Parse('s', 'select * from own') : ();
			$client->query('begin');
			$client->query($made{$who});
			$client->query(q(insert into own values (4)));
			for my $use (1, 2)
			{
				my @describe = $asks || $round + $use == 2 ? Describe('P') : ();
				my $got = $client->put(@parse, Bind('', 's'), @describe, Execute(), Sync())->result;
				is(scalar(($got->{rows}[0] // [])->@*), $columns{$who}, "$who, who " . ($asks ? 'asks' : 'remembers') . ", in round $round")
					or diag explain $got->{error};
				@parse = ();
			}
			$client->query('commit');
		}
	}
}
done_testing;
