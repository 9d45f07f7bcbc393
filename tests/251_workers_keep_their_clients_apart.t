# While clients of several workers come, ask, cancel and go, and an admin pauses, reloads, reconnects and
# kills, nobody ever gets a row that was not asked for, no limit is exceeded, and no server is lost.
use v5.36;
use Millpond;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);
use Wire;

my $seconds = $ENV{STRESS} ? 60 : 5;
my $crews   = 4;
my $seed    = $ENV{SEED} // time;
note("SEED=$seed");
my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server,
	settings => { workers => $ENV{WORKERS} // 3, default_pool_size => 5, max_client_conn => 500,
		max_prepared_statements => 100, server_lifetime => 2, query_wait_timeout => 30 });

my @asks = (
	sub ($c, $token) { $c->put(Query("select '$token'")) },
	sub ($c, $token) { $c->put(Query("begin; select '$token'; commit")) },
	sub ($c, $token) { $c->put(Parse('', 'select $1::text'), Bind('', '', $token), Execute(), Sync()) },
	sub ($c, $token) {
		$c->put($c->{has_named}++ ? () : Parse('mine', 'select $1::text'),
			Bind('', 'mine', $token), Execute(), Sync());
	},
	sub ($c, $token) { $c->put(Query("select '$token', pg_sleep(0.01)")) },
);

# One crew: a process with a few clients, each asking for its own tokens. Its exit status says how
# many answers were foreign; what it has done goes through the pipe.
sub crew ($number, $out)
{
	srand $seed + $number;
	my ($foreign, $answers, $failures, $token, @clients) = (0, 0, 0, 0);
	my $until = time + $seconds;
	while (time < $until)
	{
		while (@clients < 8)
		{
			# The admin may kill one that still waits for its first server.
			my $client = eval { Wire->login($millpond) };
			die $@ unless $client || $@ =~ /admin forced disconnect/;
			push @clients, $client // next;
		}
		my @asked;
		for my $client (@clients)
		{
			my $mine = sprintf 'crew %d asks %d', $number, ++$token;
			$asks[ rand @asks ]->($client, $mine);
			push @asked, $mine;
		}
		Wire->connect($millpond)->put(CancelRequest(@{ $clients[ rand @clients ] }{qw(pid secret)}))
			if rand() < 0.1;
		for my $i (0 .. $#clients)
		{
			my $result = $clients[$i]->result;
			my ($got) = map { $_->[0] } grep { @$_ } $result->{rows}->@*;
			$clients[$i]{gone} = $result->{eof} || rand() < 0.03;
			if (defined $got) { $answers++; $foreign += $got ne $asked[$i] }
			else              { $failures++ }
		}
		$_->close for grep { $_->{gone} } @clients;
		@clients = grep { !$_->{gone} } @clients;
	}
	print $out "$foreign $answers $failures\n";
	close $out;
	return;
}

my @pipes;
for my $number (1 .. $crews)
{
	pipe my $in, my $out or die "pipe: $!";
	my $pid = fork // die "fork: $!";
	if ($pid == 0)
	{
		eval { crew($number, $out); 1 } or print $out "died $@";
		close $out;
		POSIX::_exit(0);
	}
	close $out;
	push @pipes, [ $in, $pid ];
}

# The admin, who looks at the limits as well.
my %done;
my $most  = 0;
my $until = time + $seconds;
srand $seed;
while (time < $until)
{
	my @commands = ('RELOAD', 'RECONNECT', 'SHOW CLIENTS', 'SHOW SERVERS', 'SHOW STATS', 'SHOW WORKERS');
	my $command = $commands[ rand @commands ];
	$millpond->console($command);
	$done{$command}++;
	if (rand() < 0.2)
	{
		$millpond->console('PAUSE');
		$millpond->console('RESUME');
		$done{PAUSE}++;
	}
	my ($victim) = grep { $_->{database} eq 'postgres' } $millpond->console('SHOW CLIENTS');
	if ($victim && rand() < 0.2)
	{
		Wire->login($millpond, database => 'pgbouncer')->query("KILL_CLIENT $victim->{id}");
		$done{KILL_CLIENT}++;
	}
	my $servers = $millpond->pool;
	my $count = 0;
	$count += $servers->{$_} // 0 for qw(sv_active sv_idle sv_used sv_tested sv_login sv_being_canceled);
	$most = $count if $count > $most;
	sleep 0.02;
}

my ($foreign, $answers, $failures) = (0, 0, 0);
for (@pipes)
{
	my ($in, $pid) = @$_;
	my $line = readline($in) // 'died without a word';
	waitpid $pid, 0;
	if ($line =~ /^(\d+) (\d+) (\d+)$/) { $foreign += $1; $answers += $2; $failures += $3 }
	else { fail("a crew came home: $line") }
}
note("$answers answers, $failures failures; admin: ", join ', ', map { "$_ $done{$_}" } sort keys %done);
is($foreign, 0, 'no client got what another one had asked for');
cmp_ok($answers, '>', 20, 'many got what they had asked for');
cmp_ok($failures, '<', $answers, 'and only some were cancelled or killed');
cmp_ok($most, '<=', 5, 'the pool never had more servers than its size');
wait_until(sub { my $p = $millpond->pool; !$p->{sv_active} && !$p->{cl_active} && !$p->{cl_waiting} },
	'an empty pool');
my @last = map { Wire->login($millpond) } 1 .. 10;
$_->put(Query('select pg_sleep(0.02)')) for @last;
is(scalar(grep { ($_->result->{status} // '') eq 'I' } @last), 10, 'afterwards all servers are free');
my $moves = 0;
$moves += $_->{servers_moved_in} for $millpond->console('SHOW WORKERS');
note("$moves servers moved");
done_testing;
