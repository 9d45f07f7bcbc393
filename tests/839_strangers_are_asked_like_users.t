# Whoever does not exist is asked, refused and looked up like whoever does: by the same messages, with a salt that stays, and as many
# questions to the database and lines in the log.
use v5.36;
use Digest::MD5 qw(md5_hex);
use FakeServer;
use MIME::Base64 qw(decode_base64);
use Millpond;
use Scram;
use Test::More;
use Wire;

my @users     = qw(ann bob);
my @strangers = qw(eve dan);
my %secret    = (
	scram => { map { $_ => Scram::secret('pencil') } @users },
	slow  => { map { $_ => Scram::secret('pencil', 'saltsaltsaltsalt', 20_000) } @users },
	md5   => { map { $_ => 'md5' . md5_hex("pencil$_") } @users },
	plain => { map { $_ => 'pencil' } @users },
);

# A database that is asked about users, which have secrets of the kind that its name says.
sub asked_about ($kind)
{
	return FakeServer->new(FakeServer::tells_secrets(sub ($user) { $secret{$kind}{$user} }));
}

# What is said to somebody who comes with a wrong password, but for what is random, and the salts of SCRAM.
sub transcript ($millpond, $user)
{
	my $client = Wire->connect($millpond);
	my $answer = $client->authenticate('wrong', user => $user);
	my ($salt, @said) = ('');
	for my $challenge ($client->{challenges}->@*)
	{
		$salt = $1 if $challenge =~ s/,s=([^,]+)/',s=' . length decode_base64($1)/e;
		$challenge =~ s/r=([^,]+)/'r=' . length $1/e;
		push @said, length $challenge == 4 ? 'salt' : $challenge =~ s/\0/|/gr;
	}
	my $error = join ' ', map { "$_=$answer->{error}{$_}" } sort keys $answer->{error}->%*;
	return (join(' ', $client->{asked}, @said, $answer->{types}, $error), $salt);
}

my @cases = (
	# auth_type, kind of secret, where users are looked up
	(map { my $where = $_; map { [ @$_, $where ] } [ 'scram-sha-256', 'scram' ], [ md5 => 'scram' ], [ md5 => 'md5' ],
		[ 'scram-sha-256', 'slow' ], [ md5 => 'slow' ], [ plain => 'plain' ], [ plain => 'md5' ], [ plain => 'scram' ] } 'file', 'query', 'cache'),
	[ 'scram-sha-256', 'plain', 'file' ], [ md5 => 'plain', 'file' ],
);
for my $case (@cases)
{
	my ($auth_type, $kind, $where) = @$case;
	state $number = 0;
	my $fake  = asked_about($kind);
	my %query = (auth_user => 'lookup', auth_query => 'select whois($1)', auth_query_cache => $where eq 'cache' ? 600 : 0,
		scram_iterations => $kind eq 'slow' ? 20_000 : 4096);
	my $lines = join '', map { qq("$_" "$secret{$kind}{$_}"\n) } @users;
	my $millpond = Millpond->new('pool' . ++$number, databases => { postgres => $fake->target },
		files => { 'users.txt' => $where eq 'file' ? $lines : qq("lookup" "x"\n) },
		settings => { auth_type => $auth_type, auth_file => 'users.txt', $where eq 'file' ? () : %query });
	# One has come, so that it is known what users of this database have.
	is(Wire->connect($millpond)->authenticate('pencil', user => 'ann')->{status}, 'I', "$auth_type, $kind secrets by $where");
	my (%said, %salts, %questions, %logged);
	for my $user (@users, @strangers)
	{
		for my $attempt (1 .. 3)
		{
			my $before = () = $fake->received(qr/^\d+ B /);
			my $from = $millpond->log_end;
			my ($said, $salt) = transcript($millpond, $user);
			my $log = $millpond->log_since($from);
			my ($client) = $log =~ / (C-\w+: )\S+ login attempt/;
			my $lines = () = $log =~ /$client/g;
			$logged{$lines}{$user} = 1;
			$said{$said}{$user} = 1;
			$salts{$user}{$salt} = 1;
			my $after = () = $fake->received(qr/^\d+ B /);
			push $questions{$user}->@*, $after - $before;
		}
	}
	is(scalar keys %said, 1, '... all are told the same') or diag explain \%said;
	is(scalar keys %logged, 1, '... and as much is logged') or diag explain \%logged;
	is_deeply([ map { scalar keys $salts{$_}->%* } @users, @strangers ], [ 1, 1, 1, 1 ], '... each with a salt that stays');
	isnt((keys $salts{eve}->%*)[0], (keys $salts{dan}->%*)[0], '... of one name') unless $salts{eve}{''};
	is_deeply($questions{eve}, $questions{bob}, "... after as many questions: @{$questions{bob}}") or diag explain \%questions;
}

# Whoever has a secret with a number of iterations of his own changes nothing for others.
$secret{scram}{mallory} = Scram::secret('pencil', 'saltsaltsaltsalt', 5000);
my $asked    = asked_about('scram');
my $millpond = Millpond->new('mallory', databases => { postgres => $asked->target }, files => { 'users.txt' => qq("lookup" "x"\n) },
	settings => { auth_type => 'scram-sha-256', auth_file => 'users.txt', auth_user => 'lookup', auth_query => 'select whois($1)' });
for my $first (qw(mallory ann mallory))
{
	transcript($millpond, $first);
	my ($said) = transcript($millpond, 'eve');
	like($said, qr/,i=4096 /, "what a stranger is told when $first has been asked");
}

done_testing;
