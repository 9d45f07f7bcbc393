# A message that reaches a server at rest in part is kept from the client who gets that server before the rest.
use v5.36;
use FakeServer;
use Millpond;
use Test::More;
use Wire;

sub NotificationResponse ($channel, $payload)
{
	return Message('A', pack('N', 4711) . "$channel\0$payload\0");
}

my %messages = (
	notice         => NoticeResponse('a word to nobody' . '.' x 50),
	notification   => NotificationResponse('channel', 'z' x 50),
	'a long notice' => NoticeResponse('word ' x 10_000),
);
my $rests = PostgreSQL::Test::Utils::tempdir() . '/rests';
my $fake  = FakeServer->new(query => sub ($c, $sql) {
	if ($sql =~ /^say (.*), (\d+)/)
	{
		$c->answer_with($sql);
		$c->put(ReadyForQuery());
		select undef, undef, undef, 0.01 until -e $rests;
		$c->put(substr $messages{$1}, 0, $2);
		$c->{rest} = substr $messages{$1}, $2;
		$c->log('said', $sql);
		return 1;
	}
	$c->put(delete $c->{rest} // '');
	return 0;
});
my $millpond = Millpond->new('pool', databases => { postgres => $fake->target . ' pool_size=1' },
	settings => { server_check_query => '' });
my ($client, $next) = map { Wire->login($millpond) } 1 .. 2;
# Whether the daemon has taken from its socket all that the server has sent.
sub is_read ()
{
	my $port = sprintf '%04X', $fake->port;
	my @here = grep { /^\s*\d+: \S+ \S+:$port 01 / } split /\n/, PostgreSQL::Test::Utils::slurp_file('/proc/net/tcp');
	return @here == grep { /:0{8} \d\d:/ } @here;
}

for my $name (sort keys %messages)
{
	for my $first (3, 5, 20, length($messages{$name}) - 1)
	{
		my $sql = "say $name, $first";
		is($client->value($sql), $sql, "$name, $first bytes of it: a query");
		wait_until(sub { $millpond->pool->{sv_idle} == 1 }, 'the server to rest');
		put_file($rests);
		wait_until(sub { $fake->received(qr/ said $sql$/) && is_read() }, 'the first part');
		unlink $rests;
		my $answer = $next->query('next');
		is($answer->{types} =~ s/^[NA](?=T)//r, 'TDCZ', '... the next client gets whole messages');
		is($answer->{types}, 'TDCZ', '... nothing of what began before its time') if $first >= 5;
		is($next->value('again'), 'again', '... and goes on');
	}
}

done_testing;
