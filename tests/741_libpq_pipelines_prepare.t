# libpq in pipeline mode prepares and executes, with errors in between, with 20 clients over 2 servers.
use v5.36;
use Crowd;
use File::Basename qw(dirname);
use Test::More;

crowd_skip('no C compiler here') if system('gcc --version >/dev/null 2>&1');
my $program = PostgreSQL::Test::Utils::tempdir() . '/pipeline_crowd';
my $flags   = `pkg-config --cflags --libs libpq`;
chomp $flags;
is(system('gcc -O1 -o ' . $program . ' ' . dirname(__FILE__) . "/programs/pipeline_crowd.c $flags"), 0,
	'the program is compiled');
crowd('libpq', [$program]);

done_testing;
