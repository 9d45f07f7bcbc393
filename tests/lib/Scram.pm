# SCRAM-SHA-256 from the client's side and, for servers made of paper, from the server's.
package Scram;

use v5.36;
use Digest::MD5 qw(md5_hex);
use Digest::SHA qw(sha256 hmac_sha256);
use MIME::Base64 qw(encode_base64 decode_base64);

sub md5_response ($password, $user, $salt)
{
	return 'md5' . md5_hex(md5_hex($password . $user) . $salt);
}

# PBKDF2 with one block, which is what SCRAM takes.
sub salted ($password, $salt, $iterations)
{
	my $block = hmac_sha256($salt . pack('N', 1), $password);
	my $sum   = $block;
	$sum ^.= $block = hmac_sha256($block, $password) for 2 .. $iterations;
	return $sum;
}

# The text of pg_authid.
sub secret ($password, $salt = 'saltsaltsaltsalt', $iterations = 4096)
{
	my $salted = salted($password, $salt, $iterations);
	return sprintf 'SCRAM-SHA-256$%d:%s$%s:%s', $iterations, encode_base64($salt, ''),
		encode_base64(sha256(hmac_sha256('Client Key', $salted)), ''),
		encode_base64(hmac_sha256('Server Key', $salted), '');
}

# The client -----------------------------------------------------------------------------------

sub new ($class, $password, %more)
{
	my $nonce = encode_base64(join('', map { chr int rand 256 } 1 .. 18), '');
	return bless { password => $password, nonce => $nonce, header => 'n,,', %more }, $class;
}

sub first ($self)
{
	$self->{first_bare} = "n=,r=$self->{nonce}";
	return $self->{header} . $self->{first_bare};
}

# Another nonce than the challenge's may be given.
sub final ($self, $challenge, $other = undef)
{
	my ($nonce, $salt, $iterations) = $challenge =~ /^r=(.*),s=(.*),i=(\d+)/ or die $challenge;
	die 'another nonce' if index $nonce, $self->{nonce};
	$nonce = $other if defined $other;
	my $salted  = salted($self->{password}, decode_base64($salt), $iterations);
	my $key     = hmac_sha256('Client Key', $salted);
	my $without = 'c=' . encode_base64($self->{header} . ($self->{binding} // ''), '') . ",r=$nonce";
	my $joined  = "$self->{first_bare},$challenge,$without";
	$self->{signature} = hmac_sha256($joined, hmac_sha256('Server Key', $salted));
	return "$without,p=" . encode_base64($key ^. hmac_sha256($joined, sha256($key)), '');
}

sub verify ($self, $final)
{
	return $final eq 'v=' . encode_base64($self->{signature}, '');
}

# The server -------------------------------------------------------------------------------------

# Answers to both messages of a client; `secret` is as secret() makes it.
sub challenge ($class, $secret, $first)
{
	my ($iterations, $salt, $stored, $server) =
		$secret =~ /^SCRAM-SHA-256\$(\d+):(.*)\$(.*):(.*)$/ or die $secret;
	my ($bare) = $first =~ /^(?:n|y|p=[^,]*),,(.*)$/s or die $first;
	my ($nonce) = $bare =~ /r=([^,]*)/;
	my $text = "r=${nonce}more,s=$salt,i=$iterations";
	return (bless { bare => $bare, challenge => $text, stored => decode_base64($stored),
		server => decode_base64($server) }, $class), $text;
}

# The signature, or nothing for a wrong proof.
sub accept ($self, $final)
{
	my ($without, $proof) = $final =~ /^(.*),p=(.*)$/s or return;
	my $joined = "$self->{bare},$self->{challenge},$without";
	my $key    = decode_base64($proof) ^. hmac_sha256($joined, $self->{stored});
	return if sha256($key) ne $self->{stored};
	return 'v=' . encode_base64(hmac_sha256($joined, $self->{server}), '');
}

1;
