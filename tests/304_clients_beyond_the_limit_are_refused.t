# max_client_conn lets so many in and refuses the next by its name; the console is exempt.
use v5.36;
use Millpond;
use Test::More;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, settings => { max_client_conn => 5 });
my @clients  = map { Wire->login($millpond) } 1 .. 5;
is($_->value('select 1'), 1, 'within the limit') for @clients;
for (1 .. 3)
{
	my $answer = Wire->connect($millpond)->startup->result;
	is_deeply([ @{ $answer->{error} }{qw(S C M)} ],
		[ 'FATAL', '53300', 'no more connections allowed (max_client_conn)' ],
			'the next is refused');
	ok($answer->{eof}, 'and sent away');
}
is(scalar $millpond->console('SHOW VERSION'), 1, 'the console is exempt');
(pop @clients)->close;
wait_until(sub { eval { push @clients, Wire->login($millpond) } }, 'a place');
is($clients[-1]->value('select 1'), 1, 'a place that becomes free is given away');
$millpond->reconfigure(settings => { max_client_conn => 6 });
is(Wire->login($millpond)->value('select 1'), 1, 'a reload raises the limit');
is($clients[0]->value('select 1'), 1, 'nobody else was touched');

done_testing;
