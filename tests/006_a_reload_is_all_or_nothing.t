# A good file takes effect at RELOAD as a whole; a faulty one changes nothing at all.
use v5.36;
use Millpond;
use Test::More;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, settings => { server_lifetime => 100 });
my $client   = Wire->login($millpond);

sub setting ($name)
{
	my ($row) = grep { $_->{key} eq $name } $millpond->console('SHOW CONFIG');
	return $row->{value};
}

$millpond->reconfigure(settings => { server_lifetime => 200 },
	databases => { second => 'dbname=postgres' });
is(setting('server_lifetime'), 200, 'a changed value is taken');
is(Wire->login($millpond, database => 'second')->value('select 1'), 1, 'a new database is there');

my $from = $millpond->log_end;
$millpond->write_config(settings => { server_lifetime => 300, server_idle_timeout => 'invalid' },
	databases => { second => undef, third => 'dbname=postgres' });
my $error = $millpond->console_error('RELOAD');
is($error->{C}, 'F0000', 'a faulty file is refused');
is($error->{M}, 'RELOAD failed, see logs for additional details', 'in the known words');
like($millpond->log_since($from), qr/millpond\.ini:\d+: .*server_idle_timeout/,
	'the log names the fault');
is(setting('server_lifetime'), 200, 'the good value before it was not taken');
is(Wire->login($millpond, database => 'second')->value('select 1'), 1,
	'the dropped database is still there');
ok(!eval { Wire->login($millpond, database => 'third') }, 'and the new one is not');

$from = $millpond->log_end;
$millpond->write_config(settings => { server_idle_timeout => undef, client_tls_sslmode => 'require', client_tls_key_file => '/nowhere' });
$millpond->console_error('RELOAD');
my $said = $millpond->log_since($from);
like($said, qr/millpond\.ini:\d+: client_tls_key_file/, 'a file that is not there is a fault as well');
unlike($said, qr/ -> /, '... beside which nothing is told to have changed');
$from = $millpond->log_end;
$millpond->write_config(settings => { server_idle_timeout => 'invalid' });
$millpond->console_error('RELOAD');
$said = $millpond->log_since($from);
like($said, qr/ini:\d+: $_\b/, "of two kinds of faults both are told: $_") for qw(server_idle_timeout client_tls_key_file);
$millpond->write_config(settings => { client_tls_sslmode => undef, client_tls_key_file => undef });

$from = $millpond->log_end;
$millpond->signal('HUP');
$millpond->wait_for_log(qr/millpond\.ini:\d+: .*server_idle_timeout/, $from);
is(setting('server_lifetime'), 200, 'SIGHUP is no different');

$millpond->write_config(settings => { server_lifetime => undef, server_idle_timeout => undef,
	listen_backlog => 77 });
$from = $millpond->log_end;
$millpond->console('RELOAD');
is(setting('server_lifetime'), 3600, 'a dropped key goes back to its default');
isnt(setting('listen_backlog'), 77, 'a key that needs a restart stays');
like($millpond->log_since($from), qr/listen_backlog/, 'and the log says so');
ok(!eval { Wire->login($millpond, database => 'second') }, 'the dropped database is gone');
is($client->value('select 1'), 1, 'an old session has lived through all of it');

$millpond->write_config(settings => { auth_type => 'kerberos' });
is($millpond->console_error('RELOAD')->{C}, 'F0000', 'an unknown auth_type is refused');
unlink $millpond->ini;
is($millpond->console_error('RELOAD')->{C}, 'F0000', 'a file that has gone is refused');
is($client->value('select 1'), 1, 'and the session still lives');

done_testing;
