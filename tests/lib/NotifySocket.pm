# The service manager's end of sd_notify(3): a datagram socket, and what was said on it so far.
#
#	my $manager = NotifySocket->new("$dir/notify");      # or '@name', in the abstract namespace
#	... start a daemon with NOTIFY_SOCKET=$manager->{path} ...
#	my $message = $manager->await('READY');              # { READY => 1, STATUS => '...', at => ... }
package NotifySocket;

use v5.36;
use Carp;
use IO::Select;
use IO::Socket::UNIX;
use Socket qw(SOCK_DGRAM);
use Time::HiRes qw(time);
use Wire ();

sub new ($class, $path)
{
	my $socket = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $path =~ s/^@/\0/r)
		or croak "$path: $!";
	return bless { path => $path, socket => $socket, said => [] }, $class;
}

# The next message within so many seconds, or nothing.
sub next_message ($self, $seconds)
{
	IO::Select->new($self->{socket})->can_read($seconds < 0 ? 0 : $seconds) or return;
	defined $self->{socket}->recv(my $text, 65536) or croak "recv: $!";
	my $message = { at => time, map { /^([A-Z_]+)=(.*)$/s ? ($1, $2) : croak "not KEY=value: $_" }
			split /\n/, $text };
	push $self->{said}->@*, $message;
	return $message;
}

# The next message that has the key, whatever else is said before it; dies when patience is over.
sub await ($self, $key, $seconds = $Wire::patience)
{
	my $deadline = time + $seconds;
	while (my $message = $self->next_message($deadline - time))
	{
		return $message if exists $message->{$key};
	}
	croak "no $key= within $seconds s";
}

# All that is said within so many seconds.
sub listen_for ($self, $seconds)
{
	my $deadline = time + $seconds;
	my @heard;
	while (my $message = $self->next_message($deadline - time)) { push @heard, $message }
	return @heard;
}

1;
