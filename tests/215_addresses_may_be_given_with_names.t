# With hostaddr the name of the host is not looked up; a list of addresses belongs into host.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server  = Postgres->new;
my $port    = $server->port;
my %entries = (
	'with a name' => "host=no-such-host.invalid hostaddr=127.0.0.1 port=$port",
	alone         => "hostaddr=127.0.0.1 port=$port",
);
for my $how (sort keys %entries)
{
	my $millpond = Millpond->new($how =~ s/ /_/gr,
		databases => { postgres => $entries{$how} });
	is(Wire->login($millpond)->value('select 1'), 1, "$how: $entries{$how}");
}
for my $list ('hostaddr=127.0.0.1,127.0.0.1', 'host=a,b hostaddr=127.0.0.1,127.0.0.1')
{
	my ($status, $output, $error) = run_binary('--check',
		ini_file("[databases]\nx = $list\n[millpond]\nlisten_port = 1\n"));
	is($status, 1, "$list: refused");
	like($output . $error, qr/hostaddr cannot be used with a list; write the addresses as host/,
		'... with advice');
}

done_testing;
