# Files that a test writes.
package Files;

use v5.36;
use Carp;
use Exporter 'import';

our @EXPORT = qw(put_file);

# Writes a file anew with these texts, or an empty one, and returns its path.
sub put_file ($path, @texts)
{
	open my $file, '>', $path or croak "$path: $!";
	print $file @texts;
	close $file or croak "$path: $!";
	return $path;
}

1;
