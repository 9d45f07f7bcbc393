# A PostgreSQL made of paper: it listens on a port of its own and does on demand what a real one
# does not, such as dying in the middle of a row. Each connection is served by a process.
#
#	my $fake = FakeServer->new(query => sub ($c, $sql) {
#		return 0 if $sql !~ /die/;                  # not ours: the default answer
#		$c->put(RowDescription('a'), "D\0\0\0\x64\0\1");
#		exit;
#	});
#
# Hooks, all optional: connected ($c) runs before anything is read; login ($c, \%startup) sends everything up to the first ReadyForQuery;
# query ($c, $sql) answers one simple query or one Execute, its ReadyForQuery included when
# $c->{extended} is false; message ($c, $type, $body) sees every message first; cancel ($c) runs
# before the connection of a cancel request is closed, which is for the process $c->{cancels}; ssl ($c) answers a request for TLS. A hook that returns false leaves the work to
# the defaults. What arrived is in received(). So many connections as `backlog` says, and one more, wait to be accepted.
package FakeServer;

use v5.36;
use Surroundings;
use Carp;
use Exporter 'import';
use IO::Socket::INET;
use PostgreSQL::Test::Utils qw(slurp_file);
use POSIX ();
use Wire;

# At compile time, as the second package below imports them too.
our @EXPORT;
BEGIN
{
	@EXPORT = qw(AuthRequest AuthenticationOk ParameterStatus BackendKeyData ReadyForQuery RowDescription
		DataRow CommandComplete ErrorResponse NoticeResponse);
}

# Asks for what the manual's Authentication messages ask for, by their numbers.
sub AuthRequest ($code, $data = '')  { return Message('R', pack('N', $code) . $data) }
sub AuthenticationOk ()              { return AuthRequest(0) }
sub ParameterStatus ($name, $value)  { return Message('S', "$name\0$value\0") }
sub BackendKeyData ($pid, $secret)   { return Message('K', pack 'NN', $pid, $secret) }
sub ReadyForQuery ($status = 'I')    { return Message('Z', $status) }
sub CommandComplete ($tag)           { return Message('C', "$tag\0") }
sub DataRow (@values)                { return Message('D', Wire::counted(@values)) }
sub NoticeResponse ($text)           { return _report('N', 'NOTICE', '00000', $text) }

sub ErrorResponse ($code, $text, $severity = 'ERROR')
{
	return _report('E', $severity, $code, $text);
}

sub _report ($type, $severity, $code, $text)
{
	return Message($type, "S$severity\0V$severity\0C$code\0M$text\0\0");
}

sub RowDescription (@names)
{
	return Message('T', pack('n', scalar @names)
		. join '', map { pack 'Z* N n N n N n', $_, 0, 0, 25, 65535, 0xFFFFFFFF, 0 } @names);
}

# The hooks of a database whose auth_query has whois in it; find ($user) tells a user's secret, if there is such a user.
sub tells_secrets ($find)
{
	return (
		message => sub ($c, $type, $body) {
			($c->{about}) = $body =~ /(\w+)\0*\z/ if $type eq 'B';
			return $c->put(RowDescription('name', 'secret')) if $type eq 'D';
			return 0;
		},
		query => sub ($c, $sql) {
			return 0 if $sql !~ /whois/;
			my $secret = $find->($c->{about});
			return $c->put($secret ? DataRow($c->{about}, $secret) : (), CommandComplete('SELECT'));
		});
}

my %parameters = (
	server_version              => '15.0',
	server_encoding             => 'UTF8',
	client_encoding             => 'UTF8',
	DateStyle                   => 'ISO, MDY',
	TimeZone                    => 'UTC',
	IntervalStyle               => 'postgres',
	integer_datetimes           => 'on',
	standard_conforming_strings => 'on',
	is_superuser                => 'on',
	session_authorization       => 'postgres',
	application_name            => '',
);

my @running;

sub new ($class, %hooks)
{
	my $socket = IO::Socket::INET->new(Listen => $hooks{backlog} // 64, LocalAddr => '127.0.0.1', ReuseAddr => 1,
		LocalPort => $hooks{port} // 0)
		or croak "listen: $@";
	my $self = bless { hooks => \%hooks, port => $socket->sockport, owner => $$ }, $class;
	$self->{record} = PostgreSQL::Test::Utils::tempdir() . '/received';
	open my $record, '>>', $self->{record} or croak "$self->{record}: $!";
	$record->autoflush(1);
	$self->{pid} = fork // croak "fork: $!";
	$self->_serve($socket, $record) if !$self->{pid};
	# Here as well, so that it has its group whoever runs first: stop() would wait for ever for what it could not kill.
	setpgrp $self->{pid}, $self->{pid};
	push @running, $self;
	return $self;
}

sub port   ($self) { return $self->{port} }
sub target ($self) { return "host=127.0.0.1 port=$self->{port}" }

# The messages that arrived, one string each: "CONNECTION TYPE BODY" with the body's zero bytes
# shown as '|'. Connections count from 1; the type of the startup packet is 'startup'.
sub received ($self, $pattern = qr/^/)
{
	return grep { $_ =~ $pattern } split /\n/, slurp_file($self->{record});
}

# Ends it with all its connections, as a crash would.
sub stop ($self)
{
	return unless $self->{owner} == $$ && $self->{pid};
	kill 'KILL', -$self->{pid};
	waitpid $self->{pid}, 0;
	$self->{pid} = undef;
	return;
}

END { my $status = $?; $_->stop for @running; $? = $status }

# The processes behind it ---------------------------------------------------------------------

sub _serve ($self, $listener, $record)
{
	setpgrp;
	local $SIG{CHLD} = 'IGNORE';
	for (my $number = 1; ; $number++)
	{
		my $socket = $listener->accept or next;
		my $pid = fork // next;
		next if $pid;
		$SIG{CHLD} = 'DEFAULT';
		close $listener;
		my $connection = FakeServer::Connection->new($socket, hooks => $self->{hooks},
			record => $record, number => $number, parameters => {%parameters}, status => 'I');
		eval { $connection->serve; 1 } or $connection->log('died', $@);
		$connection->{socket}->close;    # of TLS as well
		POSIX::_exit(0);
	}
}

package FakeServer::Connection;

use v5.36;
use parent -norequire, 'Wire';
use Socket qw(MSG_PEEK);
use Time::HiRes qw(sleep);

BEGIN { FakeServer->import; Wire->import }

sub log ($self, $type, $body)
{
	syswrite $self->{record}, "$self->{number} $type " . ($body =~ tr/\0\n/| /r) . "\n";
	return;
}

sub leave ($self) { POSIX::_exit(0) }

# Says the same again and again until the other side closes, and leaves.
sub flood ($self, $bytes)
{
	local $SIG{PIPE} = 'IGNORE';
	$self->log('floods', '');
	$self->{socket}->blocking(1);
	my $at = 0;
	while (my $sent = syswrite $self->{socket}, $bytes, length($bytes) - $at, $at)
	{
		$at = ($at + $sent) % length $bytes;
	}
	$self->leave;
}

# The first byte that is to be read, as a number; nothing at an end.
sub first_byte ($self)
{
	$self->{socket}->blocking(1);
	$self->{socket}->recv(my $byte, 1, MSG_PEEK);
	$self->{socket}->blocking(0);
	return length $byte ? ord $byte : undef;
}

# For the ssl hook: agrees to TLS, or answers something else, and shows the certificate that a Certificates has issued
# under that name.
sub shake_hands ($self, $authority, $name, %more)
{
	require IO::Socket::SSL;
	$self->put(delete $more{answer} // 'S');
	$self->{socket}->blocking(1);
	IO::Socket::SSL->start_SSL($self->{socket}, SSL_server => 1, SSL_cert_file => $authority->file("$name.crt"),
		SSL_key_file => $authority->file("$name.key"), %more) or $self->leave;
	$self->{socket}->blocking(0);
	return 1;
}

# For the login hook: asks for a password in the clear, notes who gave which, and lets everybody in.
sub note_password ($self, $startup)
{
	$self->put(AuthRequest(3));
	$self->log('password', "$startup->{user} " . ($self->get // $self->leave)->[1]);
	return $self->log_in;
}

# For the login hook: asks for SCRAM-SHA-256 and returns the client's first message.
sub begin_scram ($self)
{
	$self->put(AuthRequest(10, "SCRAM-SHA-256\0\0"));
	my (undef, $first) = unpack 'Z* N/a*', ($self->get // $self->leave)->[1];
	return $first;
}

sub serve ($self)
{
	my $connected = $self->{hooks}{connected};
	$connected->($self) if $connected;
	my $startup = $self->startup_packet or return;
	my $login   = $self->{hooks}{login};
	$login && $login->($self, $startup) or $self->log_in;
	local $Wire::patience = 600;
	while (my $message = $self->get)
	{
		my ($type, $body) = @$message;
		$self->log($type, $body);
		return if $type eq 'X';
		my $hook = $self->{hooks}{message};
		$hook && $hook->($self, $type, $body) or $self->answer($type, $body);
	}
	$self->log('eof', '');
	return;
}

# The parameters of a StartupMessage; refuses encryption, and notes cancel requests.
sub startup_packet ($self)
{
	while (1)
	{
		my $length = unpack 'N', $self->get_bytes(4) // return undef;
		my ($code, $rest) = unpack 'N a*', $self->get_bytes($length - 4) // return undef;
		my $ssl = $code == 80877103 && $self->{hooks}{ssl};
		next if $ssl && $ssl->($self);
		if ($code == 80877103 || $code == 80877104) { $self->put('N'); next }
		$self->log($code == 80877102 ? 'cancel' : 'startup', $rest);
		if ($code == 80877102)
		{
			$self->{cancels} = unpack 'N', $rest;
			my $hook = $self->{hooks}{cancel};
			$hook->($self) if $hook;
			return undef;
		}
		my @parameters = split /\0/, $rest;
		return {@parameters};
	}
}

sub log_in ($self)
{
	my $parameters = $self->{parameters};
	return $self->put(AuthenticationOk(),
		(map { ParameterStatus($_, $parameters->{$_}) } sort keys %$parameters),
		BackendKeyData($$, 4711), ReadyForQuery());
}

sub answer ($self, $type, $body)
{
	$self->{extended} = $type ne 'Q';
	if ($type eq 'Q') { $self->run($body =~ s/\0\z//r); }
	elsif ($type eq 'P') { (undef, $self->{sql}) = split /\0/, $body; $self->put(Message('1')) }
	elsif ($type eq 'B') { $self->put(Message('2')) }
	elsif ($type eq 'C') { $self->put(Message('3')) }
	elsif ($type eq 'D') { $self->put(RowDescription('answer')) }
	elsif ($type eq 'E') { $self->run($self->{sql}) }
	elsif ($type eq 'S') { $self->put(ReadyForQuery($self->{status})) }
	return;
}

# One query: SET and transaction commands are understood, anything else returns its own text.
sub run ($self, $sql)
{
	my $hook = $self->{hooks}{query};
	return if $hook && $hook->($self, $sql);
	for my $one (grep { /\S/ } split /;/, $sql)
	{
		if ($one =~ /^\s*set\s+(?:session\s+)?"?(\w+)"?\s*(?:=|to)\s*'?(.*?)'?\s*$/i)
		{
			my ($name) = grep { lc $_ eq lc $1 } keys $self->{parameters}->%*;
			$self->put(ParameterStatus($name, $2)) if $name;
			$self->put(CommandComplete('SET'));
		}
		elsif ($one =~ /^\s*(begin|commit|rollback)/i)
		{
			$self->{status} = lc $1 eq 'begin' ? 'T' : 'I';
			$self->put(CommandComplete(uc $1));
		}
		else { $self->answer_with($one) }
	}
	$self->put(Message('I')) if $sql !~ /[^\s;]/;
	$self->put(ReadyForQuery($self->{status})) if !$self->{extended};
	return;
}

sub answer_with ($self, @values)
{
	$self->put(RowDescription(map { 'answer' } @values)) if !$self->{extended};
	$self->put(DataRow(@values), CommandComplete('SELECT 1'));
	return;
}

1;
