/*
 * What stands behind the method in an HBA line: NAME=VALUE, each of which is for certain methods; and
 * auth_ldap_options, which are the same for the method ldap.
 * Source: PostgreSQL manual, "Authentication Methods".
 */
#ifndef MILLPOND_CONF_HBA_OPTIONS_H
#define MILLPOND_CONF_HBA_OPTIONS_H

#include <stdbool.h>

#include "conf/hba.h"

/* Room for a sentence about what is wrong. */
enum { HBA_OPTIONS_WHY_BYTES = 512 };

/*
 * Reads the rest of a line into a rule whose type and method are known. False: it cannot be used, and
 * `why` says so; no secret is in it. To be released in any case.
 */
bool hba_options_read(struct hba_rule *rule, const char *text, char why[HBA_OPTIONS_WHY_BYTES]);

/* Wipes what is secret. */
void hba_options_release(struct hba_rule *rule);

/* What auth_ldap_options say, to be freed; NULL: `why` says why not. */
struct directory *hba_options_directory(const char *text, char why[HBA_OPTIONS_WHY_BYTES]);

/* Whether the value of an option is not to be shown. */
bool hba_option_is_secret(const struct hba_option *option);

#endif
