# The figures of a run, and how they are read: for each workload, number of clients and pooler one sample
# a round. Medians, since a machine has other things to do now and then; and a ratio is the median of
# the ratios within each round, so that a slow second hits both sides of it.
package Samples;

use v5.36;

sub new ($class)
{
	return bless {}, $class;
}

# `line` is the load generator's: key=value ...
sub add ($self, $workload, $clients, $name, $round, $line)
{
	$self->{$workload}{$clients}{$name}[$round] = { map { split /=/, $_, 2 } split ' ', $line };
}

# Adds to the figures of one workload, as `key`, how they compare with another's in the same round.
sub compare ($self, $workload, $other, $clients, $name, $compared, $key)
{
	my ($own, $base) = map { $self->{$_}{$clients}{$name} // [] } $workload, $other;

	for my $round (grep { $own->[$_] && $base->[$_] } 0 .. $#$own) {
		$own->[$round]{$key} = $own->[$round]{$compared} / $base->[$round]{$compared};
	}
}

sub median (@values)
{
	@values = sort { $a <=> $b } grep { defined } @values;
	return undef unless @values;
	my $middle = $#values / 2;
	return ($values[ int $middle ] + $values[ int($middle + 0.5) ]) / 2;
}

sub _rounds ($self, $workload, $clients, $name)
{
	return @{ $self->{$workload}{$clients}{$name} // [] };
}

sub value ($self, $workload, $clients, $name, $key)
{
	return median(map { $_ && $_->{$key} } $self->_rounds($workload, $clients, $name));
}

sub ratio ($self, $workload, $clients, $name, $base, $key)
{
	my @own  = $self->_rounds($workload, $clients, $name);
	my @base = $self->_rounds($workload, $clients, $base);

	return median(map {
		my ($one, $other) = ($own[$_] && $own[$_]{$key}, $base[$_] && $base[$_]{$key});
		defined $one && $other ? $one / $other : undef
	} 0 .. $#own);
}

1;
