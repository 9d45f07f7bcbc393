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

# Whoever does not tell is passed over, and what a server says by the way does no harm.
my @yes = (RowDescription('answer'), DataRow('f'), CommandComplete('SELECT 1'), ReadyForQuery());
my %odd = (
	'an error'              => [ ErrorResponse('57014', 'canceling statement due to statement timeout'), ReadyForQuery() ],
	'a fatal error'         => [ ErrorResponse('57P05', 'terminating connection', 'FATAL'), undef ],
	'no row'                => [ CommandComplete('SELECT 0'), ReadyForQuery() ],
	'a parameter in front'  => [ ParameterStatus('TimeZone', 'Europe/Berlin'), @yes ],
	'a notification behind' => [ @yes[ 0 .. 2 ], Message('A', pack('N', 5) . "a\0b\0"), $yes[3] ],
	'a notice in between'   => [ $yes[0], NoticeResponse('by the way'), @yes[ 1 .. 3 ] ],
);
my %fake = map {
	my $answer = $odd{$_};
	$_ => FakeServer->new(
		login => sub ($c, $startup) {
			$c->{parameters}{server_version} = '13.0 (odd)';
			$c->{asked_by_libpq} = $startup->{database} eq 'libpq';
			return 0;
		},
		query => sub ($c, $query) {
			return 0 if $query !~ /pg_is_in_recovery/;
			$c->put(grep { defined } @$answer);
			return 1 if defined $answer->[-1];
			# libpq tries no other host where it finds the end right behind the words.
			1 while $c->{asked_by_libpq} && defined $c->get;
			$c->leave;
		})
} keys %odd;
my $good = server('good');
my $pair = sub ($case, $more) {
	return "host=127.0.0.1,127.0.0.1 port=$fake{$case}{port},$good->{port} load_balance_hosts=disable"
		. " user=password target_session_attrs=primary $more";
};
my %number = map { (sort keys %odd)[$_] => $_ } 0 .. keys(%odd) - 1;
my $millpond = Millpond->new('odd', settings => { auth_file => 'users.txt', server_login_retry => 60, query_wait_timeout => 5 },
	files => { 'users.txt' => qq("password" "pencil"\n) },
	databases => { map { ("own_$number{$_}" => $pair->($_, 'dbname=own'), "libpq_$number{$_}" => $pair->($_, 'dbname=libpq krbsrvname=it')) } keys %odd });
for my $case (sort keys %odd)
{
	my $expected = $case =~ /error|no row/ ? 'good' : 'odd';
	for my $who (qw(own libpq))
	{
		my $client = Wire->connect($millpond);
		my $error  = $client->startup(user => 'password', database => "${who}_$number{$case}")->result->{error};
		is($error ? $error->{M} : $client->{parameters}{server_version} =~ s/.*\((.*)\)/$1/r, $expected, "$who: $case");
		$client->close;
	}
}

done_testing;
