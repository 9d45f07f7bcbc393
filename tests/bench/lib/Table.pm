# Tables that read well on a terminal and are Markdown as well, so that they can be quoted as they are.
package Table;

use v5.36;
use Exporter 'import';
use List::Util qw(max);

our @EXPORT = qw(print_table number);

# A number with so many decimals and commas between thousands; a dash when there is none.
sub number ($value, $decimals = 0, $unit = '')
{
	return '-' unless defined $value;
	my $text = sprintf "%.${decimals}f", $value;
	1 while $text =~ s/^(-?\d+)(\d{3})/$1,$2/;
	return $text . $unit;
}

# The first `$left` columns are flush left, the others are numbers.
sub print_table ($title, $left, @rows)
{
	my @width = map { my $i = $_; max map { length $_->[$i] } @rows } 0 .. $#{ $rows[0] };
	my $line = sub (@cells) {
		return '| ' . join(' | ', map {
			sprintf $_ < $left ? '%-*s' : '%*s', $width[$_], $cells[$_] } 0 .. $#cells) . " |\n";
	};
	my @rule = map { $_ < $left ? '-' x $width[$_] : '-' x ($width[$_] - 1) . ':' } 0 .. $#width;

	print "\n$title\n\n", $line->(@{ shift @rows }), $line->(@rule), map { $line->(@$_) } @rows;
}

1;
