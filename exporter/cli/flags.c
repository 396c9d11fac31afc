// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/cli/flags.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/array.h"
#include "collectors/base/clock.h"
#include "collectors/base/name_pattern.h"
#include "exporter/base/text.h"
#include "exporter/config/settings_file.h"
#include "exporter/daemon/log.h"

int flag_set_text(const struct flag *flag, const char *value, void *target)
{
	(void)flag;
	*(const char **)target = value;
	return *value ? 0 : -EINVAL;
}

int flag_set_url_path(const struct flag *flag, const char *value, void *target)
{
	return value[0] == '/' && !strpbrk(value, " ?#") ? flag_set_text(flag, value, target) : -EINVAL;
}

int flag_add_text(const struct flag *flag, const char *value, void *target)
{
	(void)flag;
	struct text_list *list = target;
	if (!*value)
		return -EINVAL;
	const char **item = ARRAY_ADD(list->items, list->count);
	if (!item)
		return -ENOMEM;
	*item = value;
	return 0;
}

int flag_add_device(const struct flag *flag, const char *value, void *target)
{
	return device_name_is_valid(value) ? flag_add_text(flag, value, target) : -EINVAL;
}

int flag_set_device(const struct flag *flag, const char *value, void *target)
{
	return device_name_is_valid(value) ? flag_set_text(flag, value, target) : -EINVAL;
}

int flag_set_pattern(const struct flag *flag, const char *value, void *target)
{
	regex_t expression;
	int result = name_pattern_compile(value, &expression);
	if (result < 0)
		return result;
	regfree(&expression);
	return flag_set_text(flag, value, target);
}

int flag_set_switch(const struct flag *flag, const char *value, void *target)
{
	(void)flag;
	(void)value;
	*(bool *)target = true;
	return 0;
}

static int flag_read_number(const char *text, unsigned least, unsigned most, unsigned *out, const char **rest)
{
	char *end;
	if (*text < '0' || *text > '9') /* strtoul would take spaces and signs */
		return -EINVAL;
	errno = 0;
	unsigned long value = strtoul(text, &end, 10);
	if (errno || value < least || value > most)
		return -EINVAL;
	*out = (unsigned)value;
	*rest = end;
	return 0;
}

int flag_set_number(const struct flag *flag, const char *value, void *target)
{
	unsigned number;
	const char *rest;
	if (flag_read_number(value, flag->least, flag->most, &number, &rest) < 0 || *rest)
		return -EINVAL;
	*(unsigned *)target = number;
	return 0;
}

int flag_set_duration(const struct flag *flag, const char *value, void *target)
{
	unsigned seconds;
	const char *rest;
	if (flag_read_number(value, 1, flag->most, &seconds, &rest) < 0)
		return -EINVAL;
	unsigned factor = strcmp(rest, "m") == 0 ? 60 : *rest == '\0' || strcmp(rest, "s") == 0 ? 1 : 0;
	if (!factor || seconds > flag->most / factor)
		return -EINVAL;
	*(int64_t *)target = SECOND_NS * seconds * factor;
	return 0;
}

int flag_set_log_level(const struct flag *flag, const char *value, void *target)
{
	(void)flag;
	return log_level_parse(value, target);
}

int flag_set_tap(const struct flag *flag, const char *value, void *target)
{
	(void)flag;
	if (strcmp(value, "auto") != 0 && strcmp(value, "bpf") != 0 && strcmp(value, "libpcap") != 0)
		return -EINVAL;
	*(const char **)target = strcmp(value, "auto") == 0 ? NULL : value;
	return 0;
}

int flag_set_log_format(const struct flag *flag, const char *value, void *target)
{
	(void)flag;
	return log_format_parse(value, target);
}
