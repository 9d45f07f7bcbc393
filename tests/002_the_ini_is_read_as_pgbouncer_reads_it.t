# Blanks, comments, duplicates, quotes, included files, old names and very long lines mean what they mean there.
use v5.36;
use Millpond;
use Test::More;

my $server  = Postgres->new;
my $target  = $server->target;
my $include = new_file('more.ini', "included = $target dbname=postgres\n");
my $long    = 'x' x 10_000;

my $millpond = Millpond->new('pool', server => $server, stopped => 1);
my ($port, $dir) = ($millpond->port, $millpond->host);
put_file($millpond->ini, <<"END");
; a comment
# another one
  [databases]
   plain=$target dbname=postgres
spaced   =   $target    dbname = postgres
quoted = $target dbname='postgres' connect_query='set search_path to ''a;b''; set work_mem=''1MB''' application_name='it''s'
commented = $target dbname=postgres application_name=a;b#c
old_name = $target dbname=postgres pool_size=7 reserve_pool=3
twice = host=127.0.0.1 port=1
long = $target dbname=postgres connect_query='select ''$long'''
'with blank' = $target dbname=postgres
%include $include

[pgbouncer]
listen_addr=127.0.0.1
listen_port = 1
listen_port = $port
unix_socket_dir = $dir
auth_type = trust
admin_users = postgres, other
stats_users =
server_lifetime = 3600.5
unix_socket_mode = 0700
pool_mode = transaction

[databases]
twice = $target dbname=postgres
[users]
app = pool_mode = session   pool_size=2
END
my ($status, $out, $error) = run_binary('--check', $millpond->ini);
is($status, 0, 'the file is good') or diag($out . $error);
$millpond->start;

for my $name (qw(plain spaced quoted commented old_name twice long included), 'with blank')
{
	my $client = eval { Wire->login($millpond, database => $name) };
	is($client && $client->value('select current_database()'), 'postgres', "database '$name'")
		or diag($@);
}
my $client = Wire->login($millpond, database => 'quoted');
is($client->value('show search_path'), '"a;b"', 'a doubled quote and a semicolon inside quotes');
is($client->value('show application_name'), "it's", '... also in a libpq keyword');
is(Wire->login($millpond, database => 'commented')->value('show application_name'),
	'a;b#c', 'comment characters inside a value are data');

my %config = map { $_->{key} => $_->{value} } $millpond->console('SHOW CONFIG');
is($config{unix_socket_mode}, '0700', 'a mode in octal');
is($config{stats_users}, '', 'an empty value');
is($config{listen_port}, $port, 'a later duplicate wins');

my $circle = new_file('circle.ini');
put_file($circle, "%include $circle\n");
($status, $out, $error) = run_binary('--check', $circle);
is($status, 1, 'a file that includes itself is refused');
like($out . $error, qr/include/, 'with a reason');
($status, $out, $error) = run_binary('--check', ini_file("%include /nowhere/x.ini\n"));
like($out . $error, qr{test\.ini:1: .*/nowhere/x\.ini},
	'an included file that is not there is named with its line');

done_testing;
