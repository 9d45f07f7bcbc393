/*
 * The numbers of PostgreSQL's types that the console's tables have, or that its clients declare.
 * Source: PostgreSQL's src/include/catalog/pg_type.dat.
 */
#ifndef MILLPOND_CONSOLE_TYPES_H
#define MILLPOND_CONSOLE_TYPES_H

enum type_oid {
	OID_BYTEA = 17,
	OID_INT8 = 20,
	OID_INT2 = 21,
	OID_INT4 = 23,
	OID_TEXT = 25,
	OID_NUMERIC = 1700,
};

#endif
