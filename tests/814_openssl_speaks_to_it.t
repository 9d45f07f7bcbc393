# openssl s_client: TLS asked for as PostgreSQL's clients do, or begun with; versions; and sessions that are resumed.
use v5.36;
use Guarded;
use IPC::Run;
use Test::More;

my $guarded = Guarded->new;
my $session = $guarded->file('session');

# What it says. It is sent away in the end, by a startup packet that is too short.
sub s_client (@options)
{
	my $text = '';
	eval {
		IPC::Run::run([ qw(openssl s_client -ign_eof -CAfile), $guarded->file('ca.crt'), qw(-verify_return_error
				-verify_hostname localhost -connect), '127.0.0.1:' . $guarded->{millpond}->port, @options ],
			'<', \"\0\0\0\4", '>', \$text, '2>', \$text, IPC::Run::timeout(60));
	} or $@ eq '' or $@ =~ /Broken pipe/ or die $@; # it may have left before it reads
	return $text;
}

my @starttls = qw(-starttls postgres);
for my $version (qw(tls1_2 tls1_3))
{
	my $text = s_client(@starttls, "-$version", '-sess_out', $session);
	like($text, qr/Verify return code: 0 \(ok\)/, "$version: the certificate is the right one");
	like($text, qr/New, TLSv1\.\d, Cipher is \S*AES/, "$version: a new session") or diag $text;
	like(s_client(@starttls, "-$version", '-sess_in', $session), qr/^Reused, TLSv1\.\d, Cipher is/m,
		"$version: that is resumed");
}
like(s_client(@starttls, qw(-tls1_1 -cipher ALL:@SECLEVEL=0)), qr/alert protocol version/, 'TLS 1.1 is refused');
like(s_client(qw(-alpn postgresql)), qr/^ALPN protocol: postgresql$/m, 'TLS from the first byte');
like(s_client(qw(-alpn http/1.1)), qr/alert no application protocol/, 'is for nothing else');

done_testing;
