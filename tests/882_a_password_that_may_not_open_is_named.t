# A plain password with characters that clients normalise for SCRAM is named with its line, and is taken as a SCRAM secret.
use v5.36;
use Encode qw(encode);
use Millpond;
use Test::More;
use Wire;

my %password = (
	ascii    => 'pencil',
	composed => "p\x{E4}ss",
	accent   => "pa\x{308}ss",
	ligature => "\x{FB01}sh",
	latin    => \"p\xE4ss", # no UTF-8, so that everybody uses it as it is
	private  => "\x{E000}a",
);
$_ = ref ? $$_ : encode('UTF-8', $_) for values %password;
my @users  = sort keys %password;
my $server = Postgres->new;
$server->safe_psql('postgres', "create role $_ login password '$password{$_}'") for qw(accent ligature);

sub users (%secret) { return join '', map { qq("$_" "$secret{$_}"\n) } @users }
my $millpond = Millpond->new('pool', server => $server, files => { 'users.txt' => users(%password) },
	settings => { auth_type => 'scram-sha-256', auth_file => 'users.txt' });
my $file = $millpond->basedir . '/users.txt';

# The users that are named, by the lines of the file.
sub named ($text) { return join ' ', map { $users[$_ - 1] } $text =~ /\Q$file\E:(\d+): the password of user "\w+" has rare characters/g }
sub checked () { return named(join '', run_binary('--check', $millpond->ini)) }
is(checked(), 'accent ligature', '--check names the lines');
is(named($millpond->log_since), 'accent ligature', '... and so does the log');
unlike($millpond->log_since, qr/\Q$password{$_}/, "... without the password of $_") for @users;

# As the server has them they open.
for my $user (qw(accent ligature))
{
	local $ENV{PGPASSWORD} = $password{$user};
	my $connstr = $millpond->connstr('postgres') . " user=$user";
	isnt($millpond->psql('postgres', 'select 1', connstr => $connstr), 0, "$user: the password as it is lets in nobody");
	$password{$user} = $server->safe_psql('postgres', "select rolpassword from pg_authid where rolname = '$user'");
	$millpond->write_file('users.txt', users(%password));
	$millpond->reload_by_signal;
	is($millpond->psql('postgres', 'select 1', connstr => $connstr), 0, '... and the secret does');
}
is(checked(), '', 'then none is named');
$millpond->write_config(settings => { auth_type => 'md5' });
$millpond->write_file('users.txt', users(%password, accent => "pa\xCC\x88ss"));
is(checked(), '', 'nor where SCRAM is not asked for');

done_testing;
