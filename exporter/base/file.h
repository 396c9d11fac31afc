/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>
#include <sys/types.h>

/* Reads a regular file of at most `most` bytes. Its length, with *text the caller's (and terminated), or
 * negative errno: -EISDIR, -ENOTSUP (no regular file), -EFBIG. */
ssize_t file_read(const char *path, size_t most, char **text);
/* Likewise; a relative name is relative to the file `beside`. */
ssize_t file_read_beside(const char *beside, const char *name, size_t most, char **text);
/* What such an error means, in words. */
const char *file_error(int error);
