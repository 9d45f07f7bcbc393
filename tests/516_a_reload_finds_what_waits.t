# A reload while a server is looked up, logs in or gets well changes nothing under its feet.
use v5.36;
use FakeServer;
use IO::Socket::INET;
use Millpond;
use Test::More;
use Time::HiRes qw(sleep);
use Wire;

# Name servers that never answer.
my $silence = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1') or die "udp: $!";
my $resolv = new_file('resolv.conf', 'nameserver 127.0.0.1:' . $silence->sockport . "\noptions timeout:2 attempts:1\n");
my $folder = PostgreSQL::Test::Utils::tempdir();
my $fake   = FakeServer->new(
	login => sub ($c, $startup) { sleep 2 if $startup->{user} eq 'sluggish'; return 0 },
	query => sub ($c, $sql) { sleep 0.02 while $sql =~ /slow/ && !-e "$folder/end"; return 0 });
my $millpond = Millpond->new('pool',
	databases => { postgres => $fake->target },
	settings => { resolv_conf => $resolv, server_connect_timeout => 10, server_login_retry => 1,
		pool_mode => 'session', server_reset_query => 'old reset' });
my $other = Wire->login($millpond);
my $port  = $fake->port;
my %entries = (
	'is looked up' => "host=far-away.example.com,127.0.0.1 port=$port dbname=before"
		. " connect_query='words before'",
	'logs in'      => $fake->target . " user=sluggish dbname=before connect_query='words before'",
);
my %changes = (
	removed   => undef,
	changed   => "host=127.0.0.1 port=$port dbname=after connect_query='words after'",
	untouched => undef,
);
my $count = 0;
for my $state (sort keys %entries)
{
	for my $change (sort keys %changes)
	{
		my $name = 'other' . ++$count;
		$millpond->reconfigure(databases => { $name => $entries{$state} });
		my $client = Wire->connect($millpond);
		$client->startup(database => $name);
		wait_until(sub { my $pool = $millpond->pool($name); $pool && $pool->{sv_login} },
			'the login to begin');
		my $new = $changes{$change};
		$new = $entries{$state} if $change eq 'untouched';
		$millpond->reconfigure(databases => { $name => $new },
			settings => { server_idle_timeout => 600 + $_ })
			for 1 .. 3;
		is($other->value("query $count"), "query $count", "$state, $change: others are served");
		# Served by what is configured now, or told why not.
		my $answer = $client->result;
		$answer = $client->query('select 1') if !$answer->{error};
		isnt($answer->{error} // $answer->{rows}[0], undef, '... and the one that waits is answered');
		$client->close;
	}
}
my %database = map { /^(\d+) startup .*database\|(\w+)\|/ ? ($1 => $2) : () } $fake->received;
my @mixed = grep { /^(\d+) Q words (\w+)/ && $2 ne $database{$1} } $fake->received;
is_deeply(\@mixed, [], 'no login mixes the old entry with the new');

# While a server gets well again.
my $client = Wire->login($millpond);
$client->put(Query('slow'));
wait_until(sub { $fake->received(qr/Q slow/) }, 'the query');
$client->close;
wait_until(sub { $fake->received(qr/ cancel /) }, 'its cancelling');
$millpond->reconfigure(settings => { server_reset_query => "new reset $_" }) for 1 .. 5;
put_file("$folder/end");
my ($number) = map { /^(\d+)/ } $fake->received(qr/Q slow/);
wait_until(sub { $fake->received(qr/^$number Q .*reset/) }, 'the reset query');
is_deeply([ $fake->received(qr/^$number Q .*reset/) ], ["$number Q new reset 5|"],
	'the reset query is the one of now');
is($other->value('the end'), 'the end', 'all goes on');

done_testing;
