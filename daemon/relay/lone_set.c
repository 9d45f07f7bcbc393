#include "daemon/relay/lone_set.h"

void lone_set_note_text(struct lone_set *lone, const char *text, size_t length)
{
	length = strnlen(text, length);
	if (lone->length > 0) {
		lone->is_spoilt |= length != lone->length || memcmp(lone->text, text, length) != 0;
	} else if (length == 0 || length > sizeof lone->text) {
		lone->is_spoilt = true;
	} else {
		memcpy(lone->text, text, length);
		lone->length = (uint16_t)length;
	}
}
