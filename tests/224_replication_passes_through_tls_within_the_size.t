# Replication clients come in over TLS with what auth_query says of them; they count within pool_size, and a server at rest makes room for them.
use v5.36;
use Certificates;
use Millpond;
use PostgreSQL::Test::Utils qw(run_command run_log);
use Test::More;
use Wire;

my $authority = Certificates->new;
$authority->issue(server => '/CN=localhost', names => 'DNS:localhost,IP:127.0.0.1');
my $server = Postgres->new('server', conf => join "\n", 'wal_level = logical', 'max_wal_senders = 10', $authority->ssl_conf(ca => 1));
$server->safe_psql('postgres', q{
	create role lookup superuser login password 'lookup';
	create role copier replication login password 'pencil';
	create role app login password 'pencil';
});
$server->set_hba("local all all trust\nhostssl all,replication all 127.0.0.1/32 scram-sha-256\nhostnossl all all all reject\n");

my $millpond = Millpond->new('pool',
	server    => $server,
	files     => { 'users.txt' => qq("lookup" "lookup"\n) },
	databases => { postgres => 'pool_size=2 host=127.0.0.1 port=' . $server->port },
	settings  => {
		auth_type => 'scram-sha-256', auth_user => 'lookup', auth_file => 'users.txt', server_tls_sslmode => 'require', client_tls_sslmode => 'require',
		$authority->client_tls, query_wait_timeout => 20,
	});
my $console = Wire->login($millpond, unix => 1, user => 'pgbouncer', database => 'pgbouncer');

sub servers ($where) { return $console->hashes("SHOW SERVERS WHERE $where") }
# A client that is in, or whose login waits.
sub begin (%names)
{
	my $client = Wire->connect($millpond, tls => {});
	return $client->prove('pencil', user => 'copier', %names);
}
sub wait_for_quiet ()
{
	wait_until(sub { !servers(q(replication <> 'none')) }, 'the servers of replication clients to be closed');
	return;
}

# --- over TLS, by auth_query ---------------------------------------------------------------------

my $client = begin(replication => 'database');
is($client->result->{status}, 'I', 'logical replication, by auth_query');
like($client->query('IDENTIFY_SYSTEM')->{rows}[0][0], qr/^\d+$/, '... is answered');
is($client->value(q(select ssl from pg_stat_ssl where pid = pg_backend_pid())), 't', '... and encrypted on the way to the server');
my ($row) = $console->hashes(q(SHOW CLIENTS WHERE replication = 'logical'));
like($row->{tls}, qr/^TLSv1\.3/, '... and to the client');
($row) = servers(q(replication = 'logical'));
like($row->{tls}, qr/^TLSv1\.3/, '... as is shown');
$client->close;
my $wrong = Wire->connect($millpond, tls => {})->authenticate('crayon', user => 'copier', replication => 'true');
is($wrong->{error}{M}, 'SASL authentication failed', 'a wrong password is one');
my $refused = begin(user => 'app', replication => 'true')->result->{error};
is($refused->{M}, 'login failed', 'whom the server does not let replicate is refused');
like($millpond->log_since, qr/server login failed: FATAL (?:must be superuser or replication role|permission denied)/, '... and the log knows why');

my $folder = PostgreSQL::Test::Utils::tempdir();
local $ENV{PGPASSWORD} = 'pencil';
my @where = ('-d', sprintf 'host=127.0.0.1 port=%d user=copier sslmode=verify-full sslrootcert=%s', $millpond->port, $authority->file('ca.crt'));
wait_for_quiet();
# Its entry would be that of a database of this name, as psql gives none.
$millpond->write_config(databases => { replication => 'dbname=postgres pool_size=2 host=127.0.0.1 port=' . $server->port });
$console->query('RELOAD');
ok(run_log([ 'pg_basebackup', @where, '-D', "$folder/copy", '-X', 'stream', '-c', 'fast', '--no-sync' ]), 'pg_basebackup, with two connections');
ok(-e "$folder/copy/backup_manifest", '... has brought a copy');
wait_for_quiet();
mkdir "$folder/wal";
my $end = (split /\n/, $server->safe_psql('postgres', 'create table t (a int); select pg_current_wal_lsn(); select pg_switch_wal()'))[0];
ok(run_log([ 'pg_receivewal', @where, '-D', "$folder/wal", '--endpos', $end, '--no-loop', '--no-sync' ]), 'pg_receivewal');
wait_for_quiet();

# --- within the size -----------------------------------------------------------------------------

# Two servers at rest fill the pool.
my @plain = map { my $one = begin(); $one->result; $one } 1 .. 2;
$_->query('begin')  for @plain;
$_->query('commit') for @plain;
is(scalar servers(q(database = 'postgres' AND user = 'copier')), 2, 'two servers at rest');
my $from  = $millpond->log_end;
my $first = begin(replication => 'database', application_name => 'first');
is($first->result->{status}, 'I', 'a replication client comes in all the same');
like($millpond->log_since($from), qr/S-\w+: postgres\/copier\@\S+ closing because: evicted/, '... in the place of one of them');
is(scalar servers(q(database = 'postgres' AND user = 'copier')), 2, '... so that there are two');
is($plain[0]->value('select 1'), 1, 'others have the one that is left');

# Each of another name; what they have said at the start does not make more of it.
my $second = begin(replication => 'true', application_name => 'second');
is($second->result->{status}, 'I', 'a second one takes the place of the other');
my $third = begin(replication => 'true', application_name => 'third');
wait_until(sub { grep { $_->{cl_waiting} } $console->hashes('SHOW POOLS') }, 'the third to wait');
ok($third->quiet(0.3), 'a third one waits');
$plain[0]->put(Query('select 2'));
ok($plain[0]->quiet(0.3), 'and so do others');
$first->close;
$second->close;
is($third->result->{status}, 'I', 'when they leave it comes in');
is($plain[0]->result->{rows}[0][0], 2, '... and the others are served');
is(scalar servers(q(database = 'postgres' AND user = 'copier')), 2, 'by two servers');

# Ten of them, and room for two: each has its turn.
$third->close;
my @crowd = map { begin(replication => 'database', application_name => "crowd$_") } 1 .. 10;
my $most  = 0;
my $served = 0;
while (@crowd)
{
	wait_until(sub { grep { !$_->quiet } @crowd }, 'one to come in');
	my ($one) = grep { !$_->quiet } @crowd;
	@crowd = grep { $_ != $one } @crowd;
	$served++ if ($one->result->{status} // '') eq 'I';
	my $now = servers(q(database = 'postgres' AND user = 'copier'));
	$most = $now if $now > $most;
	$one->close;
}
is($served, 10, 'ten come one after the other');
cmp_ok($most, '<=', 2, 'never more than two at once');

done_testing;
