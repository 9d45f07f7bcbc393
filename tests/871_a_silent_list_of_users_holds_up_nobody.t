# `peer` asks the system who somebody is; where it does not answer, only those wait who are asked about, and not for ever.
use v5.36;
use File::Spec;
use Millpond;
use Scram;
use Test::More;
use Wire;

plan skip_all => 'sanitizers want to be the first library' if $ENV{SANITIZE};

my $server   = Postgres->new;
$server->safe_psql('postgres', 'create role known login');
my $millpond = Millpond->new('pool', server => $server,
	env      => { LD_PRELOAD => File::Spec->rel2abs("$ENV{OUT}/preload/silent_users.so") },
	settings => {
		auth_file     => new_file('users', sprintf qq{"postgres" ""\n"known" "%s"\n}, Scram::secret('pencil')),
		auth_type     => 'hba', client_login_timeout => 12,
		auth_hba_file => new_file('hba', "local all known password\nlocal postgres all peer\nlocal all all trust\nhost all all 127.0.0.1/32 trust\n") });

my @silent = map { Wire->connect($millpond, unix => 1)->startup } 1 .. 6;
my $admin  = Wire->login($millpond, user => 'postgres', database => 'pgbouncer');
is($admin->query('RELOAD')->{error}, undef, 'RELOAD waits for none of them');
ok((!grep { !$_->quiet } @silent), '... who wait');
is(Wire->connect($millpond, unix => 1)->authenticate('pencil', user => 'known')->{status}, 'I', 'nor does a password');
ok((!grep { !$_->quiet } @silent), '... while they do');
$_->close for splice @silent, 0, 2;
my $present = sub { return { map { @$_ } $admin->query('SHOW LISTS')->{rows}->@* }->{login_clients} };
ok(wait_until(sub { $present->() == @silent }, 'them to leave', 6), 'who hangs up leaves');
is($_->result->{error}{M}, 'client_login_timeout', 'the others are told in time') for @silent;

done_testing;
