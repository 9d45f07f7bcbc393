# COPY in and out, simple and extended, whole and failing half-way, frees its server each time.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, databases => { postgres => 'pool_size=1' });
my $client   = Wire->login($millpond);
my $other    = Wire->login($millpond);
$client->query('create table t (a int check (a < 1000))');

# The only server must be free again, and the table hold so many rows.
sub free_with ($rows, $what)
{
	is($other->value('select count(*) from t'), $rows, "$what: the server is free, $rows rows");
	$other->query('truncate t');
	return;
}

sub extended ($sql) { return Parse('', $sql), Bind(), Execute(), Sync() }

my %start = (simple => sub ($sql) { Query($sql) }, extended => \&extended);
for my $how (sort keys %start)
{
	my $start = $start{$how};
	# In the extended protocol, the Sync sent with Execute is swallowed by COPY IN; one follows it.
	my @end = $how eq 'extended' ? Sync() : ();

	$client->put($start->('copy t from stdin'));
	is($client->result('G')->{types} =~ s/^12//r, 'G', "$how: copy in starts");
	ok($client->quiet, "$how: and waits");
	$client->put(map({ CopyData("$_\n") } 1 .. 500), CopyDone(), @end);
	my $done = $client->result;
	is_deeply([ $done->{types}, $done->{tags} ], [ 'CZ', ['COPY 500'] ], "$how: copy in ends");

	$client->put($start->('copy t to stdout'));
	my $out = $client->result;
	is(scalar $out->{copy}->@*, 500, "$how: copy out brings all rows");
	like($out->{types}, qr/^(?:12)?Hd{500}cCZ$/, "$how: in the right order");
	free_with(500, $how);

	$client->put($start->('copy t from stdin'), CopyData("1\n"), CopyFail('changed my mind'), @end);
	my $failed = $client->result;
	is($failed->{error}{C}, '57014', "$how: CopyFail");
	like($failed->{error}{M}, qr/changed my mind/, "$how: ... with its reason");
	free_with(0, "$how, CopyFail");

	# The server fails while data still comes; all of it belongs to nothing.
	$client->put($start->('copy t from stdin'), CopyData("5000\n"),
		map { CopyData("$_\n") x 1000 } 1 .. 20);
	is($client->result('E')->{error}{C}, '23514', "$how: the server's error half-way");
	$client->put(CopyData("7\n"), CopyDone(), @end);
	is($client->result->{status}, 'I', "$how: late data is ignored");
	free_with(0, "$how, server's error");
	$client->put(CopyData("7\n"), CopyFail('late'));
	is($client->value('select 1'), 1, "$how: so is data after it all");

	$client->query('begin');
	$client->put($start->('copy t from stdin'), CopyData("x\n"), CopyDone(), @end);
	is($client->result->{status}, 'E', "$how: an error inside a transaction");
	$client->put(CopyData("7\n"), CopyDone());
	is($client->query('rollback')->{status}, 'I', "$how: and its end");
	free_with(0, "$how in a transaction");

	$client->query('begin');
	$client->put($start->('copy t from stdin'), CopyData("1\n"), CopyFail('no'), @end);
	is($client->result->{status}, 'E', "$how: CopyFail inside a transaction");
	is($client->query('rollback')->{status}, 'I', "$how: and its end");
	free_with(0, "$how, CopyFail in a transaction");

	$client->put($start->('copy t (a) from stdin with (format nonsense)'), @end);
	isnt($client->result->{error}, undef, "$how: a COPY that does not start");
	$client->result if @end;
	free_with(0, "$how, not started");
}

# Flush instead of Sync, and further queries in the same pipeline.
$client->put(Parse('', 'copy t from stdin'), Bind(), Execute(), Flush());
is($client->result('G')->{types}, '12G', 'COPY after a Flush');
$client->put(CopyData("1\n2\n"), CopyDone(), Sync(), Query('select 7'));
is($client->result->{types}, 'CZ', 'ends with its one Sync');
is($client->result->{rows}[0][0], 7, 'and the next query is answered');
free_with(2, 'after a Flush');

$client->put(Query('copy t from stdin; select 1; copy t to stdout'), CopyData("3\n"), CopyDone());
is($client->result->{types}, 'GCTDCHdcCZ', 'COPY in the middle of one message');
free_with(1, 'in the middle');

done_testing;
