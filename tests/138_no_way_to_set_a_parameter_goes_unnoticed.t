# However a client sets a parameter, nobody else has it: it follows its client, or its client keeps its server.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server   = Postgres->new('server');
my $millpond = Millpond->new('pool', server => $server,
	databases => { one => 'dbname=postgres pool_size=1' },
	settings  => { server_idle_timeout => 600 });

sub client () { return Wire->login($millpond, database => 'one') }
sub setting ($client, $name) { return $client->value("select current_setting('$name', true)") // '' }

my %start = map { $_ => setting(client(), $_) } qw(work_mem);

for my $case (
	[ 'set session.user_id = 1',       'session.user_id', 1 ],
	[ 'set session session.user_id=1', 'session.user_id', 1 ],
	[ 'set local.user_id = 1',         'local.user_id',   1 ],
	[ 'set transaction.a = 1',         'transaction.a',   1 ],
	[ 'set names.a = 1',               'names.a',         1 ],
	[ 'set schema.a = 1',              'schema.a',        1 ],
	[ 'set app.a$b = 1',               'app.a$b',         1 ],
	[ q(select "set_config"('work_mem', '99', false)),                              'work_mem',   '99kB' ],
	[ 'do $$ begin set work_mem = 99; end $$',                                      'work_mem',   '99kB' ],
	[ q(do $$ begin perform set_config('app.tenant', '9', false); end $$),          'app.tenant', 9 ],
	[ q(do $$ begin if true then execute 'set app.tenant = 9'; end if; end $$),     'app.tenant', 9 ],
	)
{
	my ($sql, $name, $expected) = @$case;
	my ($client, $other) = (client(), client());
	is($client->query($sql)->{error}, undef, $sql);
	for my $round (1, 2)
	{
		is(setting($other, $name), $start{$name} // '', "... round $round: nobody else has it");
		is(setting($client, $name), $expected, '... and it follows its client');
	}
	$_->close for $client, $other;
	$millpond->console('RECONNECT');
}

# What is parsed, also where prepared statements are not looked at.
for my $most (0, 200)
{
	$millpond->reconfigure(settings => { max_prepared_statements => $most });
	for my $sql ('set work_mem = 99', ' set work_mem = 99', 'select set_config(\'work_mem\', $1, false)')
	{
		for my $name ('', 's')
		{
			my ($client, $other) = (client(), client());
			$client->put(Parse($name, $sql), Bind('', $name, $sql =~ /\$1/ ? '99kB' : ()), Execute(), Close('S', $name), Sync())->result;
			for my $round (1, 2)
			{
				is(setting($other, 'work_mem'), $start{work_mem}, "max_prepared_statements = $most, '$name': $sql: nobody else has it");
				is(setting($client, 'work_mem'), '99kB', '... and it follows its client');
			}
			$_->close for $client, $other;
		}
	}
}

# Of these the name is not known.
for my $case (
	[ 'set U&"work\\005fmem" = 99',                                                  'work_mem', '99kB' ],
	[ q(set app.größe = 1),                                                         'app.größe', 1 ],
	[ q(select set_config('work' || '_mem', '99', false)),                          'work_mem', '99kB' ],
	[ q(update pg_settings set setting = '99' where name = 'work_mem'),             'work_mem', '99kB' ],
	[ q(do $$ begin execute format('set %I = 9', 'app.tenant'); end $$),            'app.tenant', 9 ],
	[ Parse('', 'select set_config($1, $2, false)') . Bind('', '', 'app.tenant', 9) . Execute() . Sync(), 'app.tenant', 9 ],
	)
{
	my ($request, $name, $expected) = @$case;
	my $client = client();
	my $from   = $millpond->log_end;
	is($client->put($request =~ /\0/ ? $request : Query($request))->result->{error}, undef, $request =~ tr/\0-\x1f/ /sr);
	is(($millpond->console('SHOW PINNED'))[0]{reason}, 'settings that cannot follow it', '... pins its client');
	is(setting($client, $name), $expected, '... which has it');
	$client->close;
	wait_until(sub { $millpond->log_since($from) =~ /its client has set what can not be taken back/ }, 'the server to be closed');
	is(setting(client(), $name), $start{$name} // '', '... and nobody else');
}

# What is for the transaction alone, or nothing at all.
for my $sql (q(select set_config($1, $2, true)), 'set', 'select * from pg_settings for update', 'do $$ begin set local work_mem = 99; end $$')
{
	my $client = client();
	$client->put(Parse('', $sql), $sql =~ /\$2/ ? Bind('', '', 'app.tenant', 9) : Bind(), Execute(), Sync())->result;
	is_deeply([ $millpond->console('SHOW PINNED') ], [], "$sql: nobody is pinned");
	$client->close;
}

$millpond->stop;
done_testing;
