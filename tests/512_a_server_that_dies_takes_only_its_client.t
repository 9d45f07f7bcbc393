# A server that dies in a row, in COPY or in a transaction ends that client's session with a reason; at rest, nobody's.
use v5.36;
use FakeServer;
use Millpond;
use Test::More;
use Wire;

my $fake = FakeServer->new(query => sub ($c, $sql) {
	if    ($sql =~ /row/)      { $c->put(RowDescription('a'), DataRow('1'), "D\0\0\0\x64\0\1\0\0") }
	elsif ($sql =~ /header/)   { $c->put(RowDescription('a'), "D\0\0") }
	elsif ($sql =~ /copy in/)  { $c->put(Message('G', pack 'Cn', 0, 0)) }
	elsif ($sql =~ /copy out/) { $c->put(Message('H', pack 'Cn', 0, 0), CopyData('x'),
		"d\0\0\0\x64xx") }
	elsif ($sql =~ /silent/)   { }
	elsif ($sql =~ /between/)  { $c->put(RowDescription('a'), DataRow('1')) }
	elsif ($sql =~ /fatal/)    { $c->put(ErrorResponse('57P01',
		'terminating connection due to administrator command', 'FATAL')) }
	else                       { return 0 }
	$c->leave;
});
my $millpond  = Millpond->new('pool', databases => { postgres => $fake->target . ' pool_size=2' });
my $bystander = Wire->login($millpond);
$bystander->query('begin');

for my $case ('row', 'header', 'copy in', 'copy out', 'silent', 'between', 'fatal')
{
	for my $begin ('', 'begin')
	{
		my $name   = $begin ? "$case in a transaction" : $case;
		my $client = Wire->login($millpond);
		$client->query('begin') if $begin;
		my $from   = $millpond->log_end;
		my $answer = $client->put(Query("die: $case"))->result;
		ok($answer->{eof}, "$name: the session ends");
		# Inside of a row nothing can be told to the client any more.
		if ($case !~ /row|header|copy out/)
		{
			is($answer->{error}{C}, $case eq 'fatal' ? '57P01' : '08006',
				"$name: with its SQLSTATE");
			like($answer->{error}{M},
				$case eq 'fatal' ? qr/administrator command/ : qr/server conn crashed\?/,
					"$name: and reason");
		}
		$millpond->wait_for_log(qr/S-\w+: .*closing because: .+ \(age=\d+s\)/, $from);
		pass("$name: the log says so");
		is($bystander->query('hello')->{rows}[0][0], 'hello', "$name: another client goes on");
	}
}

# A last word right behind an answer.
my $parting = FakeServer->new(query => sub ($c, $sql) {
	$c->leave if $c->{has_parted};
	return 0 if $sql !~ /part/;
	$c->{has_parted} = 1;
	$c->put(join '', CommandComplete('SELECT 0'), ReadyForQuery(),
		ErrorResponse('57P01', 'terminating connection due to administrator command', 'FATAL'));
	return 1;
});
$millpond->reconfigure(databases => { parting => $parting->target . ' pool_size=1' });
my ($first, $next) = map { Wire->login($millpond, database => 'parting') } 1, 2;
is($first->query('part')->{types}, 'CZ', 'a last word behind an answer: that is passed on');
is($next->query('hello')->{types}, 'TDCZ', '... and nobody is lent the server again');

# A transaction at rest, and a server at rest.
my $server = Postgres->new;
$millpond->reconfigure(databases => { real => $server->target . ' dbname=postgres pool_size=1' });
my $client = Wire->login($millpond, database => 'real');
my $other  = Wire->login($millpond, database => 'real');
sub kill_servers () { $server->safe_psql('postgres',
	'select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()') }
$client->query('begin');
kill_servers();
my $answer = $client->result;
ok($answer->{eof}, 'a transaction at rest: the session ends');
is($answer->{error}{C}, '57P01', "with the server's reason") if $answer->{error};
is($other->value('select 1'), 1, 'the next client gets another server');
for (1 .. 5)
{
	my $pid = $other->value('select pg_backend_pid()');
	kill_servers();
	wait_until(sub { !$server->backends }, 'the server to die');
	isnt($other->value('select pg_backend_pid()'), $pid,
		'a server that dies at rest is replaced without a word');
}
$server->restart;
is($other->value('select 1'), 1, 'also when all of PostgreSQL starts anew');

done_testing;
