/* How many items an array has, which must not be a pointer. */
#ifndef MILLPOND_CONF_ARRAY_H
#define MILLPOND_CONF_ARRAY_H

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#endif
