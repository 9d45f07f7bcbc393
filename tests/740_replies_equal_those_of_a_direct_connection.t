# Random conversations get, byte by byte, the replies of a direct connection, on whatever servers they run.
use v5.36;
use Millpond;
use Test::More;
use Wire;

# Each seed is one sequence of turns of a few clients. SEED=n repeats one; STRESS=1 makes it long.
my $sequences = $ENV{SEED} ? 1 : $ENV{STRESS} ? 3000 : 60;
my $first     = $ENV{SEED} // ($ENV{STRESS} ? int rand 1_000_000 : 1);
my $clients   = 3;

my $server   = Postgres->new;
my $millpond = Millpond->new(
	'pool',
	server    => $server,
	databases => { postgres => "pool_size=$clients" },
	settings  => { max_prepared_statements => 3, server_round_robin => 1 });

my @names   = ('', '', 'a', 'b', 'c', 'd');
my @portals = ('', '', '', 'p');
my @texts   = (
	'select 1', 'select 2', 'select $1::int', q(select $1::int, 'x'), 'select 7/$1::int',
	'select generate_series(1, $1::int)', 'select $1::int, $2::text', '', 'selekt', 'select nothing',
	'begin', 'commit', 'rollback', q(set local work_mem = '1MB'), 'select 1; select 2');
my @queries = ('select 3', 'begin', 'begin', 'commit', 'rollback', 'select 1/0', '', 'select 4; select 5');

sub one_of (@list) { return $list[ rand @list ] }

# One request of the extended protocol and a word for it.
sub request ()
{
	my $kind = one_of(qw(P P P B B B B D D E E E C H));
	my ($name, $portal) = (one_of(@names), one_of(@portals));
	if ($kind eq 'P') { my $text = one_of(@texts); return (Parse($name, $text), "Parse($name, $text)") }
	if ($kind eq 'B')
	{
		my @values = map { one_of(0 .. 5) } 1 .. one_of(0, 0, 1, 1, 1, 2);
		return (Bind($portal, $name, @values), "Bind($portal, $name, @values)");
	}
	if ($kind eq 'E') { my $n = one_of(0, 0, 2); return (Execute($portal, $n), "Execute($portal, $n)") }
	return (Flush(), 'Flush') if $kind eq 'H';
	my $type = one_of(qw(S S P));
	my $of   = $type eq 'S' ? $name : $portal;
	return $kind eq 'D'
		? (Describe($type, $of), "Describe($type, $of)")
		: (Close($type, $of), "Close($type, $of)");
}

# What a client sends at once: bytes, words, and how many ReadyForQuery will answer it.
sub turn ()
{
	my ($bytes, @words, $ready) = ('');
	for (1 .. one_of(1, 1, 1, 2, 3))
	{
		if (rand() < 0.2)
		{
			my $query = one_of(@queries);
			$bytes .= Query($query);
			push @words, "Query($query)";
		}
		else
		{
			for (1 .. one_of(1 .. 8))
			{
				my ($message, $word) = request();
				$bytes .= $message;
				push @words, $word;
			}
			$bytes .= Sync();
			push @words, 'Sync';
		}
		$ready++;
	}
	return { bytes => $bytes, words => \@words, ready => $ready };
}

# The fields that name a place in PostgreSQL's source differ, since what it does is not when.
sub comparable ($type, $body)
{
	return "$type $body" unless $type =~ /[EN]/;
	return "$type " . join ' ', grep { !/^[FLR]/ } split /\0/, $body;
}

sub replies ($wire, $ready)
{
	my @replies;
	while ($ready)
	{
		my $message = eval { $wire->get(10) } // [ '!', $@ || 'the connection ended' ];
		push @replies, comparable(@$message);
		$ready-- if $message->[0] eq 'Z';
		last     if $message->[0] eq '!';
	}
	return join "\n", @replies;
}

# In a failed transaction PostgreSQL parses nothing, so a statement that the server lacks can not be
# used at all there, not even wrongly. From then on the two know different names.
my $unparsable = 0;
sub is_unparsable ($status, $got, $wanted)
{
	my @got    = split /(?<=\nZ .)\n/, $got;
	my @wanted = split /(?<=\nZ .)\n/, $wanted;
	while (@got && $got[0] eq $wanted[0])
	{
		$status = substr shift @got, -1;
		shift @wanted;
	}
	return unless @got && $status eq 'E' && $got[0] =~ /C25P02.*\nZ E\z/;
	return ++$unparsable;
}

sub printable ($text) { return $text =~ s/([^\n -~])/sprintf '\x%02x', ord $1/ger }

# False when the replies differ, which is then told.
sub play ($seed)
{
	srand $seed;
	my @pairs = map { { pooled => Wire->login($millpond), direct => Wire->login($server), said => [] } }
		1 .. $clients;
	for my $round (1 .. 20)
	{
		my @active = grep { rand() < 0.6 && !$_->{over} } @pairs;
		for my $pair (@active)
		{
			my $turn = $pair->{turn} = turn();
			push $pair->{said}->@*, join ', ', $turn->{words}->@*;
			$pair->{direct}->put($turn->{bytes});
			# In two pieces, so that messages are cut anywhere.
			my $cut = int rand length $turn->{bytes};
			$pair->{pooled}->put(substr $turn->{bytes}, 0, $cut);
			select undef, undef, undef, 0.001 if rand() < 0.1;
			$pair->{pooled}->put(substr $turn->{bytes}, $cut);
		}
		for my $pair (@active)
		{
			next if $pair->{over};
			my $wanted = replies($pair->{direct}, $pair->{turn}{ready});
			my $got    = replies($pair->{pooled}, $pair->{turn}{ready});
			my $status = $pair->{status} // 'I';
			$pair->{status} = substr $wanted, -1;
			next if $got eq $wanted;
			next if $pair->{over} = is_unparsable($status, $got, $wanted);
			diag("seed $seed, round $round: the client said\n  ", join("\n  ", $pair->{said}->@*));
			diag("wanted:\n", printable($wanted), "\ngot:\n", printable($got));
			return 0;
		}
	}
	$_->close for map { @$_{qw(pooled direct)} } @pairs;
	return 1;
}

# All servers are there before it begins.
my @warm = map { Wire->login($millpond) } 1 .. $clients;
$_->put(Query('begin')) for @warm;
$_->result              for @warm;
$_->query('rollback')   for @warm;
$_->close               for @warm;

note("seeds from $first");
my $equal = 0;
for my $seed ($first .. $first + $sequences - 1)
{
	play($seed) or last;
	$equal++;
}
is($equal, $sequences, "$sequences sequences from seed $first are equal");

note("$unparsable of them met a statement that could not be parsed in a failed transaction");
done_testing;
