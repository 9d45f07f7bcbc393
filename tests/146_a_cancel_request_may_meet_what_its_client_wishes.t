# A cancel request, or an older statement_timeout, that meets what its client wishes cancels the request, not the client.
use v5.36;
use FakeServer;
use Millpond;
use Test::More;
use Wire;

my $cancelled = 0;
my $fake = FakeServer->new(query => sub ($c, $sql) {
	return 0 if $sql !~ /SET "app.tenant"/ || $cancelled++;
	$c->put(ErrorResponse('57014', 'canceling statement due to user request'), ReadyForQuery());
	return 1;
});
my $millpond = Millpond->new('pool', databases => { fake => $fake->target . ' pool_size=1' },
	settings => { track_extra_parameters => 'app.tenant' });

my $from   = $millpond->log_end;
my $client = Wire->login($millpond, database => 'fake', 'app.tenant' => 1);
my $result = $client->put(Parse('', 'the request'), Bind(), Execute(), Sync())->result;
is($result->{error}{C}, '57014', 'the request is cancelled');
is($result->{status}, 'I', '... and over');
is($client->value('another'), 'another', 'its client goes on');
is(scalar $fake->received(qr/SET "app.tenant"/), 2, '... with what it wishes');
is(scalar $fake->received(qr/the request/), 0, 'the server has never heard of what was cancelled');
unlike($millpond->log_since($from), qr/S-.*closing because/, '... and is kept');

$millpond->stop;
done_testing;
