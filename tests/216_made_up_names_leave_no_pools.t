# Names of users that no server knows leave nothing behind, those of others do.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, settings => { server_login_retry => 0 });
my $known    = Wire->login($millpond);
$known->query('select 1');
my @clients;
for my $number (1 .. 500)
{
	push @clients, Wire->connect($millpond)->startup(user => "nobody$number");
	next if $number % 50;
	isnt($_->result->{error}, undef, "nobody$number: refused") for $clients[-1];
	$_->closed for @clients;
	@clients = ();
}
wait_until(sub { !grep { $_->{user} =~ /^nobody/ } $millpond->console('SHOW POOLS') },
	'the pools to be forgotten');
is($known->value('select 1'), 1, 'a known user goes on');
isnt($millpond->pool('postgres', 'postgres'), undef, 'and has a pool');
$known->close;
wait_until(sub { 1 == $millpond->console('SHOW CLIENTS') }, 'the client to go');
is(Wire->login($millpond)->value('select 2'), 2, 'also after it was gone');

done_testing;
