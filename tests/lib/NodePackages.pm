# Packages of node that tests want: found where node looks for them, or installed with npm for the one
# test file, if that is quick.
package NodePackages;

use v5.36;
use Exporter 'import';
use PostgreSQL::Test::Utils;

our @EXPORT = qw(node_package);

# Makes node find the package. False: it is not here, and can not be had.
sub node_package ($name)
{
	return 0 if system('node --version >/dev/null 2>&1');
	return 1 unless system("node -e 'require(\"$name\")' 2>/dev/null");
	my $folder = PostgreSQL::Test::Utils::tempdir();
	local $ENV{HOME} = $folder;
	system("cd $folder && timeout 60 npm install --silent --no-audit --no-fund $name >/dev/null 2>&1");
	$ENV{NODE_PATH} = "$folder/node_modules";
	return !system("node -e 'require(\"$name\")' 2>/dev/null");
}

1;
