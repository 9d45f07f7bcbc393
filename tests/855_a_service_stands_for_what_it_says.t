# An entry with a service leads where the file of services says, by names and passwords as well, until a reload finds it changed.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server = Postgres->new('server');
$server->safe_psql('postgres', "create role me login password 'pencil'");
$server->safe_psql('postgres', "create database $_") for qw(one two);
open my $hba, '>', $server->data_dir . '/pg_hba.conf' or die $!;
print $hba "local all postgres trust\nhost all me all scram-sha-256\nhost two postgres all trust\n";
close $hba;
$server->reload;

my $folder = PostgreSQL::Test::Utils::tempdir();
sub services ($text)
{
	open my $file, '>', "$folder/pg_service.conf" or die $!;
	print $file $text;
	close $file;
	return;
}
my $where = "host=localhost\nport=" . $server->port;
services("[mine]\n$where\ndbname=one\nuser=me\npassword=pencil\nconnect_timeout=5\n");

my $millpond = Millpond->new('pool', env => { PGSYSCONFDIR => $folder, HOME => '/nonexistent' },
	databases => { shop => 'service=mine', other => 'service=mine dbname=two' });
my $mine = "select current_database() || ' ' || current_user";
sub answer ($database) { return Wire->login($millpond, database => $database)->value($mine) }

is(answer('shop'),  'one me', 'a service says which host, port, database, user and password');
is(answer('other'), 'two me', '... and the entry what is different');
my ($row) = grep { $_->{name} eq 'shop' } $millpond->console('SHOW DATABASES');
is("@$row{qw(host port database force_user)}", 'localhost ' . $server->port . ' one me', 'SHOW DATABASES tells of it');
like($millpond->log_since(0), qr{WARNING $folder/pg_service.conf:7: database "shop": "connect_timeout" cannot be set}, 'what has no use is told');

services("[mine]\n$where\ndbname=two\n");
$millpond->reconfigure;
is(answer('shop'), 'two postgres', 'a reload reads it again');

services("[yours]\n$where\n");
{
	local @ENV{qw(PGSYSCONFDIR HOME)} = ($folder, '/nonexistent');
	my ($status, $out, $error) = run_binary('--check', $millpond->ini);
	like($out . $error, qr/:\d+: database "shop": definition of service "mine" not found/, '--check misses a service');
}

# What psql takes is good enough.
my %files = (
	'words in another group'       => "[yours]\nsome words\n[mine]\n$where\ndbname=one\nuser=postgres\n",
	'words behind another header'  => "[yours] the old one\n[mine]\n$where\ndbname=one\nuser=postgres\n",
	'a key that is given twice'    => "[mine]\n$where\ndbname=one\ndbname=two\nuser=postgres\n",
);
$server->set_hba("local all all trust\nhost all all all trust\n");
for my $what (sort keys %files)
{
	services($files{$what});
	local @ENV{qw(PGSYSCONFDIR HOME)} = ($folder, '/nonexistent');
	chomp(my $said = qx(psql -XAtc 'select current_database()' service=mine 2>&1));
	is($said, 'one', "psql takes $what");
	$millpond->reconfigure;
	is(answer('shop'), 'one postgres', '... and so does Millpond');
}

done_testing;
