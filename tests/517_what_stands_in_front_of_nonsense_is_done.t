# Requests in front of a message that no client may send are executed and answered, as a server does it.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, databases => { postgres => 'pool_size=1' });
my $other    = Wire->login($millpond);
$other->query('create table t (a int)');
my %requests = (
	simple   => [ Query('insert into t values (1)'), 'CZ' ],
	extended => [ Parse('', 'insert into t values (1)') . Bind() . Execute() . Sync(), '12CZ' ],
);
my %bad = ('an unknown type' => "!\0\0\0\4", 'a bad length' => "Q\0\0\0\0");
for my $how (sort keys %requests)
{
	for my $bad (sort keys %bad)
	{
		my ($bytes, $types) = $requests{$how}->@*;
		my $client = Wire->login($millpond);
		$client->put($bytes . $bad{$bad});
		is($client->result->{types}, $types, "$how, $bad: the request is answered");
		my $end = $client->result;
		is($end->{types}, 'E', '... then the session ends');
		is_deeply([ @{ $end->{error} }{qw(S C)} ], [ 'FATAL', '08P01' ], '... with the reason');
		is($other->value('select count(*) from t'), 1, '... and the request was executed');
		$other->query('truncate t');
	}
}

done_testing;
