# target_session_attrs chooses among the hosts of an entry, with libpq (which krbsrvname needs) and without it alike; servers
# before PostgreSQL 14 do not report what they are, and are asked.
use v5.36;
use Digest::MD5 qw(md5_hex);
use FakeServer;
use Millpond;
use Test::More;
use Wire;

my $md5 = 'md5' . md5_hex('pencilhash');

# What it is, whether it says so by itself, and whether its transactions are read-only by default.
sub server ($name, %is)
{
	return FakeServer->new(
		login => sub ($c, $startup) {
			$c->{parameters}{server_version} = ($is{reports} ? '15.0' : '13.0') . " ($name)";
			if ($is{reports})
			{
				$c->{parameters}{in_hot_standby} = $is{standby} ? 'on' : 'off';
				$c->{parameters}{default_transaction_read_only} = $is{read_only} ? 'on' : 'off';
			}
			$c->put(AuthRequest(5, 'salt'));
			$c->get // $c->leave;
			return 0;
		},
		query => sub ($c, $query) {
			my $answer = $query =~ /pg_is_in_recovery/ ? ($is{standby} ? 't' : 'f') :
				$query =~ /transaction_read_only/ ? ($is{standby} || $is{read_only} ? 'on' : 'off') : return 0;
			$c->put(RowDescription('answer'), DataRow($answer), CommandComplete('SELECT 1'), ReadyForQuery());
			return 1;
		});
}

my %standbys = (old => {}, new => { reports => 1 });
my @wanted   = (
	# attribute         of a standby, a read-only primary and a primary, in turn   of primaries only
	[ 'any',            'standby',   'frozen' ],
	[ 'read-write',     'primary',   'primary' ],
	[ 'read-only',      'standby',   'frozen' ],
	[ 'primary',        'frozen',    'frozen' ],
	[ 'standby',        'standby',   qr/server is not in hot standby mode|Connection refused/ ],
	[ 'prefer-standby', 'standby',   'frozen' ],
);
for my $age (sort keys %standbys)
{
	my %server = (
		standby => server('standby', $standbys{$age}->%*, standby => 1),
		frozen  => server('frozen',  $standbys{$age}->%*, read_only => 1),
		primary => server('primary', $standbys{$age}->%*));
	my $entry = sub ($attribute, @names) {
		return 'host=' . join(',', ('127.0.0.1') x @names) . ' port=' . join(',', map { ref $_ ? $$_ : $server{$_}->port } @names)
			. " load_balance_hosts=disable dbname=it target_session_attrs=$attribute";
	};
	my $nobody   = \PostgreSQL::Test::Cluster::get_free_port();
	my $millpond = Millpond->new("pool_$age",
		settings  => { auth_type => 'trust', auth_file => 'users.txt', server_login_retry => 60, query_wait_timeout => 3 },
		files     => { 'users.txt' => qq("hash" "$md5"\n"password" "pencil"\n) },
		databases => { map {
				my $attribute = $_->[0];
				("all_$attribute" => $entry->($attribute, qw(standby frozen primary)),
				"primaries_$attribute" => $entry->($attribute, $nobody, qw(frozen primary)),
				"libpq_all_$attribute" => $entry->("$attribute krbsrvname=it", qw(standby frozen primary)),
				"libpq_primaries_$attribute" => $entry->("$attribute krbsrvname=it", $nobody, qw(frozen primary)));
			} @wanted });
	for my $case (@wanted)
	{
		my ($attribute, %expected) = ($case->[0], all => $case->[1], primaries => $case->[2]);
		for my $who (qw(hash password libpq))
		{
			for my $hosts (sort keys %expected)
			{
				my $client = Wire->connect($millpond);
				my $error  = $client->startup(user => $who eq 'hash' ? 'hash' : 'password',
					database => ($who eq 'libpq' ? 'libpq_' : '') . "${hosts}_$attribute")->result->{error};
				my $got = $error ? join ' ', $error->@{qw(M D)} : $client->{parameters}{server_version} =~ s/.*\((.*)\)/$1/r;
				my $what = "$age, $who, $hosts: $attribute";
				ref $expected{$hosts} ? like($got, $expected{$hosts}, $what) : is($got, $expected{$hosts}, $what);
				$client->close;
			}
		}
	}
	$millpond->stop;
}

done_testing;
