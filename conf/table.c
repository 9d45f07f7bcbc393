#include "conf/table.h"

#include <string.h>

#include "conf/array.h"

enum {
	RESTART = 0,
	RELOADABLE = 1,
	INERT = 2,
	SECRET = 4,
	CLAMPED = 8,
	NULLABLE = 16,
	UNSIGNED = 32
};

#define SETTING(setting, field_name, field_kind, reload, field_help, ...) \
	{.name = #setting,                                                \
	 .kind = field_kind,                                              \
	 .offset = offsetof(struct settings, field_name),                 \
	 .is_reloadable = ((reload)&RELOADABLE) != 0,                     \
	 .is_inert = ((reload)&INERT) != 0,                               \
	 .is_secret = ((reload)&SECRET) != 0,                             \
	 .clamped_up_to = !((reload)&CLAMPED) ? 0 :                       \
			  (reload)&UNSIGNED   ? UINT32_MAX :              \
						INT32_MAX,                \
	 .is_nullable = ((reload)&NULLABLE) != 0,                         \
	 .help = field_help,                                              \
	 __VA_ARGS__},

const struct field setting_table[SETTING_COUNT] = {
#define TEXT(name, value, reload, help) \
	SETTING(name, name, FIELD_TEXT, reload, help, .default_text = value)
#define COUNT(name, value, low, high, reload, help)                                        \
	SETTING(name, name, FIELD_COUNT, reload, help, .default_value = value, .min = low, \
		.max = high)
#define OCTAL(name, value, low, high, reload, help)                                        \
	SETTING(name, name, FIELD_OCTAL, reload, help, .default_value = value, .min = low, \
		.max = high)
#define FLAG(name, value, reload, help) \
	SETTING(name, name, FIELD_FLAG, reload, help, .default_value = value)
#define DURATION(name, seconds, reload, help)                  \
	SETTING(name, name##_us, FIELD_DURATION, reload, help, \
		.default_value = INT64_C(1000000) * (seconds))
#define CHOICE(name, type, value, reload, help)                                 \
	SETTING(name, name, FIELD_CHOICE, reload, help, .default_value = value, \
		.choices = choices_##type)
#include "conf/settings.def"
};

static const struct foreign_setting foreign_settings[] = {
#define FOREIGN(name, why) {#name, why},
#include "conf/settings.def"
};

int setting_index(const char *name)
{
	for (int i = 0; i < SETTING_COUNT; i++) {
		if (strcmp(setting_table[i].name, name) == 0)
			return i;
	}
	return -1;
}

const struct foreign_setting *foreign_setting_at(size_t index)
{
	size_t count = ARRAY_SIZE(foreign_settings);

	return index < count ? &foreign_settings[index] : NULL;
}

const struct foreign_setting *foreign_setting_find(const char *name)
{
	for (size_t i = 0; foreign_setting_at(i); i++) {
		if (strcmp(foreign_settings[i].name, name) == 0)
			return &foreign_settings[i];
	}
	return NULL;
}
