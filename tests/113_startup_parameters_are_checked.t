# Startup parameters are tracked, ignored when listed, or refused by name, alone and inside options.
use v5.36;
use Millpond;
use Test::More;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server);

sub refusal (%parameters)
{
	my $client = Wire->connect($millpond);
	my $result = $client->startup(%parameters)->result;
	return $result->{error} ? $result->{error}{M} : 'none';
}

is(refusal(work_mem => '1MB'), 'unsupported startup parameter: work_mem', 'an unknown one');
is(refusal(options => '-c work_mem=1MB'), 'unsupported startup parameter in options: work_mem',
	'in options');
is(refusal(options => '-d'),
	q(unsupported options startup parameter: only '-c config=val' and '--config=val' are allowed),
		'another kind of option');
is(refusal(options => '-c timezone'),
	q(unsupported options startup parameter: only '-c config=val' and '--config=val' are allowed),
		'without a value');
for my $value (qw(true on))
{
	my $answer = Wire->connect($millpond)->startup(replication => $value)->result;
	is($answer->{error} && $answer->{error}{C}, '53300',
		"replication=$value is asked of the server, which has no place for it");
}
is(refusal(replication => 'off'), 'none', 'replication=off asks for nothing');
like(Wire->connect($millpond)->put(Wire::Startup(database => 'postgres'))->result->{error}{M},
	qr/no username supplied|no PostgreSQL user name/, 'no user');

my %options = (
	'-c timezone=Asia/Tokyo'                     => 'Asia/Tokyo',
	'-ctimezone=Asia/Tokyo'                      => 'Asia/Tokyo',
	'--timezone=Asia/Tokyo'                      => 'Asia/Tokyo',
	'  -c  TimeZone=Asia/Tokyo  '                => 'Asia/Tokyo',
	'-c timezone=UTC --timezone=Asia/Tokyo'      => 'Asia/Tokyo',
	'-c application_name=a\ b -c timezone=Asia/Tokyo' => 'Asia/Tokyo',
);
for my $options (sort keys %options)
{
	my $client = eval { Wire->login($millpond, options => $options) };
	is($client && $client->value('show timezone'), $options{$options}, "options '$options'")
		or diag($@);
}
is(Wire->login($millpond, options => '-c application_name=a\ b')->value('show application_name'),
	'a b', 'a backslash keeps a blank');
# As long as the whole packet may be, nearly.
for my $length (4096, 9000)
{
	my $options = '-c timezone=Asia/Tokyo ' . '-c client_encoding=UTF8 ' x ($length / 24);
	is(Wire->login($millpond, options => $options)->value('show timezone'), 'Asia/Tokyo', length($options) . ' bytes of options');
}

$millpond->reconfigure(
	settings => { ignore_startup_parameters => 'extra_float_digits, work_mem,options' });
is(refusal(extra_float_digits => 3), 'none', 'one to be ignored');
is(refusal(options => '-c work_mem=1MB -c statement_timeout=4'), 'none', 'options to be ignored');
is(Wire->login($millpond,
	options => '-c work_mem=1MB -c timezone=Asia/Tokyo')->value('show timezone'), 'Asia/Tokyo',
	'where the tracked ones still count');
like(refusal(statement_timeout => 4), qr/^unsupported startup parameter: statement_timeout/,
	'another one is still refused');

is(Wire->login($millpond, user => 'postgres',
	database => undef // 'postgres')->value('select current_user'), 'postgres', 'the database');
my $unnamed = Wire->connect($millpond)->put(Wire::Startup(user => 'postgres'))->result;
is($unnamed->{status}, 'I', 'without a database it is named after the user');

done_testing;
