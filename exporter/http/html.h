/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Text on its way into HTML. */

#include "exporter/base/buffer.h"

/* Escaped for element content and for quoted attributes. NULL: nothing. */
void html_text(struct buffer *out, const char *text);
/* The same between <element> and </element>. */
void html_element(struct buffer *out, const char *element, const char *text);
