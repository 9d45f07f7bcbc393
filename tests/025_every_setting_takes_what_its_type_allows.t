# Every setting with an empty, negative, huge, fractional, mistyped and once more given value: taken or refused as its type says, by its line.
use v5.36;
use Millpond;
use PostgreSQL::Test::Utils qw(slurp_file);
use Test::More;

# name => { kind, default, and what it can be: words, or from and to }
my (%setting, @names);
for my $row (map { [ split /\t/, $_, -1 ] } split /\n/, (run_binary('--settings'))[1])
{
	my ($section, $name, $kind, $default, $allowed) = @$row;
	next if $section ne 'millpond';
	push @names, $name;
	$setting{$name} = { kind => $kind, default => $default };
	my @range = $allowed =~ /^(\d+) to (\d+)$/;
	@{ $setting{$name} }{qw(from to)} = $kind eq 'octal' ? map { oct } @range : @range;
	$setting{$name}{words} = [ split /, /, $allowed ] if $kind eq 'choice';
}

# The types are PgBouncer's, and not only what the program says of itself.
my %kinds = (string => qr/^text$/, enum => qr/^choice$/, time => qr/^time$/, int => qr/^(?:number|flag|octal)$/);
for my $row (map { [ split /\t/, $_, -1 ] } grep { !/^#/ } split /\n/, slurp_file('tests/data/settings.tsv'))
{
	my ($name, $type) = @$row;
	next if $name =~ /^(?:service_name|stats_period|syslog_facility)$/;    # not shown; any time; words
	like($setting{$name}{kind} // 'unknown', $kinds{$type}, "$name is of the type $type");
}

# The faults and notes of a file with these lines behind its head, by line: { 5 => [ ... ] }.
my $head = "[databases]\nx = host=127.0.0.1\n[millpond]\n";
sub said_of (@lines)
{
	my ($status, $out, $error) = run_binary('--check', ini_file($head . join '', map { "$_\n" } @lines));
	my $text = $out . $error;
	my %said;
	push $said{$1}->@*, $2 while $text =~ /^\S*test\.ini:(\d+): (.*)$/mg;
	return ($status, \%said);
}

# Each case is a line and what is said of it; undef: it is taken. All of them stand in one file.
sub play ($what, @cases)
{
	my ($status, $said) = said_of(map { $_->[0] } @cases);
	my @wrong;
	for my $i (0 .. $#cases)
	{
		my ($line, $words) = $cases[$i]->@*;
		my ($name)  = split ' ', $line;
		my $faults  = join ' | ', grep { !/ is set again; | has no effect: |: here the start would / } ($said->{ 4 + $i } // [])->@*;
		my $is_well = defined $words ? $faults =~ /^\Q$name\E: $words/ : $faults eq '';
		push @wrong, "$line\n  said: $faults\n  expected: " . ($words // 'nothing') if !$is_well;
	}
	cmp_ok(scalar @cases, '>', 3, "$what: there are some");
	is(scalar @wrong, 0, "$what: " . @cases . ' lines') or diag(map { s/x{100,}/xxx.../gr . "\n" } grep { defined } @wrong[ 0 .. 9 ]);
	is($status, (grep { defined $_->[1] } @cases) ? 1 : 0, '... and --check leaves as it has found them');
	return;
}

sub of_kind ($kind) { return grep { $setting{$_}{kind} eq $kind } @names }

# Numbers -----------------------------------------------------------------------------------------

# PgBouncer has no limit for these but that of its type, so what is beyond ours is taken for it.
my %clamped = map { $_ => 1 } qw(default_pool_size max_client_conn max_db_client_connections max_db_connections max_packet_size
	max_prepared_statements max_user_client_connections max_user_connections min_pool_size reserve_pool_size scram_iterations tcp_keepcnt
	tcp_keepidle tcp_keepintvl verbose);
sub most_taken ($name) { return $name eq 'max_packet_size' ? 4294967295 : $clamped{$name} ? 2147483647 : $setting{$name}{to} }

sub number_cases ($name)
{
	my ($from, $to) = @{ $setting{$name} }{qw(from to)};
	my @bad = ('', '-1', '1.5', '1e3', '5s', '5 MB', '5 6', '0x', '08', 'many', most_taken($name) + 1, '9' x 30, '-' . '9' x 30,
		$from > 0 ? $from - 1 : ());
	return ((map { my $bad = $_; [ "$name = $bad", qr/"\Q$bad\E" is not a whole number from $from to $to$/ ] } @bad),
		map { [ "$name = $_", undef ] } $from, $to, sprintf('%#x', $to), sprintf('0%o', $to), "+$to");
}
play('numbers', map { number_cases($_) } of_kind('number'));

my @beyond = map { my $name = $_; map { "$name = $_" } $setting{$name}{to} + 1, most_taken($name) } sort keys %clamped;
my ($status, $said) = said_of('auth_type = trust', @beyond);
is($status, 0, 'beyond the most that there can be') or diag explain $said;
is(scalar(grep { ($said->{ 5 + $_ } // [''])->[0] !~ /^\w+: \d+ is more than there can be, which is \d+$/ } 0 .. $#beyond), 0,
	'... that is taken, with a note') or diag explain $said;

play('octal numbers', map {
		my $name = $_;
		(map { [ "$name = $_", qr/"\Q$_\E" is not an octal number from 0 to 0777$/ ] } '', '-1', '01000', '0999', '1.5', 'rwx', '9' x 30),
			map { [ "$name = $_", undef ] } '0', '0777', '0700', '511';
	} of_kind('octal'));

# Flags -------------------------------------------------------------------------------------------

play('flags', map {
		my $name = $_;
		(map { [ "$name = $_", qr/"\Q$_\E" is neither 1 \(on, true, yes\) nor 0 \(off, false, no\)$/ ] }
			'', '-1', '2', '1.5', '1s', 'maybe', 'o', '9' x 30), map { [ "$name = $_", undef ] } qw(0 1 on off TRUE False yes no);
	} of_kind('flag'));

# Times -------------------------------------------------------------------------------------------

sub time_cases ($name)
{
	my $wrong = qr/ is not a time in seconds from 0 to 2147483647 \(us, ms, s, min, h or d may follow\)/;
	my %meant = ('5 sec' => '5s', '500 msec' => '500ms', '2hours' => '2h', '1.5 minutes' => '1.5min', '3 days' => '3d');
	return ((map { [ "$name = $_", qr/"\Q$_\E"$wrong$/ ] } '', '-1', '-0.5', '1,5', '1e10', '2147483648', '30000 d', '9' x 30, 'nan', 'inf',
			'0x10', '5 parsecs', 's', '5 5', 'soon'),
		(map { [ "$name = $_", qr/"\Q$_\E"$wrong; did you mean "\Q$meant{$_}\E"\?$/ ] } sort keys %meant),
		map { [ "$name = $_", undef ] } '2147483647', '1.5', '0.001', '500ms', '5 min', '20000us', '1h', '1d');
}
play('times', map { time_cases($_) } of_kind('time'));
play('no time at all', map { [ "$_ = 0", $_ eq 'stats_period' ? qr/must be more than 0/ : undef ] } of_kind('time'));

# Choices -----------------------------------------------------------------------------------------

sub choice_cases ($name)
{
	my @words = $setting{$name}{words}->@*;
	# Of a long one the beginning is shown.
	return ((map { [ "$name = $_", qr/"\Q@{[ substr $_, 0, 80 ]}\E" is not one of "/ ] } '', '-1', '1.5', '9' x 30, 'x' x 5000, '-', $words[0] . ',' . $words[1]),
		map { my $word = $_; ([ "$name = $word" . substr($word, -1), qr/".*" is not one of ".*; did you mean "\Q$word\E"\?$/ ]) } @words);
}
my @choices = of_kind('choice');
play('choices', map { choice_cases($_) } @choices);
# What a choice needs elsewhere in the file is another matter.
my @harmless = grep { $_ !~ /^(?:auth_type|client_tls_sslmode)$/ } @choices;
play('words that can be chosen', map { my $name = $_; map { ([ "$name = $_", undef ], [ "$name = \U$_", undef ]) } $setting{$name}{words}->@* } @harmless);

# Texts -------------------------------------------------------------------------------------------

# Those that are looked at when the file is read, and not only where they are used.
my $version = qr/".*" is no version of TLS/;
my $file    = qr/cannot read "/;
my $cipher  = qr/cannot use "/;
my %checked = (
	client_tls_protocols => { empty => $version, number => $version, huge => $version },
	server_tls_protocols => { empty => $version, number => $version, huge => $version },
	auth_ldap_options    => { number => qr/a word .* is not an option/, huge => qr/a word .* is not an option/ },
	(map { $_ => { number => $cipher, huge => $cipher } } qw(server_tls_ciphers server_tls13_ciphers)),
	map { $_ => { number => $file, huge => $file } } map { "server_tls_${_}_file" } qw(ca cert crl key));
# This names a file that would have to be there.
my @texts = grep { $_ ne 'auth_file' } of_kind('text');
my %text  = (empty => '', number => '-1', huge => 'x' x 100_000);
play("texts: $_", map { my $kind = $_; map { [ "$_ = $text{$kind}", $checked{$_}{$kind} ] } @texts } $_) for sort keys %text;

# Given twice -------------------------------------------------------------------------------------

my @once = map { "$_ = $setting{$_}{default}" } @names;
($status, $said) = said_of('auth_type = trust', @once, @once);
my @unnoticed = grep { my $i = $_; !grep { /^\Q$names[$i]\E is set again; the value of \S+test\.ini:@{[ 5 + $i ]} does not count$/ }
		($said->{ 5 + @names + $i } // [])->@* } 0 .. $#names;
is_deeply([ @names[@unnoticed] ], [], 'what is given twice is noted, each with its line');
my $twice = Millpond->new('twice', databases => { '*' => 'host=127.0.0.1' }, settings => {
		default_pool_size => "3\ndefault_pool_size = 7",
		query_timeout     => "3\nquery_timeout = 1.5",
		pool_mode         => "session\npool_mode = statement",
		log_stats         => "1\nlog_stats = 0",
		login_notify_message => "first\nlogin_notify_message = last",
	});
my %value = map { $_->{key} => $_->{value} } $twice->console('SHOW CONFIG');
is(join(' ', @value{qw(default_pool_size query_timeout pool_mode log_stats login_notify_message)}), '7 1.5 statement 0 last',
	'and the last one counts');

done_testing;
