# A newer minor version or unknown _pq_ option is answered with NegotiateProtocolVersion, then served.
use v5.36;
use Millpond;
use Test::More;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server);

for ([ 0, 0 ], [ 2, 0 ], [ 9999, 0 ], [ 0, 1 ], [ 2, 2 ], [ 9999, 3 ])
{
	my ($minor, $count) = @$_;
	my @options  = map { "_pq_.option$_" } 1 .. $count;
	my $expected = !$minor && !$count ? undef : pack('NN(Z*)*', 3 << 16, $count, @options);
	for my $node ($server, $millpond)
	{
		my $name   = ($node == $server ? 'PostgreSQL' : 'Millpond') . " 3.$minor, $count options";
		my $client = Wire->login($node, protocol => 3 << 16 | $minor, map { $_ => 'x' } @options);
		is($client->value('select 42'), 42, "$name: works");
		# Older servers name their own newest version, with the same layout.
		is(unpack('H*', $client->{greeting}{negotiated} // ''), unpack('H*', $expected // ''),
			"$name: what was not understood");
	}
}

my $refused = Wire->connect($millpond)->startup(protocol => 4 << 16)->result;
ok($refused->{error} && $refused->{eof}, 'protocol 4.0 is refused');
like($refused->{error}{C}, qr/^(?:0A000|08P01)$/, 'with a proper SQLSTATE');

done_testing;
