# What stands behind an extended message that fails is skipped up to the client's Sync, Querys as well.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server   = Postgres->new;
# With room for one statement, so that there is always one to be closed.
my $millpond = Millpond->new('pool', server => $server, databases => { postgres => 'pool_size=1' },
	settings => { max_prepared_statements => 1 });
my $admin = Wire->login($server);
$admin->query('create table t (n int)');

my %behind = (
	'two Querys'                  => [ Query('insert into t values (1)'), Query('insert into t values (2)') ],
	'a Query, then a Parse'       => [ Query('insert into t values (1)'), Parse('c', 'select 3'), Bind('', 'c'), Execute() ],
	'a Query, then a Parse that fails' => [ Query('insert into t values (1)'), Parse('a', 'select 3') ],
);
for my $what (sort keys %behind)
{
	for my $node ($server, $millpond)
	{
		my $how    = $node == $server ? 'direct' : 'pooled';
		my $client = Wire->login($node);
		is($client->put(Parse('a', "select '$what'"), Sync())->result->{types}, '1Z', "$what, $how");
		my @first = (Bind('', 'a'), Execute(), Parse('b', "select '$what', 2"));
		$client->put(@first, Bind('', 'nothing'), $behind{$what}->@*, Sync());
		is($client->result->{types}, '2DC1EZ', '... one error, then ReadyForQuery');
		is($admin->value('select count(*) from t'), 0, '... nothing was done behind it');
		for my $name (qw(a b c))
		{
			$client->put(Bind('', $name), Execute(), Sync());
			my $result = $client->result;
			is($result->{error}{C} // $result->{rows}[0][0], $name eq 'c' ? '26000' : $what, "... what $name is");
		}
		is($client->put(Parse('c', 'select 3'), Bind('', 'c'), Execute(), Sync())->result->{types}, '12DCZ', '... and it goes on');
		$client->close;
	}
}
done_testing;
