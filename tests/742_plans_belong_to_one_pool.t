# One text in several pools, of other databases or users, is prepared in each of them.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server = Postgres->new;
$server->safe_psql('postgres', 'create role one login; create role two login; create database other');
my $millpond = Millpond->new('pool', server => $server, databases => { postgres => 'pool_size=1', other => 'pool_size=1' });

my @pools   = map { my $user = $_; map { [ $_, $user ] } qw(postgres other) } qw(one two);
my @clients = map { Wire->login($millpond, database => $_->[0], user => $_->[1]) } @pools;
for my $round (1 .. 2)
{
	for my $i (0 .. $#pools)
	{
		$clients[$i]->put($round == 1 ? Parse('mine', 'select current_database(), current_user') : (),
			Bind('', 'mine'), Execute(), Sync());
		is_deeply($clients[$i]->result->{rows}, [ $pools[$i] ], "round $round: @{ $pools[$i] } is who it is");
	}
}
for my $client (@clients)
{
	is($client->value(q(select count(*) from pg_prepared_statements where name like 'MILLPOND%')), 1,
		'each server has a plan of its own');
}
my @known = grep { join(' ', map { $_ // '' } values %$_) =~ /current_user/ } $millpond->console('SHOW PREPARED_STATEMENTS');
is(scalar @known, 1, 'the text is known once');

done_testing;
