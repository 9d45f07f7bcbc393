# Each table of the console has exactly the columns of tests/data/columns.tsv, in their order and with their types.
use v5.36;
use Millpond;
use PostgreSQL::Test::Utils qw(slurp_file);
use Test::More;

my %oid = (T => 25, I4 => 23, I8 => 20, N => 1700, B => 17);
my $millpond = Millpond->new('pool', server => Postgres->new);
Wire->login($millpond)->value('select 1');
my $console = Wire->login($millpond, unix => 1, database => 'pgbouncer', user => 'pgbouncer');
my @lists   = qw(databases users peers pools peer_pools free_clients used_clients login_clients
	free_servers used_servers dns_names dns_zones dns_queries dns_pending);
my @totals  = qw(server_assignment_count xact_count query_count client_bytes server_bytes xact_time
	query_time wait_time ps_client_parse_count ps_server_parse_count ps_bind_count client_login_count);

for my $line (grep { !/^#/ } split /\n/, slurp_file('tests/data/columns.tsv'))
{
	my ($name, $columns) = split /\t/, $line;
	my @columns = map { [ split / / ] } split /, /, $columns;
	my $result  = $console->query("SHOW $name");
	is_deeply($result->{columns}, [ map { $_->[0] } @columns ], "SHOW $name: columns");
	is_deeply($result->{oids}, [ map { $oid{ $_->[1] } } @columns ], "SHOW $name: types");
	is_deeply($console->query("select \L$name")->{columns}, $result->{columns}, "... by SELECT, and in any case");
	my @first = map { $_->[0] } $result->{rows}->@*;
	is_deeply(\@first, \@lists, '... and its rows')                                       if $name eq 'LISTS';
	is_deeply(\@first, [qw(active paused suspended)], '... and its rows')                 if $name eq 'STATE';
	is_deeply([ sort @first ], [ sort map { ("total_$_", "avg_$_") } @totals ], '... and its rows')
		if $name eq 'TOTALS';
}

done_testing;
