# make layers, headers, awaits, help and deps say what they are there to say, not only that all is well.
use v5.36;
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use Files;
use Test::More;

# A house with the same Makefile and only the files a test puts in.
my $dir = tempdir(CLEANUP => 1, DIR => $ENV{TESTDATADIR} // '/tmp');
make_path(map { "$dir/$_" } qw(conf protocol pool daemon/runtime daemon/relay daemon/server tests));
system("cp -r Makefile tests/house $dir && mv $dir/house $dir/tests/") == 0 or die;

sub put ($path, $text)
{
	return put_file("$dir/$path", $text);
}

sub make ($target)
{
	my $output = qx(make --no-print-directory -C $dir $target 2>&1);
	return ($? >> 8, $output);
}

my ($status, $output) = make('layers');
is($status, 0, 'an empty house is in order') or diag($output);

# room, what it includes, whether it may
my @cases = (
	[ 'conf/a.c',           '<ini.h>',                1 ],
	[ 'conf/a.c',           '<libpq-fe.h>',           0 ],
	[ 'conf/a.c',           '"pool/pool.h"',          0 ],
	[ 'protocol/a.c',       '<openssl/evp.h>',        1 ],
	[ 'protocol/a.c',       '<openssl/ssl.h>',        0 ],
	[ 'protocol/a.c',       '"conf/settings.h"',      0 ],
	[ 'pool/a.c',           '<libpq-fe.h>',           1 ],
	[ 'pool/a.c',           '"conf/settings.h"',      1 ],
	[ 'pool/a.c',           '"conf/ini.h"',           0 ],
	[ 'pool/a.c',           '<event2/event.h>',       0 ],
	[ 'pool/a.h',           '"daemon/worker.h"',      0 ],
	[ 'daemon/a.c',         '<systemd/sd-daemon.h>',  1 ],
	[ 'daemon/a.c',         '"daemon/runtime/loop.h"', 1 ],
	[ 'daemon/a.c',         '<ini.h>',                0 ],
	[ 'daemon/a.c',         '<libpq-fe.h>',           0 ],
	[ 'daemon/a.c',         '"daemon/relay/relay.h"', 1 ],
	[ 'daemon/relay/a.c',   '"daemon/session.h"',     1 ],
	[ 'daemon/relay/a.c',   '"daemon/console/show.h"', 0 ],
	[ 'daemon/relay/a.c',   '<event2/event.h>',       0 ],
	[ 'daemon/server/a.c',  '"daemon/relay/upstream.h"', 1 ],
	[ 'daemon/server/a.c',  '"daemon/login/login.h"', 0 ],
	[ 'daemon/runtime/a.c', '<event2/event.h>',       1 ],
	[ 'daemon/runtime/a.c', '"protocol/message.h"',   0 ],
	[ 'daemon/runtime/a.h', '"daemon/session.h"',     0 ]);

for my $case (@cases)
{
	my ($path, $header, $allowed) = @$case;
	put($path, "#include <stdio.h>\n#include $header\n");
	($status, $output) = make('layers');
	is($status ? 0 : 1, $allowed, "$path " . ($allowed ? 'may' : 'may not') . " include $header")
		or diag($output);
	like($output, qr/^\Q$path\E:2: /m, 'and the line is named') unless $allowed;
	unlink "$dir/$path";
}

put('conf/a.h', "size_t length(void);\n");
($status, $output) = make('headers');
isnt($status, 0, 'a header that does not compile alone is found');
like($output, qr{conf/a\.h does not compile alone}, 'and named');
put('conf/a.h', "#include <stddef.h>\nsize_t length(void);\n");
is((make('headers'))[0], 0, 'a header that does is left alone');

# What calls, and whether it may call something that switches
for my $case (
	[ 'bool await_more(struct a *a)',         1 ],
	[ 'bool take(struct a *a, int64_t deadline)', 1 ],
	[ 'static void take_main(void *arg)',     1 ],
	[ 'static void take(void *arg)',          0 ],
	[ 'static inline bool take(void)',        0 ],
	[ 'static void await_take(void)',         1, 'pools_lock(pools); pools_unlock(pools);' ],
	[ 'static void await_take(void)',         0, 'pools_lock(pools);' ])
{
	my ($head, $allowed, $before) = (@$case, '');
	put('daemon/a.c', "/* await_it(); */\nbool await_it(void)\n{\n\treturn true;\n}\n\n$head\n{\n\t$before\n\tawait_it();\n}\n");
	($status, $output) = make('awaits');
	is($status ? 0 : 1, $allowed, "$head " . ($allowed ? 'may' : 'may not') . " wait $before") or diag($output);
	like($output, qr{^daemon/a\.c:7: \w+\(\) calls await_it\(\)}m, 'and the place is named') unless $allowed;
}
unlink "$dir/daemon/a.c";

# The second definition would be a warning, and warnings are errors here.
my $plain = 'BUILD=build DEBUG= SANITIZE= WERROR=';
put('conf/a.c', '');
for my $flags ('', 'CPPFLAGS=-D_FORTIFY_SOURCE=3', 'CFLAGS=-D_FORTIFY_SOURCE=3')
{
	my ($compile) = (make("-n V=1 $plain $flags build/plain/conf/a.o"))[1] =~ /^(.* -c .*)$/m;
	is(scalar(() = $compile =~ /-D_FORTIFY_SOURCE/g), 1, "fortified once with: $flags");
}

for (['gcc', 1], ['ccache gcc-12', 1], ['clang', 0], ['/opt/gcc-12/bin/clang', 0])
{
	my ($compiler, $whole) = @$_;
	my ($compile) = (make("-n V=1 $plain CC='$compiler' build/plain/conf/a.o"))[1] =~ /^(.* -c .*)$/m;
	is(scalar(() = $compile =~ /-flto=auto/g), $whole, "optimised as a whole " . ($whole ? 'by ' : 'not by ') . $compiler);
}

make_path("$dir/a house");
system('cp', 'Makefile', "$dir/a house") == 0 or die;
like(qx(make -n -C '$dir/a house' $plain run 2>&1), qr{ MILLPOND='\Q$dir\E/a house/millpond' }, 'a path may have a blank');

($status, $output) = make('help');
like($output, qr/^ *make check /m, 'make help tells the targets');

# --- what is missing ------------------------------------------------------------------------------

like((make('-n run'))[1], qr/deps\.sh install build server$/m, 'make run wants no more than it runs');
like((make('-n run SERVER=host=there'))[1], qr/deps\.sh install build client$/m, '... and no server where there is one');

# A machine with nothing but these programs.
make_path("$dir/bin", "$dir/elsewhere");
symlink "/usr/bin/$_", "$dir/bin/$_" or die for qw(bash env id sort);
sub missing ($at)
{
	my $said = qx(PATH=$dir/bin PG_BINDIR='$at' tests/house/deps.sh require server 2>&1);
	return $? ? $said : '';
}
like(missing('/nowhere'), qr/Missing: postgresql$/m, 'PostgreSQL is missing');
put('elsewhere/postgres' => "#!/bin/bash\n");
chmod 0755, "$dir/elsewhere/postgres";
is(missing("$dir/elsewhere"), '', 'PG_BINDIR tells where it is');

($status, $output) = make('format CLANG_FORMAT=/nowhere/clang-format');
isnt($status, 0, 'make format without clang-format');
like($output, qr/^make format needs: apt-get install clang-format$/m, '... says what to install');

($status, $output) = make('check TESTS=tests/nothing_like_it.t');
isnt($status, 0, 'a check without any test is not a success');

done_testing;
