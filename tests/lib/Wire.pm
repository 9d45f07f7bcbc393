# One end of a connection that speaks protocol 3.0 and does what it is told, byte for byte.
#
# A test builds messages by their names in the manual and sends any mixture of them:
#
#	my $client = Wire->login($millpond, user => 'app');
#	is($client->query('select 1')->{rows}[0][0], 1);
#	$client->put(Parse('', 'select $1::int'), Bind('', '', 7), Execute(), Sync());
#	is($client->result->{types}, '12DCZ');
#
# Nothing here waits for ever: reading dies after $Wire::patience seconds. A message is a pair
# [type, body]; undef is the end of the stream. FakeServer uses the same class for the other end.
package Wire;

use v5.36;
use Carp;
use Exporter 'import';
use IO::Socket::INET;
use IO::Socket::UNIX;
use List::Util qw(pairs);
use Socket qw(IPPROTO_TCP TCP_NODELAY SOL_SOCKET SO_LINGER SO_RCVBUF);
use Time::HiRes qw(time);

our @EXPORT = qw(Message Startup CancelRequest Query Parse Bind Describe Execute Close Flush Sync
	CopyData CopyDone CopyFail FunctionCall Terminate Fields);

our $patience = $ENV{TEST_PATIENCE} || 30;

# Messages -----------------------------------------------------------------------------------

sub Message ($type, $body = '') { return $type . pack('N', 4 + length $body) . $body }

sub Startup (%parameters)
{
	my $body = pack 'N', delete $parameters{protocol} // 3 << 16;
	$body .= "$_->[0]\0$_->[1]\0" for pairs map { $_ => $parameters{$_} } sort keys %parameters;
	return pack('N', 5 + length $body) . "$body\0";
}

sub CancelRequest ($pid, $secret) { return pack 'NNNN', 16, 80877102, $pid, $secret }

sub Query ($sql)                   { return Message('Q', "$sql\0") }
sub Parse ($name, $sql, @types)    { return Message('P', "$name\0$sql\0" . pack('n/(N)', @types)) }
sub Describe ($kind, $name = '')   { return Message('D', "$kind$name\0") }
sub Execute ($portal = '', $n = 0) { return Message('E', "$portal\0" . pack('N', $n)) }
sub Close ($kind, $name = '')      { return Message('C', "$kind$name\0") }
sub Flush ()                       { return Message('H') }
sub Sync ()                        { return Message('S') }
sub CopyData ($data)               { return Message('d', $data) }
sub CopyDone ()                    { return Message('c') }
sub CopyFail ($why)                { return Message('f', "$why\0") }
sub Terminate ()                   { return Message('X') }

sub Bind ($portal = '', $statement = '', @values)
{
	return Message('B', "$portal\0$statement\0" . pack('n', 0) . counted(@values) . pack('n', 0));
}

sub FunctionCall ($oid, @arguments)
{
	return Message('F', pack('Nn', $oid, 0) . counted(@arguments) . pack('n', 0));
}

sub counted (@values)
{
	return pack('n', scalar @values)
		. join '', map { defined ? pack('N/a*', $_) : pack('N', 0xFFFFFFFF) } @values;
}

# The fields of an ErrorResponse or NoticeResponse: { S => 'ERROR', C => '42601', M => '...' }.
sub Fields ($body)
{
	return { map { substr($_, 0, 1) => substr($_, 1) } grep { length } split /\0/, $body };
}

# Connections --------------------------------------------------------------------------------

sub new ($class, $socket, %more)
{
	$socket->blocking(0);
	return bless { socket => $socket, in => '', parameters => {}, %more }, $class;
}

# A socket to a PostgreSQL::Test::Cluster (a Millpond is one); nothing is sent on it yet.
# unix => 1 takes the Unix socket, rcvbuf => N makes the kernel's buffer small, and tls => { ... }
# (options of IO::Socket::SSL) asks for TLS first.
sub connect ($class, $node, %how)
{
	my $socket;
	if ($how{unix})
	{
		$socket = IO::Socket::UNIX->new(Peer => $node->host . '/.s.PGSQL.' . $node->port);
	}
	else
	{
		# Before connect(), as the window is agreed upon then.
		my @sockopts = $how{rcvbuf} ? (Sockopts => [ [ SO_RCVBUF, $how{rcvbuf} ] ]) : ();
		$socket = IO::Socket::INET->new(
			PeerAddr => '127.0.0.1',
			PeerPort => $node->port,
			@sockopts);
		$socket->setsockopt(IPPROTO_TCP, TCP_NODELAY, 1) if $socket;
	}
	croak "cannot connect: $@ $!" unless $socket;
	my $self = $class->new($socket, node => $node, how => \%how);
	$self->start_tls($how{tls}) if $how{tls};
	return $self;
}

our $ssl_request = pack 'NN', 8, 80877103;

# Asks for TLS, unless it is to be direct, and shakes hands. Options are those of IO::Socket::SSL; by
# default nothing is verified.
sub start_tls ($self, $options = {}, %how)
{
	require IO::Socket::SSL;
	if (!$how{direct})
	{
		$self->put($ssl_request);
		my $answer = $self->get_bytes(1) // 'nothing';
		croak "TLS was answered with $answer" if $answer ne 'S';
	}
	$self->{socket}->blocking(1);
	IO::Socket::SSL->start_SSL($self->{socket}, SSL_verify_mode => 0, SSL_hostname => '',
		Timeout => $patience, %$options)
		or croak "TLS failed: $IO::Socket::SSL::SSL_ERROR";
	$self->{socket}->blocking(0);
	return $self;
}

# Logs in with a password, whatever is asked for, and returns result() of the last words. What was
# asked is in $self->{asked} (-1: nothing), the challenges in $self->{challenges}.
sub authenticate ($self, $password, %parameters)
{
	return $self->prove($password, %parameters)->result;
}

# The first half of that, up to the last challenge: result() then waits for what is said to it.
sub prove ($self, $password, %parameters)
{
	require Scram;
	$self->startup(%parameters);
	@$self{qw(asked challenges)} = (-1, []);
	while (defined(my $message = $self->get))
	{
		my ($type, $body) = @$message;
		my ($request, $data) = $type eq 'R' ? unpack 'N a*', $body : (-1);
		$self->{asked} = $request if $self->{asked} < 0;
		if ($request <= 0)
		{
			substr $self->{in}, 0, 0, Message($type, $body);
			last;
		}
		push $self->{challenges}->@*, $data;
		if    ($request == 3) { $self->put(Message('p', "$password\0")) }
		elsif ($request == 5)
		{
			$self->put(Message('p', Scram::md5_response($password, $parameters{user}, $data) . "\0"));
		}
		elsif ($request == 10)
		{
			$self->{scram} = Scram->new($password);
			$self->put(Message('p', "SCRAM-SHA-256\0" . pack 'N/a*', $self->{scram}->first));
		}
		elsif ($request == 11)
		{
			$self->put(Message('p', $self->{scram}->final($data)));
		}
		# What the server signs may come together with what stands behind it: see result().
		last if $request != 10;
	}
	return $self;
}

# A client that is logged in. Names with a small first letter are startup parameters, except
# those of connect().
sub login ($class, $node, %parameters)
{
	my %how = map { $_ => delete $parameters{$_} } grep { exists $parameters{$_} } qw(unix rcvbuf tls);
	my $self = $class->connect($node, %how);
	$self->startup(%parameters);
	my $greeting = $self->result;
	croak "login failed: $greeting->{error}{M}" if $greeting->{error};
	croak "login failed: connection closed" unless $greeting->{status};
	$self->{greeting} = $greeting;
	return $self;
}

sub startup ($self, %parameters)
{
	return $self->put(Startup(user => 'postgres', database => 'postgres', %parameters));
}

sub put ($self, @messages)
{
	my $bytes    = join '', @messages;
	my $deadline = time + $patience;
	while (length $bytes)
	{
		my $n = syswrite $self->{socket}, $bytes;
		if (defined $n) { substr($bytes, 0, $n, ''); next }
		return $self if $!{EPIPE} || $!{ECONNRESET};    # what was said before is still to be read
		croak "send: $!" unless $!{EAGAIN} || $!{EINTR};
		$self->wait_for(write => $deadline);
	}
	return $self;
}

# Sends what goes into the kernel's buffers at once and says how much that was.
sub put_some ($self, $bytes)
{
	my $n = syswrite $self->{socket}, $bytes;
	croak "send: $!" unless defined $n || $!{EAGAIN};
	return $n // 0;
}

sub wait_for ($self, $direction, $deadline)
{
	my $bits = '';
	vec($bits, fileno $self->{socket}, 1) = 1;
	my $left = $deadline - time;
	my @sets = $direction eq 'read' ? ($bits, undef) : (undef, $bits);
	croak "nothing to $direction in time" if $left <= 0 || !select $sets[0], $sets[1], undef, $left;
	return;
}

# Appends what has come to the buffer; false at the end of the stream.
sub fill ($self, $deadline)
{
	while (1)
	{
		my $n = sysread $self->{socket}, $self->{in}, 1 << 18, length $self->{in};
		return $n if defined $n;
		return 0 if $!{ECONNRESET};
		croak "receive: $!" unless $!{EAGAIN} || $!{EINTR};
		$self->wait_for(read => $deadline);
	}
}

# Exactly that many bytes, or undef when the stream ends before.
sub get_bytes ($self, $wanted, $seconds = $patience)
{
	my $deadline = time + $seconds;
	while (length $self->{in} < $wanted) { $self->fill($deadline) or return undef }
	return substr $self->{in}, 0, $wanted, '';
}

# The next message, or undef at the end of the stream.
sub get ($self, $seconds = $patience)
{
	my $deadline = time + $seconds;
	while (length $self->{in} < 5 || length $self->{in} < 1 + unpack 'xN', $self->{in})
	{
		$self->fill($deadline) or return undef;
	}
	my ($type, $length) = unpack 'aN', $self->{in};
	my $body = substr $self->{in}, 5, $length - 4;
	substr $self->{in}, 0, 1 + $length, '';
	return [ $type, $body ];
}

# Whether anything has arrived within some seconds that has not been read yet.
sub quiet ($self, $seconds = 0)
{
	return 0 if length $self->{in};
	my $bits = '';
	vec($bits, fileno $self->{socket}, 1) = 1;
	return !select $bits, undef, undef, $seconds;
}

# Whether the other side closes the connection; what it says before is dropped.
sub closed ($self, $seconds = $patience)
{
	my $deadline = time + $seconds;
	return !!eval { 1 while do { $self->{in} = ''; $self->fill($deadline) }; 1 };
}

# All bytes that are still to come before the other side closes.
sub rest ($self, $seconds = $patience)
{
	my $deadline = time + $seconds;
	1 while $self->fill($deadline);
	return $self->{in};
}

sub close ($self) { CORE::close $self->{socket}; return }

# Closes with a reset instead of an orderly end.
sub reset ($self)
{
	$self->{socket}->setsockopt(SOL_SOCKET, SO_LINGER, pack 'll', 1, 0);
	return $self->close;
}

# Answers ------------------------------------------------------------------------------------

# Everything up to ReadyForQuery, the given message type or the end of the stream, in one hash:
# types ('TDCZ'), columns, oids, rows, tags, error (fields of the first one), errors, notices,
# notifications, parameters (ParameterStatus messages in their order), status (of ReadyForQuery).
sub result ($self, $last = 'Z', $seconds = $patience)
{
	my $result = { types => '', map { $_ => [] } qw(rows tags errors notices parameters copy) };
	while (defined(my $message = $self->get($seconds)))
	{
		my ($type, $body) = @$message;
		if ($type eq 'R' && $self->{scram} && unpack('N', $body) == 12)
		{
			$self->{signed} = $self->{scram}->verify(substr $body, 4);
			next;
		}
		$result->{types} .= $type;
		$self->note($result, $type, $body);
		return $result if $type eq $last;
	}
	$result->{eof} = 1;
	return $result;
}

sub note ($self, $result, $type, $body)
{
	if    ($type eq 'T') { @$result{qw(columns oids)} = columns($body) }
	elsif ($type eq 'D') { push $result->{rows}->@*, row($body) }
	elsif ($type eq 'C') { push $result->{tags}->@*, $body =~ s/\0\z//r }
	elsif ($type eq 'Z') { $result->{status} = $body }
	elsif ($type eq 'd') { push $result->{copy}->@*, $body }
	elsif ($type eq 'N') { push $result->{notices}->@*, Fields($body) }
	elsif ($type eq 'V') { $result->{value} = unpack 'N/a*', $body }
	elsif ($type eq 'v') { $result->{negotiated} = $body }
	elsif ($type eq 'A') { push $result->{notifications}->@*, [ split /\0/, substr $body, 4 ] }
	elsif ($type eq 'K') { @$self{qw(pid secret)} = unpack 'NN', $body }
	elsif ($type eq 'E')
	{
		push $result->{errors}->@*, Fields($body);
		$result->{error} = $result->{errors}[0];
	}
	elsif ($type eq 'S')
	{
		my ($name, $value) = split /\0/, $body;
		$self->{parameters}{$name} = $value // '';
		push $result->{parameters}->@*, [ $name, $value // '' ];
	}
	return;
}

sub columns ($body)
{
	my @columns = unpack 'n/(Z* N n N n N n)', $body;
	return [ @columns[ map { 7 * $_ } 0 .. $#columns / 7 ] ],
		[ @columns[ map { 7 * $_ + 3 } 0 .. $#columns / 7 ] ];
}

sub row ($body)
{
	my ($n, $rest) = unpack 'n a*', $body;
	my @values;
	for (1 .. $n)
	{
		my $length = unpack 'l>', substr $rest, 0, 4, '';
		push @values, $length < 0 ? undef : substr $rest, 0, $length, '';
	}
	return \@values;
}

# Runs a simple query; dies if the connection ends or the test asks for what failed.
sub query ($self, $sql)
{
	return $self->put(Query($sql))->result;
}

# The single value that a query returns; dies with the server's words when it fails.
sub value ($self, $sql)
{
	my $result = $self->query($sql);
	croak "$sql: $result->{error}{M}" if $result->{error};
	croak "$sql: connection closed" if $result->{eof};
	return $result->{rows}[0] && $result->{rows}[0][0];
}

# Runs one query after the other for some seconds and says how long the slowest took.
sub slowest ($self, $seconds)
{
	my ($slowest, $until) = (0, time + $seconds);
	while ((my $from = time) < $until)
	{
		$self->value('select 1');
		$slowest = time - $from if time - $from > $slowest;
	}
	return $slowest;
}

# The rows of a query as hashes.
sub hashes ($self, $sql)
{
	my $result = $self->query($sql);
	croak "$sql: $result->{error}{M}" if $result->{error};
	return map { my %row; @row{ $result->{columns}->@* } = @$_; \%row } $result->{rows}->@*;
}

# Asks to cancel what this session is doing, and waits until that connection is closed.
sub cancel ($self, $secret = $self->{secret})
{
	my $other = Wire->connect($self->{node}, $self->{how}->%*);
	$other->put(CancelRequest($self->{pid}, $secret));
	return $other->closed;
}

1;
