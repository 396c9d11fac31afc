/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Text on its way into HTML and SVG. */

#include <stdint.h>

#include "exporter/base/buffer.h"

/* Escaped for element content and for quoted attributes. NULL: nothing. */
void html_text(struct buffer *out, const char *text);
/* The same between <element> and </element>. */
void html_element(struct buffer *out, const char *element, const char *text);
/* Around one element with this id: page.js reads it anew only if it changed. */
void html_cut(struct buffer *out, const char *id);
void html_end(struct buffer *out);
/* The CLOCK_REALTIME time as "3 s ago", exact in its title. */
void html_time(struct buffer *out, int64_t time_ns, int64_t now_ns);
/* "41 s", "12 min", "3 h", "8 d", as page.js has it; never negative. Returns text. */
#define DURATION_TEXT_SIZE 32
const char *duration_text(int64_t duration_ns, char text[static DURATION_TEXT_SIZE]);
/* "1 incident", "2 incidents". Escapes nothing. */
void html_count(struct buffer *out, uint64_t count, const char *one, const char *many);
