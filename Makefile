# Millpond, a PostgreSQL connection pooler
#
#   make               build ./millpond
#   make run           a throwaway PostgreSQL with Millpond in front of it, and psql
#                      PORT=6432        where Millpond listens (127.0.0.1)
#                      SERVER='host=…'  an existing PostgreSQL instead of a throwaway one
#   make check         all tests: warnings as errors, layers, headers, unit tests, a short run of
#                      each fuzz target, the end-to-end tests
#                      TESTS='tests/1*.t'   only these     PROVE_FLAGS='-v -j1'   for prove
#                      WORKERS=8            with another number of worker threads
#                      PG_BINDIR=/usr/lib/postgresql/15/bin   with that PostgreSQL, not the newest here
#   make unit          the unit tests alone
#                      TESTS='tests/unit/pool_test.c'   only these
#   make fuzz          each fuzz target for FUZZ_SECONDS=60, with libFuzzer where clang is there
#   make stress        the long variants of the tests
#   make bench         Millpond beside a floor relay and pgbouncer: a table of costs
#                      BENCH_FLAGS='--quick'   see tests/bench/run
#                      BENCH_FLAGS='--workloads=simple --rounds=9'   see tests/bench/run --help
#   make install       PREFIX=/usr/local DESTDIR= sysconfdir=/etc     (and: make uninstall)
#                      BINARY=…   this program instead of building one
#   make docs          the sample ini and the manual pages, from the tables of the program
#   make deps          install the Debian packages that are missing, or say which ones; with EVERYTHING=1 also
#                      a JDK, node, ODBC and pgbouncer, without which a few tests are skipped, and BoringSSL for bench
#   make layers        who includes what, against the table of rooms
#   make headers       each header compiles alone
#   make awaits        the name of each function that may switch to another coroutine says so, and none does
#                      with a lock
#   make measure       the longest functions and files
#   make format        lays out the lines of C that are not committed yet, with clang-format
#   make clean         remove what was built
#
# These go with each of them:
#
#   SANITIZE=address,undefined   or   SANITIZE=thread
#   DEBUG=1            no optimisation, assertions that cost time
#   VALGRIND=1         unit tests run in Valgrind; implies DEBUG=1, which tells it of coroutines
#   WERROR=1           warnings are errors
#   CC=clang           another compiler
#   V=1                show each command
#   BUILD=/tmp/mine    another place for what is built
#   ROOMS='conf pool'  build only these folders (unit tests of one room while another is open)
#
# The plain build is ./millpond; every other one is build/<variant>/millpond, so they never mix.

ifeq ($(origin CC),default)
CC := gcc
endif
BUILD ?= build
PREFIX ?= /usr/local
sysconfdir ?= /etc
ROOMS ?= conf protocol pool daemon/runtime daemon/relay daemon/server daemon/login daemon/console daemon
FUZZ_SECONDS ?= 60

.DEFAULT_GOAL := build
# All processors, unless the caller says -j himself; a make inside this one gets its share.
ifeq ($(MAKELEVEL)$(filter -j%,$(MAKEFLAGS)),0)
MAKEFLAGS += --jobs=$(shell nproc)
endif
quiet := $(if $(V),,@)
say = $(if $(V),@:,@echo '  $@')

ifdef WORKERS
export WORKERS
endif
ifdef VALGRIND
DEBUG := 1
export VALGRIND
endif

# --- The variant --------------------------------------------------------------------------------

empty :=
space := $(empty) $(empty)
comma := ,
variant := $(subst $(space),-,$(strip $(if $(DEBUG),debug) $(subst $(comma),-,$(SANITIZE)) \
	$(if $(WERROR),strict)))
variant := $(or $(variant),plain)
OUT := $(BUILD)/$(variant)
MILLPOND := $(if $(filter build/plain,$(OUT)),millpond,$(OUT)/millpond)

# --- Compiler and libraries ---------------------------------------------------------------------

MODULES := libevent_core libevent_extra libevent_pthreads libpq inih libsystemd openssl libidn pam ldap lber
PKG_CONFIG ?= pkg-config
CLANG_FORMAT ?= clang-format

# Cutting a text short is what snprintf is used for; the warning about it, which clang may not know, guesses at
# lengths.
WARNINGS := -Wno-unknown-warning-option -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla \
	-Wno-format-truncation $(if $(WERROR),-Werror)
OPTIMISE := $(if $(DEBUG),-Og -DDEBUG=1,-O2)
# The program is optimised as a whole, which saves a tenth of the instructions of a query; programs of tests are linked
# as they are, as there are many. What sanitizers and debuggers look into keeps its functions. A frame that takes in
# those of all that it calls would keep two pages of a waiting coroutine's stack instead of one.
WHOLE := $(if $(DEBUG)$(SANITIZE),,$(if $(findstring gcc,$(notdir $(CC))),-flto=auto -ffat-lto-objects -fconserve-stack))
# Fortified functions hide their arguments from the sanitizers, so it is one or the other. The caller's own choice
# counts.
FORTIFY := $(if $(DEBUG)$(SANITIZE)$(findstring _FORTIFY_SOURCE,$(CPPFLAGS) $(CFLAGS)),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
SANITIZER := $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-omit-frame-pointer \
	-fno-sanitize-recover=all)

# -isystem: a warning in another project's header is not ours to mend.
module_cflags = $(patsubst -I%,-isystem %,$(shell $(PKG_CONFIG) --cflags $(MODULES) 2>/dev/null))
module_libs = $(shell $(PKG_CONFIG) --libs $(MODULES) 2>/dev/null)

BASE_CFLAGS := -std=gnu17 -D_GNU_SOURCE -I. -g $(OPTIMISE) $(WHOLE) $(WARNINGS) $(FORTIFY) $(SANITIZER) \
	-fPIE -pthread -fstack-protector-strong -fno-common
BASE_LDFLAGS := -pie -pthread $(SANITIZER) -Wl,-z,relro,-z,now -Wl,--as-needed
COMPILE = $(CC) $(BASE_CFLAGS) $(module_cflags) $(CPPFLAGS) $(CFLAGS)
LINK = $(CC) $(BASE_CFLAGS) $(CFLAGS) $(BASE_LDFLAGS) $(LDFLAGS)
LINK_PARTS = $(LINK) $(if $(WHOLE),-fno-lto)

# --- Sources ------------------------------------------------------------------------------------

sources := $(foreach room,$(ROOMS),$(wildcard $(room)/*.c $(room)/*.S))
# x.S may stand beside x.c, so its object is x.S.o.
objects := $(patsubst %,$(OUT)/%.o,$(patsubst %.c,%,$(sources)))
library_objects := $(filter-out $(OUT)/daemon/main.o,$(objects))
# Named after its rooms, so that a part does not replace the whole.
library := $(OUT)/$(subst /,.,$(subst $(space),-,$(strip $(ROOMS)))).a
headers := $(wildcard conf/*.h protocol/*.h pool/*.h daemon/*.h daemon/*/*.h tests/lib/*.h tests/unit/*.h \
	tests/fuzz/*.h tests/bench/*.h tests/preload/*.h)

# tests/unit/x_test.c is a program of its own; the other C files in unit/ and lib/ help all of them.
unit_sources := $(wildcard tests/unit/*_test.c)
helper_sources := $(filter-out $(unit_sources),$(wildcard tests/unit/*.c tests/lib/*.c))
unit_programs := $(patsubst %.c,$(OUT)/%,$(unit_sources))
helper_objects := $(patsubst %.c,$(OUT)/%.o,$(helper_sources))

fuzz_sources := $(wildcard tests/fuzz/fuzz_*.c)
fuzz_programs := $(patsubst %.c,$(OUT)/%,$(fuzz_sources))
fuzz_driver ?= $(OUT)/tests/fuzz/standalone.o

# A program in bench/ is a folder x/, or a file x.c with a main(), or both; the other files in bench/
# are shared. Programs go to bench/ without tests/, where x/ holds objects.
bench_shared := $(wildcard tests/bench/*.c)
bench_mains := $(if $(bench_shared),$(shell grep -l '^int main\>' $(bench_shared)))
bench_shared := $(filter-out $(bench_mains),$(bench_shared))
bench_programs := $(patsubst tests/bench/%,$(OUT)/bench/%,$(sort $(basename $(bench_mains)) \
	$(patsubst %/,%,$(dir $(wildcard tests/bench/*/*.c)))))
# A client's handshake takes OpenSSL 3 twice as long as BoringSSL, so the generator has that one where it is
# (Debian: android-libboringssl-dev). Lengths that are int in the one are size_t in the other.
boringssl := $(patsubst %/,%,$(dir $(firstword $(and $(wildcard /usr/include/android/openssl/base.h), \
	$(wildcard /usr/lib/*/android/libssl.so)))))
bench_objects := $(patsubst %.c,$(OUT)/%.o,$(wildcard tests/bench/*.c tests/bench/*/*.c))

test_objects := $(helper_objects) $(bench_objects) $(fuzz_driver) \
	$(patsubst %.c,$(OUT)/%.o,$(unit_sources) $(fuzz_sources))

# --- Building -----------------------------------------------------------------------------------

.PHONY: docs build build-deps build-tests build-bench help deps deps-run run check check-all unit fuzz \
	stress bench install uninstall layers headers awaits measure format clean FORCE
.DELETE_ON_ERROR:
.SECONDARY:
.SECONDEXPANSION:

build: $(MILLPOND)

daemon/main.c:
	@echo 'There is no daemon/main.c here, so there is no program to build.' >&2; exit 1

$(MILLPOND): $(OUT)/daemon/main.o $(library)
	$(say)
	$(quiet)$(LINK) -o $@ $^ $(module_libs)

# Made anew each time, or the object of a source that has gone would stay in it.
$(library): $(library_objects)
	$(quiet)mkdir -p $(@D)
	$(quiet)rm -f $@
	$(quiet)$(AR) rcsD $@ $^

# Changes when compiler, flags or libraries change, and then everything is compiled again.
$(OUT)/flags: FORCE | build-deps
	@mkdir -p $(@D)
	@echo '$(COMPILE) | $(LINK) | $(boringssl)' | cmp -s - $@ || \
		echo '$(COMPILE) | $(LINK) | $(boringssl)' > $@

$(OUT)/%.o: %.c $(OUT)/flags | build-deps
	$(say)
	$(quiet)mkdir -p $(@D)
	$(quiet)$(COMPILE) -MMD -MP -c -o $@ $<

# private: not inherited by $(OUT)/flags, which is the same for all.
$(OUT)/tests/bench/load/%.o: private CPPFLAGS += $(if $(boringssl),-isystem /usr/include/android \
	-Wno-sign-conversion)

# Where libpq has its file of services.
$(OUT)/conf/service.o: private CPPFLAGS += $(addprefix -DLIBPQ_SYSCONFDIR=,$(patsubst %,'"%"',$(shell \
	pg_config --sysconfdir 2>/dev/null)))

$(OUT)/%.S.o: %.S $(OUT)/flags | build-deps
	$(say)
	$(quiet)mkdir -p $(@D)
	$(quiet)$(COMPILE) -MMD -MP -c -o $@ $<

$(unit_programs): $(OUT)/%: $(OUT)/%.o $(helper_objects) $(library)
	$(say)
	$(quiet)$(LINK_PARTS) -o $@ $^ $(module_libs) -lm

$(fuzz_programs): $(OUT)/%: $(OUT)/%.o $(fuzz_driver) $(library)
	$(say)
	$(quiet)$(LINK_PARTS) -o $@ $^ $(module_libs)

bench_parts = $(addprefix $(OUT)/,$(addsuffix .o,$(basename $(filter tests/bench/$1.c,$(bench_mains)) \
	$(wildcard tests/bench/$1/*.c) $(bench_shared))))

# Nothing of ours is in them: what measures must not share a fault with what is measured. Only the lock
# of the pools cannot be measured from outside.
$(OUT)/bench/lock: $(library)
$(OUT)/bench/lock: own_libs = $(module_libs)
$(OUT)/bench/load: own_libs = $(if $(boringssl),-L$(boringssl) -Wl$(comma)-rpath$(comma)$(boringssl) \
	-lssl -lcrypto,$(shell $(PKG_CONFIG) --libs openssl 2>/dev/null))
$(bench_programs): $(OUT)/bench/%: $$(call bench_parts,$$*)
	$(say)
	$(quiet)mkdir -p $(@D)
	$(quiet)$(LINK_PARTS) -o $@ $^ $(own_libs)

# Libraries that look at the program from inside while a test runs it.
preloads := $(patsubst tests/%.c,$(OUT)/%.so,$(wildcard tests/preload/*.c))
$(preloads): $(OUT)/preload/%.so: tests/preload/%.c $(wildcard tests/preload/*.h) $(OUT)/flags
	$(say)
	$(quiet)mkdir -p $(@D)
	$(quiet)$(CC) $(BASE_CFLAGS) $(CFLAGS) -fPIC -shared -o $@ $<

build-tests: $(unit_programs) $(fuzz_programs)
build-bench: $(bench_programs)

-include $(patsubst %.o,%.d,$(objects) $(test_objects))

# --- Packages -----------------------------------------------------------------------------------

deps:
	@CC='$(CC)' PKG_CONFIG='$(PKG_CONFIG)' tests/house/deps.sh install build test $(if $(EVERYTHING),all)

deps-run:
	@CC='$(CC)' PKG_CONFIG='$(PKG_CONFIG)' tests/house/deps.sh install build $(if $(SERVER),client,server)

build-deps:
	@CC='$(CC)' PKG_CONFIG='$(PKG_CONFIG)' tests/house/deps.sh require build

# --- Running and testing ------------------------------------------------------------------------

# TESTS names sources, by patterns; what prove gets are the programs made from the C files.
chosen := $(patsubst tests/%.c,$(OUT)/tests/%,$(if $(TESTS),$(wildcard $(TESTS)), \
	$(unit_sources) $(fuzz_sources) $(sort $(wildcard tests/*.t))))

run: deps-run
	@$(MAKE) --no-print-directory build
	@# exec, so that the signals make passes on reach the script and not a shell around it.
	@exec env MILLPOND='$(abspath $(MILLPOND))' PORT='$(PORT)' SERVER='$(SERVER)' tests/run.sh

# The sub-make reads the Makefile again, with the libraries that `deps` may just have installed.
check: deps
	@$(MAKE) --no-print-directory WERROR=1 check-all

check-all: layers headers awaits build build-bench $(preloads) $(filter $(OUT)/%,$(chosen))
	@MILLPOND='$(MILLPOND)' OUT='$(OUT)' SANITIZE='$(SANITIZE)' PROVE_FLAGS='$(PROVE_FLAGS)' \
		tests/house/prove.sh $(chosen)

unit: $(filter $(OUT)/tests/unit/%,$(chosen))
	@MILLPOND='$(MILLPOND)' OUT='$(OUT)' SANITIZE='$(SANITIZE)' PROVE_FLAGS='$(PROVE_FLAGS)' \
		tests/house/prove.sh $^

stress: deps
	@STRESS=1 $(MAKE) --no-print-directory check

fuzz:
	@BUILD='$(BUILD)' FUZZ_SECONDS='$(FUZZ_SECONDS)' tests/house/fuzz.sh

bench: build build-bench
	@MILLPOND='$(abspath $(MILLPOND))' OUT='$(abspath $(OUT))' tests/bench/run $(BENCH_FLAGS)

# --- Installing ---------------------------------------------------------------------------------

bindir ?= $(PREFIX)/bin
docdir ?= $(PREFIX)/share/doc/millpond
mandir ?= $(PREFIX)/share/man
unitdir ?= $(PREFIX)/lib/systemd/system
sysusersdir ?= $(PREFIX)/lib/sysusers.d
tmpfilesdir ?= $(PREFIX)/lib/tmpfiles.d
confdir := $(sysconfdir)/millpond

# What is in systemd/ holds the default paths, so that it can be read and verified as it is.
adapt = sed -e 's|/usr/local/bin/|$(bindir)/|g' -e 's|/etc/millpond|$(confdir)|g'
# lay_down FILE,PLACE: for all to read, whatever the umask.
lay_down = install -m 0644 /dev/null '$(DESTDIR)$2' && $(adapt) $1 > '$(DESTDIR)$2'
# A service has a folder for its Unix socket that nobody else can clean up.
adapt_ini = sed -e 's|^unix_socket_dir = /tmp$$|unix_socket_dir = /run/millpond|'
# On a live system the user and the folders are made at once, and systemd learns of the new units.
live := $(if $(DESTDIR),,$(shell test $$(id -u) = 0 -a -d /run/systemd/system && echo yes))

install: $(if $(BINARY),,build)
	install -D -m 0755 '$(or $(BINARY),$(MILLPOND))' '$(DESTDIR)$(bindir)/millpond'
	install -d $(foreach dir,$(unitdir) $(sysusersdir) $(tmpfilesdir) $(docdir),'$(DESTDIR)$(dir)')
	$(call lay_down,systemd/millpond.service,$(unitdir)/millpond.service)
	$(call lay_down,systemd/millpond.socket,$(unitdir)/millpond.socket)
	$(call lay_down,systemd/sysusers.conf,$(sysusersdir)/millpond.conf)
	$(call lay_down,systemd/tmpfiles.conf,$(tmpfilesdir)/millpond.conf)
	install -D -m 0644 doc/millpond.1 '$(DESTDIR)$(mandir)/man1/millpond.1'
	install -D -m 0644 doc/millpond.ini.5 '$(DESTDIR)$(mandir)/man5/millpond.ini.5'
	install -m 0644 $(wildcard README.md LICENSE conf/millpond.ini) '$(DESTDIR)$(docdir)/'
	@# A file of settings that is there already is the administrator's.
	if test -f conf/millpond.ini && ! test -e '$(DESTDIR)$(confdir)/millpond.ini'; then \
		install -D -m 0640 /dev/null '$(DESTDIR)$(confdir)/millpond.ini' && \
		$(adapt_ini) conf/millpond.ini > '$(DESTDIR)$(confdir)/millpond.ini'; fi
	$(if $(live),systemd-sysusers $(sysusersdir)/millpond.conf)
	$(if $(live),systemd-tmpfiles --create $(tmpfilesdir)/millpond.conf)
	$(if $(live),systemctl daemon-reload)

# Settings stay, as a package's would.
uninstall:
	rm -f $(foreach file,$(bindir)/millpond $(unitdir)/millpond.service $(unitdir)/millpond.socket \
		$(sysusersdir)/millpond.conf $(tmpfilesdir)/millpond.conf $(mandir)/man1/millpond.1 \
		$(mandir)/man5/millpond.ini.5,'$(DESTDIR)$(file)')
	rm -rf '$(DESTDIR)$(docdir)'
	$(if $(live),systemctl daemon-reload)

# --- The house ----------------------------------------------------------------------------------

# The sample and the pages are kept as files, so that installing them takes no Perl; a test compares.
docs: build
	doc/make '$(abspath $(MILLPOND))' doc
	mv doc/millpond.ini conf/millpond.ini

help:
	@sed -n '/^#/!q; s/^# \{0,1\}//p' Makefile

layers:
	@tests/house/layers.sh

headers: build-deps
	@for header in $(headers); do \
		echo "#include \"$$header\"" | $(COMPILE) -Wno-unused -fsyntax-only -x c - || \
		{ echo "$$header does not compile alone"; exit 1; }; \
	done

awaits:
	@tests/house/awaits.pl

measure:
	@tests/house/measure.sh

# Only these: what has been laid out by hand, as tables are, stays so.
format:
	@command -v $(CLANG_FORMAT) >/dev/null || { echo 'make format needs: apt-get install clang-format' >&2; exit 1; }
	@git rev-parse -q --verify HEAD >/dev/null || { echo 'make format needs a git checkout' >&2; exit 1; }
	$(quiet)git clang-format --force --binary $(CLANG_FORMAT) --extensions c,h HEAD

clean:
	rm -rf $(BUILD) millpond
