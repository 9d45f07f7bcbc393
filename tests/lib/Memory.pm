# What stands in the memory of a process, for tests of secrets that are to be gone from it. What is looked for must
# stand nowhere else: in no environment, and in no name of a file.
package Memory;

use v5.36;
use Exporter 'import';
use PostgreSQL::Test::Utils qw(slurp_file);

our @EXPORT = qw(random_secret times_in_memory);

my $page_bytes = 4096;

sub random_secret ($name) { return join '', "mem-$name-", map { chr 97 + int rand 26 } 1 .. 24 }

# How often a text stands in the pages that the process has written to; undef if one may not look. What has been freed
# begins with something else, so its end is what counts.
sub times_in_memory ($daemon, $secret, $bytes = 14)
{
	my $text  = substr $secret, -$bytes;
	my $pid   = $daemon->pid;
	my $count = 0;
	open my $memory, '<:raw', "/proc/$pid/mem"     or return undef;
	open my $pages,  '<:raw', "/proc/$pid/pagemap" or return undef;
	for my $area (split /\n/, slurp_file("/proc/$pid/maps"))
	{
		no warnings 'portable';
		my ($from, $to) = map { hex } $area =~ /^([0-9a-f]+)-([0-9a-f]+) rw/ or next;
		my $present = _present($memory, $pages, $from, $to);
		for (my $at = 0; ($at = index $present, $text, $at) >= 0; $at++) { $count++ }
	}
	return $count;
}

# The pages of an area that are there, one behind the other.
sub _present ($memory, $pages, $from, $to)
{
	my $bytes = '';
	for (my $at = $from; $at < $to; $at += 4096 * $page_bytes)
	{
		my $number = ($to - $at) / $page_bytes;
		sysseek $pages, $at / $page_bytes * 8, 0;
		sysread $pages, my $entries, 8 * ($number < 4096 ? $number : 4096) or next;
		$entries =~ /[^\0]/ or next;
		my @entries = unpack '(x7C)*', $entries;
		for my $page (grep { $entries[$_] & 0x80 } 0 .. $#entries)
		{
			sysseek $memory, $at + $page_bytes * $page, 0;
			sysread $memory, $bytes, $page_bytes, length $bytes;
		}
	}
	return $bytes;
}

1;
