#!/usr/bin/perl
# Checks what the name of a function promises: only one called await_..., or with a parameter `deadline`, may switch to
# another coroutine, and so may call another such one; beside these, what a coroutine runs: ..._main(), and session_run().
# Prints every function that does so and is none of them, and exits 1. What is called by a pointer is not seen.
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
		push @functions, { name => $name, place => "$path:$line", body => $body } unless $says_so || $name =~ /_main$|^session_run$/;
	}
}

my $bad = 0;
for my $function (@functions)
{
	for my $called (grep { $switches{$_} } $function->{body} =~ /\b(\w+)\(/g)
	{
		say "$function->{place}: $function->{name}() calls $called(), which may switch, and does not say so";
		$bad = 1;
	}
}
exit $bad;
