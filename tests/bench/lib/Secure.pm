# What TLS and passwords cost: queries over TLS, and logins of several kinds, beside pgbouncer with the same
# certificate and the same file of users.
package Secure;

use v5.36;
use Exporter 'import';
use Poolers;
use Process;
use Ration;
use Relayed;
use Samples;
use Table;

our @EXPORT = qw(measure_secure tls_settings login_kinds);

# How clients of each kind log in, and what the pooler is told about them. The password is always the same.
my $password = 'pencil';
my $scram    = 'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ=='
	. '$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=';
my @kinds = (
	# name                   secret      TLS        certificate
	[ 'login',               undef,      undef,     undef ],
	[ 'login_scram',         $scram,     undef,     undef ],
	[ 'login_plain',         $password,  undef,     undef ],
	[ 'login_tls',           undef,      'full',    'rsa' ],
	[ 'login_resumed',       undef,      'resumed', 'rsa' ],
	[ 'login_tls_ecdsa',     undef,      'full',    'ecdsa' ],
	[ 'login_resumed_ecdsa', undef,      'resumed', 'ecdsa' ],
	[ 'login_tls_scram',     $scram,     'full',    'ecdsa' ],
);

# Where handshakes are spread over the processors, the generator's own part of them decides how many there are in a
# second. With one worker it is the pooler's, as it always is with pgbouncer.
my $one_worker = 'millpond of 1';

# These once more with so much of a processor for each thread of a pooler, so that generator and pooler together do
# not fill them, and the pooler is the limit.
my @rationed = qw(login_scram login_tls login_resumed login_tls_ecdsa);
my $ration   = 0.2;    # of a processor
my $workers  = 2;

sub login_kinds () { return map { $_->[0] } @kinds }

sub _write ($name, $text)
{
	my $path = work_folder() . "/$name";
	open my $file, '>', $path or die "$path: $!\n";
	print $file $text;
	close $file;
	return $path;
}

# RSA with 2048 bits is what `openssl req` makes by itself, and what Debian gives to its servers.
my %key_kinds = (
	rsa   => [qw(rsa:2048)],
	ecdsa => [qw(ec -pkeyopt ec_paramgen_curve:prime256v1)],
);

# Lines of an ini, for a certificate of that kind.
sub tls_settings ($kind = 'ecdsa')
{
	state %settings;
	return $settings{$kind} //= do {
		my ($key, $certificate) = map { work_folder() . "/$kind.$_" } qw(key crt);
		run_program('', 20, program_path('openssl'), qw(req -x509 -newkey), $key_kinds{$kind}->@*,
			qw(-nodes -days 2 -subj /CN=localhost -keyout), $key, '-out', $certificate);
		chmod 0644, $key;    # poolers run as somebody else
		"client_tls_sslmode = allow\nclient_tls_key_file = $key\n"
			. "client_tls_cert_file = $certificate\n";
	};
}

sub _poolers ($plan, $server_port, $settings, $ours = '')
{
	return map { start_pooler($_, $server_port, $settings . ($_ eq 'millpond' ? $ours : '')) }
		grep { $_ ne 'floor' } @{ $plan->{names} };
}

sub _measure_queries ($plan, $server_port)
{
	my @poolers = _poolers($plan, $server_port, tls_settings());

	for my $clients (@{ $plan->{clients} }) {
		for my $round (0 .. $plan->{rounds} - 1) {
			take_sample($plan, $_, 'tls', $clients, $round, "--seconds=$plan->{seconds}",
				"--warmup=$plan->{warmup}", '--tls=full') for @poolers;
		}
	}
	stop_program($_->{pid}) for @poolers;
	print_throughput($plan, 'tls', @{ $plan->{clients} });
}

# The lines of the ini for logins of a kind, and the options of the generator.
sub _ways ($name, $secret, $tls, $certificate)
{
	my $settings = $tls ? tls_settings($certificate) : '';
	my @how      = $tls ? "--tls=$tls" : ();
	if ($secret) {
		my $users = _write("$name.users", qq("bench" "$secret"\n));
		$settings .= "auth_type = scram-sha-256\nauth_file = $users\n";
		push @how, "--password=$password";
	}
	return ($settings, @how);
}

# The poolers take turns, and end. What is spread over processors takes a moment to be so: is_long.
sub _take_turns ($plan, $workload, $is_long, $how, @poolers)
{
	my ($rounds, $seconds, $warmup) = $is_long ? @$plan{qw(long_rounds long_seconds long_warmup)}
		: @$plan{qw(rounds seconds warmup)};

	for my $round (0 .. $rounds - 1) {
		take_sample($plan, $_, $workload, $plan->{login_clients}, $round, "--seconds=$seconds",
			"--warmup=$warmup", @$how) for @poolers;
	}
	stop_program($_->{pid}) for @poolers;
	return if $workload !~ /resumed/;
	for my $pooler (map { $_->{name} } @poolers) {
		$plan->{samples}->compare($workload, $workload =~ s/resumed/tls/r, $plan->{login_clients}, $pooler, @$_)
			for [ 'tps', 'of_full' ], [ 'cpu_us', 'cpu_of_full' ];
	}
}

sub _measure_logins ($plan, $server_port)
{
	for my $kind (@kinds) {
		my ($name, undef, $tls) = @$kind;
		my ($settings, @how) = _ways(@$kind);
		pin_to('none') if $tls;
		my @poolers = _poolers($plan, $server_port, $settings);
		push @poolers, { %{ start_pooler('millpond', $server_port, "workers = 1\n$settings") }, name => $one_worker }
			if $tls && grep { $_ eq 'millpond' } @{ $plan->{names} };
		_take_turns($plan, $name, $tls, \@how, @poolers);
		pin_to($plan->{pin});
	}
	_print_logins($plan, 'that connect, log in and leave', login_kinds());
}

# pgbouncer is one thread and gets one ration; Millpond gets one for each worker.
sub _measure_rationed ($plan, $server_port)
{
	my %kind = map { $_->[0] => $_ } @kinds;

	if (my $why = why_no_rations()) {
		print "\nLogins are not measured with a part of a processor for each thread of a pooler: $why.\n";
		return;
	}
	pin_to('none');
	for my $name (@rationed) {
		my ($settings, @how) = _ways($kind{$name}->@*);
		my @poolers = _poolers($plan, $server_port, $settings, "workers = $workers\nspread_clients = 1\n");
		ration($_->{pid}, $_->{name} eq 'millpond' ? $workers * $ration : $ration) for @poolers;
		_take_turns($plan, "$name rationed", 1, \@how, @poolers);
		end_rations();
	}
	pin_to($plan->{pin});
	_print_logins($plan, "while each thread of a pooler gets $ration of a processor", map { "$_ rationed" } @rationed);
}

sub _print_logins ($plan, $what, @workloads)
{
	my $samples = $plan->{samples};
	my $clients = $plan->{login_clients};
	my @rows    = (['logins', 'pooler', 'logins/s', '/pgbouncer', 'p50 us', 'pooler busy', 'CPU us/login',
		'/pgbouncer', 'resumed', 'logins/s, /full', 'CPU, /full']);

	for my $workload (@workloads) {
		for my $name (@{ $plan->{names} }, $one_worker) {
			my $get = sub ($key) { $samples->value($workload, $clients, $name, $key) };
			my $by  = sub ($key) { number($samples->ratio($workload, $clients, $name, 'pgbouncer', $key), 2) };
			next unless defined $get->('tps');
			push @rows, [$workload, $name, number($get->('tps')), $by->('tps'), number($get->('p50_us')),
				number(100 * $get->('busy'), 0, ' %'), number($get->('cpu_us'), 1), $by->('cpu_us'),
				number(100 * $get->('resumed'), 0, ' %'), map { number($get->($_), 2) } qw(of_full cpu_of_full)];
		}
	}
	print_table("**logins**, $clients clients $what", 2, @rows);
}

sub measure_secure ($plan, $server_port)
{
	my %wanted = map { $_ => 1 } @{ $plan->{workloads} };

	_measure_queries($plan, $server_port) if $wanted{tls};
	_measure_logins($plan, $server_port) if $wanted{logins};
	_measure_rationed($plan, $server_port) if $wanted{logins};
	measure_resting($plan, $server_port, 'idle_tls', tls_settings(), '--tls=full') if $wanted{idle_tls};
}

1;
