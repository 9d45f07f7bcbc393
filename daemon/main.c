/*
 * The program: its command line, and the order in which a process comes up and goes down. The only
 * place that exits.
 */
#include <errno.h>
#include <event2/event.h>
#include <getopt.h>
#include <openssl/crypto.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/array.h"
#include "conf/check.h"
#include "conf/describe.h"
#include "conf/differences.h"
#include "conf/settings.h"
#include "conf/unreadable.h"
#include "daemon/daemon.h"
#include "daemon/login/client_tls.h"
#include "daemon/login/secret_check.h"
#include "daemon/process.h"
#include "daemon/runtime/tls_memory.h"
#include "daemon/server/conninfo.h"
#include "daemon/server/server_check.h"
#include "daemon/version.h"

struct options {
	const char *file;
	const char *user;
	int verbose;
	bool background;
	bool quiet;
	bool check;
};

static const char usage[] =
	"Usage: millpond [OPTION]... CONFIG_FILE\n"
	"       millpond --check CONFIG_FILE\n"
	"\n"
	"A PostgreSQL connection pooler: clients connect to it as to a server.\n"
	"\n"
	"  -d, --daemon      run in the background (needs pidfile, and logfile or syslog)\n"
	"  -q, --quiet       no log on stderr\n"
	"  -u, --user=USER   become this user after the start\n"
	"  -v, --verbose     log more; may be repeated\n"
	"  -V, --version     print the version\n"
	"  -h, --help        print this\n"
	"      --check       only check the file, and say everything that is wrong with it\n"
	"      --settings    print a table of all settings, with their defaults and meaning\n";

static const char instead_of_reboot[] =
	"millpond: -R (online restart) is not supported. Instead:\n"
	"  for new settings: SIGHUP, or RELOAD on the console; no connection is lost\n"
	"  for a new version: sockets of systemd (millpond.socket), so that clients wait while the\n"
	"    service restarts; or so_reuseport = 1 for both, a second process on the same port with\n"
	"    another unix_socket_dir and pidfile in a file of its own, and SIGTERM to the first,\n"
	"    which then takes no new clients and ends when its last one has left\n";

static const struct option long_options[] = {
	{"daemon", no_argument, NULL, 'd'},	{"quiet", no_argument, NULL, 'q'},
	{"user", required_argument, NULL, 'u'}, {"verbose", no_argument, NULL, 'v'},
	{"version", no_argument, NULL, 'V'},	{"help", no_argument, NULL, 'h'},
	{"settings", no_argument, NULL, 's'},	{"check", no_argument, NULL, 'c'},
	{"reboot", no_argument, NULL, 'R'},	{0},
};

/* PgBouncer's lines, with one for the own version; names are looked up by libevent's resolver. */
static void print_version(void)
{
	printf(VERSION_LINE "\nmillpond %s\nlibevent %s\nadns: evdns2\ntls: %s\nsystemd: yes\n",
	       MILLPOND_VERSION, event_get_version(), OpenSSL_version(OPENSSL_VERSION));
}

/* An option that only has something printed; or one that does not exist. */
static _Noreturn void print_and_exit(int letter)
{
	switch (letter) {
	case 's':
		settings_describe(stdout);
		exit(0);
	case 'V':
		print_version();
		exit(0);
	case 'h':
		fputs(usage, stdout);
		exit(0);
	case 'R':
		fputs(instead_of_reboot, stderr);
		exit(1);
	default:
		fputs("Try 'millpond --help'.\n", stderr);
		exit(1);
	}
}

static struct options parse_options(int argc, char **argv)
{
	struct options options = {0};
	int letter;

	while ((letter = getopt_long(argc, argv, "dqu:vVhR", long_options, NULL)) != -1) {
		switch (letter) {
		case 'd':
			options.background = true;
			break;
		case 'q':
			options.quiet = true;
			break;
		case 'u':
			options.user = optarg;
			break;
		case 'v':
			options.verbose++;
			break;
		case 'c':
			options.check = true;
			break;
		default:
			print_and_exit(letter);
		}
	}
	if (argc - optind != 1) {
		fprintf(stderr, "millpond: %s\n%s",
			optind == argc ? "no configuration file given" :
					 "more than one configuration file given",
			usage);
		exit(1);
	}
	options.file = argv[optind];
	return options;
}

static const char *user_to_become(const struct options *options, const struct settings *settings)
{
	if (options->user != NULL)
		return options->user;
	return settings->user[0] != '\0' ? settings->user : NULL;
}

static bool would_stay_root(const struct options *options, const struct settings *settings)
{
	const char *user = user_to_become(options, settings);

	return geteuid() == 0 && (user == NULL || strcmp(user, "root") == 0);
}

/* Where the daemon would have logged, since nobody may see its standard error. Root, who would be
 * refused anyway, makes no file there that nobody else could write to. */
static void log_refusal(const struct options *options, const struct settings *settings,
			const struct fault_list *faults)
{
	struct log log;

	if (would_stay_root(options, settings))
		return;
	process_make_file_for(user_to_become(options, settings), settings->logfile);
	log_init(&log, 0);
	if (log_configure(&log, settings, 0, true)) {
		log_faults(&log, faults, LEVEL_ERROR);
		log_write(&log, LEVEL_FATAL, "cannot load config file");
	}
	log_release(&log);
}

/* Never NULL: with faults, which have been told, what can be made of the rest. */
static struct settings *load(const struct options *options, bool *good)
{
	struct fault_list faults;

	fault_list_init(&faults);
	struct settings *settings = settings_load_anyway(options->file, &faults);
	*good = client_tls_prepare(settings, &faults);
	*good &= servers_check(settings, &faults);
	secrets_note_broken(settings);
	*good &= faults.count == 0;
	fault_list_print(&faults, stderr);
	if (!*good && !options->check)
		log_refusal(options, settings, &faults);
	fault_list_release(&faults);
	return settings;
}

static int check(const struct options *options)
{
	bool good;
	struct settings *settings = load(options, &good);
	const char *user = user_to_become(options, settings);

	/* Nothing at all has been read of a file that cannot be. */
	if (good || settings->pair_count > 0) {
		settings_note_start(settings);
		if (geteuid() == 0 && user != NULL)
			settings_note_unreadable(settings, user);
		if (good)
			conninfo_note_missing(settings);
		fault_list_print(&settings->notes, stdout);
	}
	if (good) {
		settings_describe_differences(settings, stdout);
		printf("%s: ok\n", options->file);
	}
	settings_drop(settings);
	return good ? 0 : 1;
}

static int complain(const char *text)
{
	fprintf(stderr, "millpond: %s\n", text);
	return 1;
}

/* What has to be right before anything is opened; NULL when it is. */
static const char *what_is_missing(const struct options *options, const struct settings *settings)
{
	if (would_stay_root(options, settings))
		return "will not run as root: set user= in the configuration, or give -u USER";
	if (!options->background)
		return NULL;
	if (settings->pidfile[0] == '\0')
		return "-d needs pidfile= in the configuration";
	if (settings->logfile[0] == '\0' && !settings->syslog)
		return "-d needs logfile= or syslog=1 in the configuration";
	return NULL;
}

/* Ports and directories that only root may use are opened before the user changes. */
static bool take_position(struct daemon *daemon, const char *user, const char *pidfile)
{
	char why[256];

	if (user != NULL && !process_knows_user(user, why, sizeof why)) {
		log_write(&daemon->log, LEVEL_FATAL, "%s", why);
		return false;
	}
	if (!daemon_listen(daemon))
		return false;
	if ((user == NULL || process_become_user(user, why, sizeof why)) &&
	    (pidfile[0] == '\0' || process_write_pidfile(pidfile, why, sizeof why))) {
		process_find_home();
		if (daemon_start(daemon))
			return true;
		process_remove_pidfile(pidfile);
	} else {
		log_write(&daemon->log, LEVEL_FATAL, "%s", why);
	}
	listeners_close(&daemon->listeners);
	return false;
}

static int serve(const struct options *options, struct settings *settings)
{
	static struct daemon daemon; /* large, and the only one */
	const char *user = user_to_become(options, settings);
	int background = -1;

	if (options->background && (background = process_go_to_background()) < 0)
		return complain(strerror(errno));
	process_make_file_for(user, settings->logfile);
	char *pidfile = strdup(settings->pidfile);
	if (pidfile == NULL || !daemon_init(&daemon, settings, options->verbose, options->quiet) ||
	    !take_position(&daemon, user, pidfile)) {
		free(pidfile);
		return 1;
	}
	if (background >= 0) {
		daemon.log.to_stderr = false;
		daemon.quiet = true;
		process_started(background);
	}
	log_write(&daemon.log, LEVEL_LOG,
		  "process up: Millpond %s, libevent %s (%s), adns: evdns2, tls: %s",
		  MILLPOND_VERSION, event_get_version(),
		  event_base_get_method(daemon.workers->loop.base),
		  OpenSSL_version(OPENSSL_VERSION));
	bool all_closed = daemon_run(&daemon);
	process_remove_pidfile(pidfile);
	free(pidfile);
	/* Helpers may still be at work, which must not lose OpenSSL under their feet. */
	if (!all_closed || !daemon_release(&daemon))
		_exit(0);
	return 0;
}

/*
 * libpq takes what it is not told from PGHOST, PGUSER, PGAPPNAME and their like, which belong to
 * whoever started the daemon and not to its clients. The names of files may stay.
 */
static void forget_libpq_environment(void)
{
	static const char *const files[] = {"PGPASSFILE=", "PGSERVICEFILE=", "PGSYSCONFDIR="};
	char name[64];

	for (char **entry = environ; *entry != NULL;) {
		bool stays = strncmp(*entry, "PG", 2) != 0;
		for (size_t i = 0; i < ARRAY_SIZE(files); i++)
			stays = stays || strncmp(*entry, files[i], strlen(files[i])) == 0;
		snprintf(name, sizeof name, "%.*s", (int)strcspn(*entry, "="), *entry);
		if (stays || unsetenv(name) != 0)
			entry++;
	}
}

/*
 * Where no file of passwords is named, libpq looks for one in the home of the daemon's user, whose passwords
 * are not for clients. About one that is not a plain file it would complain, but not about one that is not there.
 */
static bool name_no_password_file(void)
{
	const char *named = getenv("PGPASSFILE");

	return (named != NULL && named[0] != '\0') ||
	       setenv("PGPASSFILE", "/dev/null/none", 1) == 0;
}

int main(int argc, char **argv)
{
	tls_memory_take_over();
	forget_libpq_environment();
	if (!name_no_password_file())
		return complain(strerror(errno));
	struct options options = parse_options(argc, argv);
	if (options.check)
		return check(&options);
	bool good;
	struct settings *settings = load(&options, &good);
	if (!good) {
		settings_drop(settings);
		return 1;
	}
	const char *missing = what_is_missing(&options, settings);
	if (missing != NULL) {
		settings_drop(settings);
		return complain(missing);
	}
	return serve(&options, settings);
}
