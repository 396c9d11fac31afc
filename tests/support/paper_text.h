/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "exporter/watch/paper.h"

/* The rows as UTF-8, each with a line feed, without spaces at the end. The caller's to free(). Aborts when
 * memory is out, and if a cell holds what a terminal would obey or a wide character stands in half. */
char *paper_text(const struct paper *paper);
/* Likewise, one row; columns that are not plain are shown as their style's letter in `styles`, the caller's:
 * p plain, b bold, d dim, g good, i info, w warning, c critical, upper case if reverse. */
char *paper_row_text(const struct paper *paper, size_t row, char **styles);
