# A plain password in auth_file opens in each spelling that is the same to SASLprep, as at a server, and to one.
use v5.36;
use Encode qw(encode);
use Millpond;
use Test::More;
use Wire;

# As auth_file has it, and another spelling; the same, where it is taken as it is.
my %password = (
	ascii    => [ 'pencil',         'pencil' ],
	accent   => [ "pa\x{308}ss",    "p\x{E4}ss" ],
	composed => [ "p\x{E4}ss",      "pa\x{308}ss" ],
	ligature => [ "\x{FB01}sh",     'fish' ],
	blank    => [ "a\x{A0}b",       'a b' ],
	hyphen   => [ "I\x{AD}X",       'IX' ],
	private  => [ "\x{E000}\x{AA}", "\x{E000}\x{AA}" ],
	key      => [ "\x{1F511}e",     "\x{1F511}e" ],
);
$_ = [ map { encode('UTF-8', $_) } @$_ ] for values %password;
$password{latin} = [ "p\xE4ss", "p\xE4ss" ];    # no UTF-8
my @users  = sort keys %password;
my $server = Postgres->new;
# A server's own password comes from libpq, in the other spelling.
for my $user (grep { $_ ne 'latin' } @users)
{
	$server->safe_psql('postgres', "create role $user login password '$password{$user}[1]'");
}
$server->safe_psql('postgres', q(set client_encoding = latin1; create role latin login));
$server->set_hba("local all all trust\nhost all latin all trust\nhost all postgres all trust\nhost all all all scram-sha-256\n");
my $millpond = Millpond->new('pool', server => $server,
	files    => { 'users.txt' => join '', map { qq("$_" "$password{$_}[0]"\n) } @users },
	settings => { auth_type => 'scram-sha-256', auth_file => 'users.txt' });

for my $user (@users)
{
	for my $spelling (0, 1)
	{
		local $ENV{PGPASSWORD} = $password{$user}[$spelling];
		is($millpond->psql('postgres', 'select 1', connstr => $millpond->connstr('postgres') . " user=$user"), 0,
			"$user: spelling $spelling opens, here and at the server");
	}
	local $ENV{PGPASSWORD} = "$password{$user}[1]x";
	isnt($millpond->psql('postgres', 'select 1', connstr => $millpond->connstr('postgres') . " user=$user"), 0,
		'... and another password does not');
}

done_testing;
