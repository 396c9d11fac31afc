/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A flag, and the readers of values. */

#include <stdbool.h>
#include <stddef.h>

struct flag;
/* 0, or -EINVAL: not what flag->allowed says; -ENOMEM. */
typedef int set_function(const struct flag *flag, const char *value, void *target);

struct flag {
	const char *name;
	const char *argument; /* placeholder; NULL: a switch */
	const char *help;
	const char *initial; /* or NULL */
	const char *allowed; /* for messages: what a value must be; or: */
	/* The index-th of the words of which a value is one, for this program; NULL beyond the last. `help`
	 * goes before their list. */
	const char *(*word)(unsigned program, size_t index);
	set_function *set;
	size_t offset;     /* of the target in struct options */
	unsigned programs; /* enum program */
	unsigned least, most;
};

/* Each says what it writes to. */
set_function flag_set_text, flag_set_url_path, flag_set_device, flag_set_pattern; /* const char * */
set_function flag_add_text, flag_add_device; /* struct text_list: the flag is repeatable */
set_function flag_set_switch;                /* bool */
set_function flag_set_number;                /* unsigned, from least to most */
set_function flag_set_duration;              /* int64_t, at most `most` seconds */
set_function flag_set_log_level, flag_set_log_format, flag_set_tap;
