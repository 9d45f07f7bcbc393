/* LDAP's options: what they become, each mistake, and names that try to be more than a name. */
#include "conf/directory.h"

#include <stdlib.h>
#include <string.h>

#include "conf/hba_options.h"
#include "tests/unit/tap.h"

static char why[HBA_OPTIONS_WHY_BYTES];

static struct directory *read_options(const char *text)
{
	why[0] = '\0';
	return hba_options_directory(text, why);
}

/* --- what they become --------------------------------------------------------------------- */

static const struct {
	const char *options;
	const char *addresses;
	const char *base_dn; /* NULL: a simple bind */
	const char *question; /* for the user al */
	enum directory_scope scope;
	bool starts_tls;
} cases[] = {
	{"ldapserver=h ldapprefix=uid= ldapsuffix=\",dc=x\"", "ldap://h:389", NULL, "uid=al,dc=x", 2, false},
	{"ldapserver=h ldapport=77 ldapprefix=\"DOM\\\"", "ldap://h:77", NULL, "DOM\\al", 2, false},
	{"ldapserver=h ldapsuffix=@dom", "ldap://h:389", NULL, "al@dom", 2, false},
	{"ldapserver=\"a b\" ldaptls=1 ldapsuffix=@dom", "ldap://a:389 ldap://b:389", NULL, "al@dom", 2,
	 true},
	{"ldapserver=::1 ldapscheme=ldaps ldapsuffix=@dom", "ldaps://[::1]:636", NULL, "al@dom", 2,
	 false},
	{"\"ldapserver=h\", \"ldapbasedn\"=\"dc=x,dc=y\",", "ldap://h:389", "dc=x,dc=y", "(uid=al)", 2,
	 false},
	{"ldapserver=h ldapbasedn=dc=x ldapsearchattribute=cn", "ldap://h:389", "dc=x", "(cn=al)", 2,
	 false},
	{"ldapserver=h ldapbasedn=dc=x ldapsearchfilter=\"(|(cn=$username)(mail=$username@x))\"",
	 "ldap://h:389", "dc=x", "(|(cn=al)(mail=al@x))", 2, false},
	{"ldapurl=\"ldap://h/dc=x,dc=y?cn?sub\"", "ldap://h:389", "dc=x,dc=y", "(cn=al)", 2, false},
	{"ldapurl=ldaps://h:77/dc=x??one", "ldaps://h:77", "dc=x", "(uid=al)", 1, false},
	{"ldapurl=ldap://[::1]:77/o=a%20b%2cc", "ldap://[::1]:77", "o=a b,c", "(uid=al)", 0, false},
	{"ldapurl=\"ldap://h/dc=x??sub?(cn=$username)\"", "ldap://h:389", "dc=x", "(cn=al)", 2, false},
	{"ldapurl=ldap://h ldapbasedn=dc=z", "ldap://h:389", "dc=z", "(uid=al)", 0, false},
	{"ldapurl=ldap://h ldapprefix=cn=", "ldap://h:389", NULL, "cn=al", 0, false},
};

static void test_options(void)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct directory *directory = read_options(cases[i].options);

		ok(directory, "%s", cases[i].options);
		if (!directory) {
			note("%s", why);
			continue;
		}
		char *question = cases[i].base_dn ? directory_filter(directory, "al") :
						    directory_bind_name(directory, "al");
		is_text(directory->addresses, cases[i].addresses, "... the addresses");
		is_text(directory->base_dn, cases[i].base_dn, "... the base");
		is_text(question, cases[i].question, "... what is asked");
		is_int(directory->scope, cases[i].scope, "... how far down");
		is_int(directory->starts_tls, cases[i].starts_tls, "... StartTLS");
		free(question);
		directory_free(directory);
	}
}

/* --- mistakes ----------------------------------------------------------------------------- */

static const struct {
	const char *options;
	const char *fault;
} mistakes[] = {
	{"", "one of ldapbasedn, ldapprefix and ldapsuffix is needed"},
	{"ldapserver=h", "one of ldapbasedn, ldapprefix and ldapsuffix is needed"},
	{"ldapprefix=cn=", "ldapserver is needed"},
	{"ldapserver=h ldapprefix=cn= ldapbasedn=dc=x", "cannot be used together with"},
	{"ldapserver=h ldapsuffix=\",dc=x\" ldapbindpasswd=x", "cannot be used together with"},
	{"ldapurl=ldap://h/dc=x ldapprefix=cn=", "cannot be used together with"},
	{"ldapserver=h ldapbasedn=dc=x ldapsearchattribute=cn ldapsearchfilter=(a=$username)",
	 "cannot be used together"},
	{"ldapserver=h ldapbasedn=dc=x ldapsearchattribute=cn)(a", "is not the name of one attribute"},
	{"ldapserver=h ldapbasedn=dc=x ldapsearchfilter=(uid=bob)", "without $username"},
	{"ldapserver=h ldapbasedn=dc=x ldapport=0", "is not a number from 1 to 65535"},
	{"ldapserver=h ldapbasedn=dc=x ldapport=389x", "is not a number from 1 to 65535"},
	{"ldapserver=h:389 ldapbasedn=dc=x", "is to be set by ldapport"},
	{"ldapserver=ldap://h ldapbasedn=dc=x", "ldapserver: "},
	{"ldapserver=a/b ldapbasedn=dc=x", "is not a name or an address"},
	{"ldapserver=h ldapbasedn=dc=x ldapscheme=http", "is not one of ldap, ldaps"},
	{"ldapserver=h ldapbasedn=dc=x ldaptls=yes", "is neither 0 nor 1"},
	{"ldapserver=h ldapbasedn=dc=x ldaptls=1 ldapscheme=ldaps", "TLS from the beginning"},
	{"ldapurl=http://h/dc=x", "must begin with ldap://"},
	{"ldapurl=ldap://h?uid", "the base DN is missing"},
	{"ldapurl=ldap://h/dc=%4", "without two digits"},
	{"ldapurl=ldap://h/dc=%00", "without two digits"},
	{"ldapurl=ldap://h/dc=%", "without two digits"},
	{"ldapurl=ldap://h/dc=%zz", "without two digits"},
	{"ldapurl=ldap://%zz/dc=x", "without two digits"},
	{"ldapurl=ldap://h:%zz/dc=x", "this is no port"},
	{"ldapurl=ldap://[::1]x/dc=x", "is no end of an address"},
	{"ldapurl=\"ldap://h/dc=x?uid,cn\"", "is not the name of one attribute"},
	{"ldapurl=ldap://h/dc=x?uid?all", "is not one of base, one, sub"},
	{"ldapurl=ldap://h/dc=x?uid?sub?(a=$username)", "cannot be used together"},
	{"ldapurl=ldap://h/dc=x?uid?sub??x-tls", "extensions are not supported"},
	{"ldapserver=h ldapbasedn=dc=x map=y", "for the methods cert and peer"},
	{"ldapserver=h ldapbasedn=dc=x ldapbindpasswd=two words", "behind option 3 is not an option"},
	{"ldapserver=h ldapbasdn=dc=x", "did you mean \"ldapbasedn\"?"},
	{"ldapserver=h ldapbasedn=\"dc=x", "a quote is not closed"},
};

static void test_mistakes(void)
{
	for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
		struct directory *directory = read_options(mistakes[i].options);

		ok(!directory && strstr(why, mistakes[i].fault), "refused: %s", mistakes[i].options);
		note("%s", why);
		directory_free(directory);
	}
	free(read_options("ldapserver=h ldapbindpasswd=two words"));
	ok(!strstr(why, "two") && !strstr(why, "words"), "no part of a password is in the fault");
}

/* --- names -------------------------------------------------------------------------------- */

static const struct {
	const char *user;
	const char *in_filter;
	const char *in_dn;
} names[] = {
	{"al", "(uid=al)", "cn=al,dc=x"},
	{"*", "(uid=\\2a)", "cn=*,dc=x"},
	{"al)(uid=*", "(uid=al\\29\\28uid=\\2a)", "cn=al)(uid\\3d*,dc=x"},
	{"al,dc=y", "(uid=al,dc=y)", "cn=al\\2cdc\\3dy,dc=x"},
	{"a+b\"c<d>e;f\\g", "(uid=a+b\"c<d>e;f\\5cg)",
	 "cn=a\\2bb\\22c\\3cd\\3ee\\3bf\\5cg,dc=x"},
	{" al ", "(uid= al )", "cn=\\20al\\20,dc=x"},
	{"#1", "(uid=#1)", "cn=\\231,dc=x"},
	{"a\nb\x7f", "(uid=a\\0ab\x7f)", "cn=a\\0ab\x7f,dc=x"},
	{"j\xc3\xbcrgen", "(uid=j\xc3\xbcrgen)", "cn=j\xc3\xbcrgen,dc=x"},
	{"$username", "(uid=$username)", "cn=$username,dc=x"},
};

static void test_names(void)
{
	struct directory *by_search = read_options("ldapserver=h ldapbasedn=dc=x");
	struct directory *by_filter =
		read_options("ldapserver=h ldapbasedn=dc=x ldapsearchfilter=(uid=$username)");
	struct directory *by_name = read_options("ldapserver=h ldapprefix=cn= ldapsuffix=\",dc=x\"");

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char *searched = directory_filter(by_search, names[i].user);
		char *filtered = directory_filter(by_filter, names[i].user);
		char *bound = directory_bind_name(by_name, names[i].user);

		is_text(searched, names[i].in_filter, "in a search");
		is_text(filtered, names[i].in_filter, "in a filter");
		is_text(bound, names[i].in_dn, "in a DN");
		free(searched);
		free(filtered);
		free(bound);
	}
	directory_free(by_search);
	directory_free(by_filter);
	directory_free(by_name);
}

int main(void)
{
	test_options();
	test_mistakes();
	test_names();
	return done();
}
