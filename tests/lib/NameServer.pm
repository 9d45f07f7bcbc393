# A name server on a UDP port of its own, which knows what it is told and keeps a list of what it was asked.
#
#	my $names = NameServer->new('db.pond.test' => ['127.0.0.1']);
#	Millpond->new('pool', settings => { resolv_conf => $names->resolv_conf });
#	$names->set('db.pond.test' => ['127.0.0.2'], 'pond.test' => 2);    # a number: the zone's serial
#	is($names->asked('A db.pond.test'), 1);
#
# A name with no addresses has none; one that is not there does not exist; undef: no answer at all; 'half' among the
# addresses: none to a question for AAAA.
package NameServer;

use v5.36;
use Files;
use IO::Socket::INET;
use POSIX ();
use PostgreSQL::Test::Utils qw(slurp_file append_to_file);
use Socket qw(AF_INET6 inet_aton inet_pton);
use Time::HiRes ();

my %type = (1 => 'A', 28 => 'AAAA', 6 => 'SOA');
my @children;

sub new ($class, %names)
{
	my $folder = PostgreSQL::Test::Utils::tempdir();
	my $self   = bless { folder => $folder, names => {} }, $class;
	my $socket = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1') or die "udp: $!";
	put_file("$folder/asked");
	put_file("$folder/resolv.conf",
		'nameserver 127.0.0.1:' . $socket->sockport . "\noptions timeout:1 attempts:2\n");
	$self->set(%names);
	my $pid = fork // die "fork: $!";
	if (!$pid) { $self->_serve($socket); POSIX::_exit(0) }
	push @children, $pid;
	return $self;
}

END { local $?; kill 'KILL', @children if @children; waitpid $_, 0 for @children }

sub resolv_conf ($self) { return "$self->{folder}/resolv.conf" }

sub set ($self, %names)
{
	$self->{names} = { $self->{names}->%*, %names };
	my $text = '';
	for my $name (sort keys $self->{names}->%*)
	{
		my $what = $self->{names}{$name};
		$text .= join(' ', $name, ref $what ? @$what : $what // 'silent') . "\n";
	}
	put_file("$self->{folder}/new", $text);
	rename "$self->{folder}/new", "$self->{folder}/names" or die;
	return;
}

# How often it was asked for a type and name, such as `A db.pond.test`.
sub asked ($self, $question)
{
	return scalar grep { $_ eq $question } split /\n/, slurp_file("$self->{folder}/asked");
}

sub _serve ($self, $socket)
{
	while (defined(my $peer = $socket->recv(my $question, 512)))
	{
		my ($at, @labels) = (12);
		while (my $length = ord substr $question, $at, 1)
		{
			push @labels, substr $question, $at + 1, $length;
			$at += 1 + $length;
		}
		my ($name, $type) = (lc join('.', @labels), $type{ unpack 'n', substr $question, $at + 1, 2 } // '?');
		append_to_file("$self->{folder}/asked", "$type $name\n");
		my ($line)  = grep { /^\Q$name\E( |$)/ } split /\n/, slurp_file("$self->{folder}/names");
		my @what    = split / /, $line // '';
		my @records = $type eq 'A' ? map { pack 'n n n N n/a', 0xc00c, 1, 1, 1, inet_aton($_) } grep { /\./ } @what[ 1 .. $#what ]
			: $type eq 'AAAA' ? map { pack 'n n n N n/a', 0xc00c, 28, 1, 1, inet_pton(AF_INET6, $_) } grep { /:/ } @what[ 1 .. $#what ]
			: $type eq 'SOA' && @what && $what[1] =~ /^\d+$/
			? pack 'n n n N n/a', 0xc00c, 6, 1, 1, "\2ns\xc0\x0c\5admin\xc0\x0c" . pack 'N5', $what[1], 1, 1, 1, 1
			: ();
		next if @what && $what[1] && $what[1] eq 'silent' || $type eq 'AAAA' && grep { $_ eq 'half' } @what;
		my $header = substr($question, 0, 2) . pack('n n n n n', 0x8180 | (@what ? 0 : 3), 1, scalar @records, 0, 0);
		$socket->send($header . substr($question, 12, $at + 5 - 12) . join('', @records), 0, $peer);
	}
	return;
}

1;
