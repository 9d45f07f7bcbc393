# The daemon does not run as root unless it can become somebody else.
use v5.36;
use Millpond;
use Test::More;

plan skip_all => 'user namespaces are not allowed here' if `unshare -Ur id -u 2>&1` ne "0\n";

my $millpond = Millpond->new('pool', stopped => 1, databases => { '*' => 'host=127.0.0.1' });
my $said = `unshare -Ur $Millpond::binary @{[ $millpond->ini ]} 2>&1`;
isnt($?, 0, 'as root it leaves');
like($said, qr/root/, 'and says why');
unlike($said, qr/listening/, 'before it has listened');

$said = `unshare -Ur $Millpond::binary -u no_such_user @{[ $millpond->ini ]} 2>&1`;
isnt($?, 0, 'a user that is not there is refused');
like($said, qr/no_such_user/, 'by name');
unlike($said, qr/listening/, 'before it has listened');

$said = `unshare -Ur $Millpond::binary -u root @{[ $millpond->ini ]} 2>&1`;
isnt($?, 0, 'root by another way is refused too');

done_testing;
