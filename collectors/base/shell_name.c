// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/base/shell_name.h"

#include <stdio.h>
#include <string.h>

bool shell_name_is_plain(const char *name)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
	return name[strspn(name, plain)] == '\0';
}

void shell_name_escape(const char *name, char text[static ESCAPED_NAME_SIZE])
{
	char *to = text;
	for (const char *from = name; *from; from++) {
		if (*from == '\'')
			to = stpcpy(to, "'\\'");
		*to++ = *from;
	}
	*to = '\0';
}

const char *shell_name(const char *name, char text[static SHELL_NAME_SIZE])
{
	char escaped[ESCAPED_NAME_SIZE];
	shell_name_escape(name, escaped);
	if (shell_name_is_plain(name))
		snprintf(text, SHELL_NAME_SIZE, "%s", name);
	else
		snprintf(text, SHELL_NAME_SIZE, "'%s'", escaped);
	return text;
}
