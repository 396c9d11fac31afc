/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The table of all flags and the readers of their values. */

#include "exporter/cli/options.h"

/* Those that open the observer, and so have flags that choose collectors. */
#define PROGRAMS_OBSERVING (PROGRAM_EXPORTER | PROGRAM_CHECK | PROGRAM_EXPLAIN)

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
	const char *(*word)(enum program program, size_t index);
	set_function *set;
	size_t offset;
	unsigned programs;
	unsigned least, most;
};

extern const struct flag flag_table[];
extern const size_t flag_count;

#define FLAG_ALLOWED_SIZE 160
/* What a value must be: text or a constant. */
const char *flag_allowed(const struct flag *flag, enum program program, char text[static FLAG_ALLOWED_SIZE]);
/* False: none of the words. */
bool flag_takes(const struct flag *flag, enum program program, const char *value);

/* Repeatable: its initial value stands only if none is given. */
bool flag_is_list(const struct flag *flag);
