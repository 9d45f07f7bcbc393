# What was sent again ends at its first error like what is sent for the first time: the rest is skipped.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, databases => { postgres => 'pool_size=1' });
my $admin    = Wire->login($server);

# Its results are to be binary, so it may have to wait until their types are known.
sub BindBinary ($statement) { return Message('B', "\0$statement\0" . pack('nnnn', 0, 0, 1, 1)) }
sub insert ($n) { return (Bind('', 'i', $n), Execute()) }
sub inserted () { return join ' ', map { $_->[0] } $admin->query('select n from said order by n')->{rows}->@* }

# A client of whose plan for s, the first of what it sends next, nothing is left but an error.
sub client_with_old_plan ()
{
	$admin->query('drop table if exists t, said; create table t (a varchar(10)); create table said (n int unique);'
			. 'insert into t values (1); insert into said values (1)');
	my $client = Wire->login($millpond);
	$client->put(Parse('s', 'select * from t'), Describe('S', 's'), Parse('u', 'select 2'), Describe('S', 'u'),
		Parse('i', 'insert into said values ($1::int)'), Sync());
	is($client->result->{types}, '1tT1tT1Z', 'all is prepared');
	$client->put(Bind('', 's'), Execute(), Sync());
	is($client->result->{types}, '2DCZ', '... and used');
	$admin->query('alter table t alter a type varchar(20)');
	return $client;
}

my @again = (Bind('', 's'), Describe('P'), Execute());
my @rest  = (BindBinary('s'), Execute(), insert(99));
my %ways = (
	'an error'             => { first => [ @again, insert(1) ],                         types => '2TDC2EZ' },
	'two errors'           => { first => [ @again, insert(1), @rest, insert(1) ],       types => '2TDC2EZ' },
	'no error'             => { first => [ @again, insert(2) ],                         types => '2TDC2C2DC2CZ', did => 2, did_last => 99 },
	'a transaction block'  => {
		first => [ @again, Parse('', 'begin'), Bind(), Execute(), insert(2), insert(1) ],
		types => '2TDC12C2C2EZ', status => 'E',
	},
);
for my $what (sort keys %ways)
{
	my $way = $ways{$what};
	for my $later (0, 1)
	{
		my $client = client_with_old_plan();
		my @sent   = ($way->{first}->@*, @rest);
		my @next   = (insert(5), Sync());
		my $before = '';
		if ($later)
		{
			# The Sync, and another segment behind it, come when the error has been told.
			$client->put(@sent, Flush());
			$before = join '', map { $client->get->[0] } 2 .. length $way->{types};
			$client->put(Sync(), @next);
		}
		else
		{
			$client->put(@sent, Sync());
		}
		my $result = $client->result;
		is($before . $result->{types}, $way->{types}, "$what, its Sync " . ($later ? 'later' : 'at once') . ': answers');
		is($result->{status}, $way->{status} // 'I', '... the status');
		$client->put(@next) if !$later;
		is($client->result->{error}{C}, $way->{status} && '25P02', '... what follows it');
		is(inserted(), join(' ', 1, $way->{did} // (), $way->{status} ? () : 5, $way->{did_last} // ()), '... and what was done');
		$client->query('rollback');
		is($client->value('select 1'), 1, '... and it goes on');
		$client->close;
	}
}
done_testing;
