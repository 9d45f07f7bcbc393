# Regular expressions of auth_ident_file match as PostgreSQL's do, in what \1 stands for as well, or are refused.
use v5.36;
use File::Basename qw(dirname);
use Millpond;
use IPC::Run;
use PostgreSQL::Test::Utils ();
use Test::More;

my $root    = dirname(dirname(__FILE__));
my $program = PostgreSQL::Test::Utils::tempdir() . '/match_patterns';
is(system("gcc -O1 -D_GNU_SOURCE -o $program -I$root $root/tests/programs/match_patterns.c"
	. " $root/conf/pattern.c $root/conf/memory.c -lpthread"), 0, 'the program is built');

# As a server reads its own files: before it knows the database, and so its encoding.
my $server = Postgres->new;
$server->safe_psql('postgres', q(create database bytes template template0 encoding sql_ascii lc_collate 'C' lc_ctype 'C'));

# Those that are common, which must be taken ...
my @taken = split /\n/, <<'PATTERNS';
^(.*)@corp$
^(.*)@corp
(.*)@corp
^(.+)@.*$
^([^@]+)@(corp|example)\.com$
^(alice|bob)@corp$
^(u\d)@corp$
^(u\d{1,3})@corp$
^([^\d]+)@corp$
^([^\d@]+)@corp$
^(\w+)@corp$
^([\w.-]+)@corp$
^([[:alpha:]]+)@corp$
^(\w+(\.\w+)*)@corp$
^(\S+)@corp$
^([^\s]+)@corp$
^(\D\W?)@corp$
^CORP\\(.*)$
^.*\\(.*)$
^(.*)\@corp$
^u[0-9]+$
^[]a-c-]+@corp$
^([a-z]+)@corp|root$
^root$|^bob$
^(ü.)@corp$
ab{2}c{1,}d{1,2}$
^(\w+(\.\w+){1,32})@corp$
^([\w\.\-]+)@corp$
[\.@]
[\]]
[a\-z]
[^\^\[\\]
PATTERNS
# ... what is not the same, or might not be, and must be refused unless it is ...
my @others = split /\n/, <<'PATTERNS';
\A(.*)@corp$
^(.*)@corp\Z
^\y(.*)@corp$
\m\w+\M
\<\w+\>
\`u
corp\'
^(a)\1$
\bu
\x75
[\D]
^(?:(.*))@corp$
^((?!root).*)@corp$
(?i)^(bob)@corp$
***:(?i)(bob).*
***=u7
^(\S+?)@corp$
^(.*?)@(.*)$
u??
a**
a+*
*a
^*a
(*a)
(|a)@
()u
a||b
|a
^(a{,3}.*)@corp$
a{256}
a{2,1}
a{0}
a{
a{x}
[\.-z]
[a-\.]
(u
u)
[u
[[:cntrl:]]
[[:word:]]
[[:<:]]u
[[.u.]]
[[=u=]]
[[a]
[z-a]
[a-c-e]
[\d-z]
[ü]
^(a|ab)(.*)$
(a|ab)(c|bcd)(d*)
^(a?)+
^(a*)*
^(a*|b)*$
^(a*)(ab)*(.*)$
^a*|(a?)
^(.*)(@corp)?$
a^b
a$b
(^u)
\

PATTERNS
my @names = ('', qw(alice u7 ud 7 u root Bob bob a ab abx abcd aab abb aabb a.b a-b a_b @ a@b@c), 'a b', 'uü', "u\\7",
	map { ("$_\@corp", "$_\@example.com") } qw(alice u7 ud 7 root Bob bob a.b.c u777 üx a@b), 'CORP\\eve', 'A\\B\\eve', ']-b@corp');
my @pairs = map { my $pattern = $_; map { [ $pattern, $_ ] } @names } @taken, @others;

# ... and any that come to be.
srand 11;
my $pick  = sub (@words) { $words[ rand @words ] };
my $piece = sub { $pick->(qw(a a b @ . [^@] [ab] \w \d (a|ab) (a*) (.*) (b+) ab ^ $)) . $pick->('', '', '', qw(* + ? {2}), '{1,2}') };
push @pairs, map { my $pattern = join '', map { $piece->() } 0 .. rand 5;
	map { [ $pattern, join '', map { $pick->(qw(a a b b @ 1)) } 1 .. rand 8 ] } 1 .. 4 } 1 .. 300;

my $lines = join '', map { "$_->[0]\t$_->[1]\n" } @pairs;
IPC::Run::run([$program], '<', \$lines, '>', \my $here);
my @here = split /\n/, $here;
my $there = $server->safe_psql('bytes', <<'SQL' . ($lines =~ s/\\/\\\\/gr) . "\\.\nselect told(p, n) from t order by i;\n");
set client_encoding = sql_ascii;
create function told(p text, n text) returns text language plpgsql as $$
begin
	if not n collate "C" ~ p then return 'no'; end if;
	return 'yes' || e'\t' || coalesce((regexp_match(n collate "C", p))[1] || '.', 'none');
exception when others then
	return 'refused';
end $$;
create table t (i serial, p text, n text);
copy t (p, n) from stdin;
SQL
my @there = split /\n/, $there;
is(scalar @here, scalar @pairs, 'each is answered here');
is(scalar @there, scalar @pairs, '... and there');

my (%wrong, %refused, %seen);
for my $i (0 .. $#pairs)
{
	my ($pattern, $name) = $pairs[$i]->@*;
	my ($match, $group) = split /\t/, $here[$i];
	my ($match_there, $group_there) = split /\t/, $there[$i];

	$seen{$pattern} = 1;
	$refused{$pattern} = 1 if $match eq 'refused';
	next if $match eq 'refused';
	my $has_group = $pattern =~ s/\\.//gr =~ /\(/ && ($group // 'refused') ne 'refused';
	push $wrong{$pattern}->@*, "\"$name\": $here[$i] here, $there[$i] there"
		if $match ne $match_there || ($has_group && $group ne $group_there);
}
ok(!$refused{$_}, "$_ is taken") for @taken;
ok(!$wrong{$_}, "$_ is as in PostgreSQL" . ($refused{$_} ? ', being refused' : '')) or diag join "\n", $wrong{$_}->@*
	for sort keys %seen;

# What would take minutes to compile.
for my $costly ('^((a{1,255}){1,255}){1,255}$', '^(a?b?c?d?){0,255}$')
{
	IPC::Run::run([$program], '<', \"$costly\ta\n", '>', \my $answer);
	is($answer, "refused\n", "$costly is refused");
}

done_testing;
