/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The files that the page loads, as they lie beside this one; embed.cmake makes a C file of them. */

#include <stddef.h>

struct asset {
	const char *path; /* "/page.css" */
	const char *content_type;
	const unsigned char *data;
	size_t size;
};

/* Ends with a path of NULL. */
extern const struct asset assets[];
