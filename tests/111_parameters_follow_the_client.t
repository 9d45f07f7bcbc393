# Tracked parameters are the client's own on whatever server its next query runs, and nobody else's.
use v5.36;
use Millpond;
use Test::More;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, databases => { postgres => 'pool_size=1' });
my %first = (application_name => 'first', TimeZone => 'Asia/Tokyo', DateStyle => 'SQL, DMY',
	client_encoding => 'LATIN1', IntervalStyle => 'iso_8601', standard_conforming_strings => 'off');
my %second = (application_name => q(it's "two"), TimeZone => 'Europe/Rome',
	DateStyle => 'German, DMY',
	client_encoding => 'UTF8', IntervalStyle => 'sql_standard',
		standard_conforming_strings => 'on');

sub shown ($client) { return { map { $_ => $client->value("show $_") } keys %first } }

# At the start, as startup parameters.
my $a = Wire->login($millpond, %first);
my $b = Wire->login($millpond, %second);
is_deeply({ map { $_ => $a->{parameters}{$_} } keys %first }, \%first,
	'a client is told what it asked for');
for my $round (1 .. 2)
{
	is_deeply(shown($a), \%first,  "round $round: the first client's");
	is_deeply(shown($b), \%second, "round $round: the second client's");
}
my $plain = Wire->login($millpond);
is($plain->value('show timezone'), Wire->login($server)->value('show timezone'),
	"a client that asked for nothing has the server's own");
is($plain->value('show application_name'), '', '... also the empty application_name');

# Later, by SET in every way there is.
my $c = Wire->login($millpond);
my $told = $c->query("set timezone to 'America/Lima'");
is_deeply($told->{parameters}, [ [ TimeZone => 'America/Lima' ] ], 'SET is reported');
shown($b);
is($c->value('show timezone'), 'America/Lima', 'and kept');

$c->query('begin');
$c->query("set local timezone to 'Asia/Tokyo'");
is($c->value('show timezone'), 'Asia/Tokyo', 'SET LOCAL counts in the transaction');
$c->query('commit');
shown($b);
is($c->value('show timezone'), 'America/Lima', '... and not after it');

$c->query('begin');
$c->query("set timezone to 'Asia/Tokyo'");
$c->query('rollback');
shown($b);
is($c->value('show timezone'), 'America/Lima', 'ROLLBACK takes a SET back');

$c->query("select set_config('TimeZone', 'Asia/Tokyo', false)");
shown($b);
is($c->value('show timezone'), 'Asia/Tokyo', 'set_config() counts');
$c->query('reset timezone');
my $default = $c->value('show timezone');
shown($b);
is($c->value('show timezone'), $default, 'RESET counts');

$c->query("set application_name to 'one'; set application_name to ''");
shown($a);
is($c->value('show application_name'), '', 'an empty value is a value');
$c->query(q(set application_name to 'back\\slash''quote'));
shown($a);
is($c->value('show application_name'), q(back\\slash'quote), 'and one with quotes');
is_deeply(shown($a), \%first, 'the first client still has its own');

# The SETs travel in front of the client's own bytes, and their answers are not shown.
my $answer = $c->query('select 1');
is($answer->{types}, 'TDCZ', 'no answer of a SET reaches the client');
shown($b);
$a->put(Wire::Parse('', 'show timezone'), Wire::Bind(), Wire::Execute(), Wire::Sync());
my $extended = $a->result;
is($extended->{types}, '12DCZ', 'nor in the extended protocol');
is($extended->{rows}[0][0], $first{TimeZone}, 'where they count as well');
shown($b);
$a->query('begin');
is($a->value('show timezone'), $first{TimeZone}, 'and in a transaction');
$a->query('commit');

# As the server spells them: where all start with that, or not; told in front of the first query.
my %careless = (TimeZone => 'europe/rome', DateStyle => 'ISO', IntervalStyle => 'ISO_8601', client_encoding => 'utf-8');
my $direct   = Wire->login($server, %careless);
my @careless = map { Wire->login($millpond, %careless) } 1 .. 2;
for my $client (@careless)
{
	shown($b);
	is($client->value('select 1'), 1, 'a client that spells its wishes in its own way');
	is_deeply({ map { $_ => $client->{parameters}{$_} } keys %careless },
		{ map { $_ => $direct->{parameters}{$_} } keys %careless }, "... knows the server's");
	is($client->query('select 1')->{types}, 'TDCZ', '... and is told once');
}
# Names of parameters are the server's as well, however a client writes them.
my %small = map { lc $_ => uc $careless{$_} } keys %careless;
my $small = Wire->login($millpond, %small);
shown($b);
is($small->value('select 1'), 1, 'a client that writes names in its own way');
is_deeply($small->{parameters}, $careless[0]{parameters}, "... knows them by the server's");
shown($b);
is_deeply([ map { $careless[0]->value("show $_") } keys %careless ],
	[ map { $direct->{parameters}{$_} } keys %careless ], '... which it has later as well');

# Names of encodings are PostgreSQL's own from the beginning, since drivers look them up before any query.
for my $encoding (qw(UTF8 utf-8 utf_8 'utf-8' latin1 iso-8859-1 ISO88591 sql_ascii win1252 windows-1252 unicode EUC-JP koi8 SJIS gb18030))
{
	my ($real, $pooled) = map { Wire->login($_, client_encoding => $encoding) } $server, $millpond;
	is($pooled->{parameters}{client_encoding}, $real->{parameters}{client_encoding}, "$encoding is told by its own name");
	is($pooled->query('select 1')->{types}, 'TDCZ', '... for good');
	is($pooled->value('show client_encoding'), $real->value('show client_encoding'), '... and is what the server has');
	$_->close for $real, $pooled;
}
is(Wire->login($millpond, client_encoding => 'klingon')->{parameters}{client_encoding}, 'klingon', 'one that nobody knows stays what it is');

done_testing;
