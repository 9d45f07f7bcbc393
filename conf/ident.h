/*
 * The maps of auth_ident_file: which users of the system, or of certificates, are which users of the
 * database. A part of conf/hba, where hba_ident_allows() is declared.
 */
#ifndef MILLPOND_CONF_IDENT_H
#define MILLPOND_CONF_IDENT_H

#include "conf/hba.h"

/* Reads the file into hba->idents; what is wrong in it goes to `faults`. Returns why it cannot be read, or NULL. */
const char *ident_read(struct hba *hba, const char *path, struct fault_list *faults);
void ident_release(struct hba *hba);

#endif
