# With auth_type any, any name gets in and may look at the console; only admin_users may steer it.
use v5.36;
use Millpond;
use Test::More;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, settings => { auth_type => 'any' },
	databases => { forced => 'dbname=postgres user=postgres' });
is(Wire->login($millpond, database => 'forced', user => $_)->value('select current_user'), 'postgres',
	"$_ becomes the forced user") for qw(anybody nobody_knows);
my $guest = Wire->login($millpond, database => 'pgbouncer', user => 'anybody');
is($guest->query('SHOW POOLS')->{error}, undef, 'anybody may look');
is($guest->query('RELOAD')->{error}{M}, 'admin access needed', 'but not steer');
my $admin = Wire->login($millpond, database => 'pgbouncer', user => 'postgres');
is_deeply($admin->query('RELOAD')->{tags}, ['RELOAD'], 'an admin may');

done_testing;
