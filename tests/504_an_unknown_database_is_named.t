# An unknown database is refused with its name and SQLSTATE 3D000; one unknown only to the server, in its words.
use v5.36;
use Millpond;
use Test::More;

my $server    = Postgres->new;
my $millpond  = Millpond->new('pool', server => $server,
	databases => { postgres => '', missing => 'dbname=dne' },
	settings => { query_wait_timeout => 20, server_login_retry => 1 });
my $bystander = Wire->login($millpond);
for my $name ('nowhere', 'with blank', q(quote'"), 'x' x 200, '*', 'Postgres')
{
	my $answer = Wire->connect($millpond)->startup(database => $name)->result;
	is_deeply([ @{ $answer->{error} }{qw(S C M)} ], [ 'FATAL', '3D000', "no such database: " . substr $name, 0, 63 ],
		"'$name'");
	ok($answer->{eof}, 'and the session ends');
}
my $client = Wire->connect($millpond);
my $answer = $client->startup(database => 'missing')->result;
$answer = $client->query('select 1') if $answer->{status};
is($answer->{error}{C}, '3D000', "the server's SQLSTATE");
is($answer->{error}{M}, 'database "dne" does not exist', "the server's words");
like($millpond->log_since, qr/server login failed: FATAL database "dne" does not exist/,
	'in the log too');
is($bystander->value('select 1'), 1, 'others are served');

done_testing;
