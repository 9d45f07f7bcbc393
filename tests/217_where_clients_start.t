# What connect_query has set is where clients start, whatever others have set meanwhile.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server,
	databases => { postgres => q(pool_size=1 connect_query='set timezone to ''Asia/Tokyo''') },
	settings => { server_connect_timeout => 0 });
my $plain = Wire->login($millpond);
is($plain->value('show timezone'), 'Asia/Tokyo', 'a client starts with what connect_query has set');
my $other = Wire->login($millpond, TimeZone => 'Europe/Rome');
for my $round (1 .. 2)
{
	is($other->value('show timezone'), 'Europe/Rome', "round $round: a client with wishes");
	is($plain->value('show timezone'), 'Asia/Tokyo', '... one without');
}
my $third = Wire->login($millpond);
$third->query(q(set timezone to 'America/Lima'));
is(Wire->login($millpond)->value('show timezone'), 'Asia/Tokyo', "a SET is nobody else's");
is($third->value('show timezone'), 'America/Lima', '... but stays with its client');
# There is no limit for the server's answer to the first SET with server_connect_timeout=0.
is(Wire->login($millpond, TimeZone => 'Africa/Cairo')->value('show timezone'), 'Africa/Cairo',
	'startup parameters need no server_connect_timeout');

done_testing;
