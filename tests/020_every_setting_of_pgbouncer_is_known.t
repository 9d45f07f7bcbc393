# Every setting of PgBouncer is there, with its type, default and changeability, in the order of SHOW CONFIG.
use v5.36;
use Millpond;
use PostgreSQL::Test::Utils qw(slurp_file);
use Test::More;

# Where Millpond differs on purpose. The value is what SHOW CONFIG shows.
my %our_default = (
	listen_backlog => '4096',
	syslog_ident   => 'millpond',
);

my @table = map { [ split /\t/, $_, -1 ] } grep { !/^#/ } split /\n/,
	slurp_file('tests/data/settings.tsv');
is(scalar @table, 101, 'the table is whole');

my $millpond = Millpond->new('pool');
my $console  = Wire->login($millpond, database => 'pgbouncer');
my $answer   = $console->query('SHOW CONFIG');
my @rows     = $console->hashes('SHOW CONFIG');
my %shown    = map { $_->{key} => $_ } @rows;
is_deeply($answer->{columns}, [qw(key value default changeable)], 'the columns');

# A value that the type does not allow.
my %bad = (int => '1.5', time => '-1', enum => 'no_such_word');
# What is not refused, though it has no row.
my %unshown = map { $_ => 1 } qw(service_name);

for my $row (@table)
{
	my ($name, $type, $default, $changeable) = @$row;
	if (!$shown{$name})
	{
		my ($status, $out, $error) =
			run_binary('--check', ini_file("[databases]\nx=\n[millpond]\nauth_type = trust\n$name =\n"));
		like($out . $error, $unshown{$name} ? qr/"$name" has no effect/ : qr/: ok\n|not supported/,
			"$name is known");
		next;
	}
	is($shown{$name}{default} // 'NULL', $our_default{$name} // $default, "$name: default");
	is($shown{$name}{value}, undef, '... and it is not set') if $default eq 'NULL' && $name !~ /^(conffile|verbose)$/;
	is($shown{$name}{changeable}, $changeable, "$name: changeable");
	next if !$bad{$type} || $name eq 'stats_period';    # any time will do here
	my ($status, $out, $error) = run_binary('--check',
		ini_file("[databases]\nx=\n[pgbouncer]\nauth_type = trust\n$name = $bad{$type}\n"));
	is($status, 1, "$name is a $type: $bad{$type} is refused");
	like($error, qr/test\.ini:5: $name: "\Q$bad{$type}\E" is/, '... by name and line');
}

# The order is PgBouncer's; what it does not know stands in between, where the name belongs.
my %theirs = map { $_->[0] => 1 } @table;
is_deeply([ grep { $theirs{$_} } map { $_->{key} } @rows ],
	[ grep { $shown{$_} } map { $_->[0] } @table ], 'the order is that of SHOW CONFIG');
diag('not PgBouncer\'s: ' . join ' ', grep { !$theirs{$_} } map { $_->{key} } @rows);

done_testing;
