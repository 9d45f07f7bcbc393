# Lets a program have only so much of the processors' time, by the kernel's bandwidth control for groups of processes
# (cgroups(7)): so that it stays the limit of what is measured, however little is left for those around it.
package Ration;

use v5.36;
use Exporter 'import';

our @EXPORT = qw(why_no_rations ration end_rations);

# How often it gets its share. Long enough for some hundred system calls, short beside a sample.
use constant PERIOD_US => 10_000;

my @groups;

# The folder of the controller, and whether it is of the second version.
sub _controller ()
{
	my $both = '/sys/fs/cgroup';

	return ("$both/cpu", 0) if -e "$both/cpu/cpu.cfs_quota_us" || -e "$both/cpu/cpu.shares";
	return unless open my $file, '<', "$both/cgroup.subtree_control";
	return (<$file> // '') =~ /\bcpu\b/ ? ($both, 1) : ();
}

sub _write ($path, $text)
{
	open my $file, '>', $path or die "$path: $!\n";
	print $file $text;
	close $file or die "$path: $!\n";
}

# A new group with that share of the processors.
sub _new_group ($name, $share)
{
	my ($folder, $is_second) = _controller() or die "there is no cpu controller\n";
	my $group = "$folder/bench-$$-$name";
	my $quota = int($share * PERIOD_US);

	mkdir $group or die "$group: $!\n";
	push @groups, $group;
	if ($is_second) {
		_write("$group/cpu.max", "$quota " . PERIOD_US);
	} else {
		_write("$group/cpu.cfs_period_us", PERIOD_US);
		_write("$group/cpu.cfs_quota_us",  $quota);
	}
	return $group;
}

# Why nothing can be rationed here, or undef.
sub why_no_rations ()
{
	return 'only root may' if $> != 0;
	my $made = eval { _new_group('trial', 1) };
	my $why  = $made ? undef : $@ =~ s/\n\z//r;
	end_rations();
	return $why;
}

# Gives a process, with all its threads, `share` processors until it ends. Dies when that fails.
sub ration ($pid, $share)
{
	_write(_new_group($pid, $share) . '/cgroup.procs', $pid);
}

# Removes the groups of processes that have ended.
sub end_rations ()
{
	@groups = grep { !rmdir } @groups;
}

1;
