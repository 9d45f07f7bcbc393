#!/usr/bin/perl
# Checks what the name of a function promises: only one called await_..., or with a parameter `deadline`, may switch to
# another coroutine, and so may call another such one; beside these, what a coroutine runs: ..._main(), and session_run().
# And nothing that may switch is called between taking a lock and letting it go, since others would wait as long.
# Prints every call that is not as it should be, and exits 1. What is called by a pointer is not seen.
use v5.36;

chdir(($0 =~ s{[^/]*$}{}r) . "../..") or die;

# Comments and texts may hold anything; their lines stay, so that numbers are right.
sub code ($path)
{
	open my $file, '<', $path or die "$path: $!";
	my $text = join '', <$file>;
	$text =~ s{(/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])+')}{ $1 =~ s/[^\n]//gr }gse;
	return $text;
}

my (@functions, %switches);
for my $path (grep { -f } map { glob "$_/*.[ch]" } qw(conf protocol pool daemon daemon/*))
{
	my $text = code($path);
	while ($text =~ /^\w[^;{}()#]*?\b(\w+)\(([^;{}]*)\)\n\{\n(.*?)^\}/gms)
	{
		my ($name, $parameters, $body) = ($1, $2, $3);
		my $line = 1 + substr($text, 0, $-[1]) =~ tr/\n//;
		my $says_so = $name =~ /^await_/ || $parameters =~ /\bdeadline\b/;
		$switches{$name} = 1 if $says_so;
		my $may = $says_so || scalar($name =~ /_main$|^session_run$/);
		push @functions, { name => $name, place => "$path:$line", body => $body, may => $may };
	}
}

my $bad = 0;
for my $function (@functions)
{
	my $is_locked = 0;
	for my $called ($function->{body} =~ /\b(\w+)\(/g)
	{
		$is_locked = 1 if $called =~ /^(pools|pthread_(mutex|rwlock))_(rd|wr)?lock$/;
		$is_locked = 0 if $called =~ /^(pools|pthread_(mutex|rwlock))_unlock$/;
		next unless $switches{$called} && ($is_locked || !$function->{may});
		say "$function->{place}: $function->{name}() calls $called(), which may switch, ",
			$is_locked ? 'with a lock' : 'and does not say so';
		$bad = 1;
	}
}
exit $bad;
