# However a name is written, it never leads to a statement that another client has prepared.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, databases => { postgres => 'pool_size=1', small => 'dbname=postgres pool_size=1',
		two => 'dbname=postgres pool_size=2' },
	settings => { max_prepared_statements => 3 });
my $long = 'x' x 63;

my $owner = Wire->login($millpond);
$owner->query("prepare $_ as select 'theirs'") for qw(q q2), $long;

my %asks = (
	'a quote that is escaped'  => [ q(select 'a\''; execute q), standard_conforming_strings => 'off' ],
	'half a character'         => [ "select E'\x95\x5c'; execute q", client_encoding => 'SJIS' ],
	'a string of two lines'    => [ "select E'a'\n'\\'', '\\'; execute q; select ''" ],
	'a name in Unicode'        => [ q(execute U&"\0071") ],
	'a name that is cut'       => [ "execute ${long}y" ],
);
for my $name (sort keys %asks)
{
	my ($sql, %settings) = $asks{$name}->@*;
	my $client = Wire->login($millpond, %settings);
	is($owner->query('execute q')->{rows}[0][0], 'theirs', 'its owner has it');
	is($client->query($sql)->{error}{C}, '26000', "$name: there is none for others");
	$client->close;
}
is($owner->query("execute $long")->{rows}[0][0], 'theirs', 'the owner has the long one');
is($owner->query("execute ${long}y")->{rows}[0][0], 'theirs', '... by a longer name as well');

my $pinned = Wire->login($millpond);
$owner->query('execute q2');
$pinned->query('select 1; prepare hidden as select 2');
$pinned->put(Bind('', 'q2'), Execute(), Sync());
is($pinned->result->{error}{C}, '26000', 'a client that is pinned does not find it');
$pinned->query('deallocate hidden');
$owner->query("prepare a as select 'theirs'");
$pinned->query('select 1; prepare a as select 2');
is($pinned->query('execute a')->{rows}[0][0], 2, '... and has its own under a name that was taken before');
$pinned->close;

# What a Parse has prepared to be about another statement.
my $nested = Wire->login($millpond);
$owner->query("prepare q as select 'theirs'");
$nested->put(Parse('e1', 'execute q'), Parse('e2', 'explain execute e1'), Parse('d1', 'deallocate q'), Sync())->result;
is($owner->query('execute q')->{rows}[0][0], 'theirs', 'its owner has it');
is($nested->query('execute e1')->{error}{C}, '26000', 'EXECUTE does not find it by way of another');
is($owner->query('execute q')->{rows}[0][0], 'theirs', 'its owner has it');
$nested->put(Bind('', 'e2'), Execute(), Sync());
is($nested->result->{error}{C}, '26000', '... nor does it of the extended protocol');
$nested->query("prepare $_ as select 'own'") for qw(q r);
is($nested->query('execute d1; select 1/0; deallocate r')->{error}{C}, '26000', '... nor is it taken away so');
is($owner->query('execute r')->{error}{C}, '26000', 'what was to go behind that is not left to others');
is($nested->query("execute $_")->{rows}[0][0], 'own', "... $_ is there for its client") for qw(q r);
is($nested->query('deallocate e1')->{tags}[0], 'DEALLOCATE', 'it can be deallocated');
is($nested->query("prepare e1 as select 'new'; execute e1")->{rows}[0][0], 'new', '... and its name be taken');
$nested->close;

# One name has other bytes in another encoding.
my ($latin, $unicode) = map { Wire->login($millpond, database => 'two', client_encoding => $_) } 'LATIN1', 'UTF8';
$latin->query("prepare \xe9 as select 'latin'");
is($unicode->query("prepare \xc3\xa9 as select 'unicode'")->{tags}[0], 'PREPARE', 'two can have it');
is($latin->query("execute \xe9")->{rows}[0][0], 'latin', '... each its own');
is($unicode->query("execute \xc3\xa9")->{rows}[0][0], 'unicode', '... in its own bytes');
is($_->[0]->query("deallocate $_->[1]")->{tags}[0], 'DEALLOCATE', '... until it goes')
	for [ $latin, "\xe9" ], [ $unicode, "\xc3\xa9" ];
my @others = map { Wire->login($millpond, database => 'two') } 1 .. 2;
is_deeply([ map { $_->query('begin; select 1')->{rows}[0][0] } @others ], [ 1, 1 ], '... and nobody is pinned any more');
$_->close for @others;
$latin->query("prepare \xe9 as select 'latin'");
$latin->close;
$unicode->put(Parse("\xc3\xa9", "select 'own'"), Bind('', "\xc3\xa9"), Execute(), Sync());
is($unicode->result->{rows}[0][0], 'own', 'names of the protocol may be of anything');
is($unicode->query("execute \xc3\xa9")->{error}{C}, '26000', '... which SQL does not find');

# Names of ours.
for my $sql (q(prepare "MILLPOND_unknown" as select 1), q(execute "MILLPOND_1"), q(deallocate "MILLPOND_1"),
	q(select 1; prepare "MILLPOND_7" as select 1))
{
	is($owner->query($sql)->{error}{C}, '42939', "$sql is refused");
	next if $sql =~ /;/;
	$owner->put(Parse('', $sql), Sync());
	is($owner->result->{error}{C}, '42939', '... also in the extended protocol');
}
my $other = Wire->login($millpond);
$other->put(Bind('', 'nobody'), Execute(), Sync());
is($other->result->{error}{C}, '26000', 'nobody is still unknown');

# More names than a server may keep.
my $many = Wire->login($millpond, database => 'small');
$many->query("prepare n$_ as select $_") for 1 .. 5;
for (1 .. 2)
{
	is_deeply([ map { $many->query("execute n$_")->{rows}[0][0] } 1 .. 5 ], [ 1 .. 5 ], 'all of many are found');
}
is_deeply($many->query(join ';', map { "execute n$_" } 1 .. 5)->{rows}, [ map { [$_] } 1 .. 5 ],
	'... also at once');
$many->put((map { Parse("p$_", "select $_") } 1 .. 5), Sync())->result;
is_deeply($many->query(join ';', map { "execute p$_" } 1 .. 5)->{rows}, [ map { [$_] } 1 .. 5 ],
	'... or when the protocol has prepared them');
$many->put(Parse('p1', 'select 1'), Sync());
is($many->result->{error}{C}, '42P05', 'a name that is taken');
is($many->query('execute n1')->{rows}[0][0], 1, '... stands in nobody\'s way');

done_testing;
