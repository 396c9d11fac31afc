/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Small files of /proc: read whole, then looked at as text. The functions on text take any bytes up to the
 * terminating NUL and never write. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROCFS_FILE_MAX 1048576 /* bytes */

/* Reads the whole of PROCFS/NAME into a NUL-terminated buffer that the caller frees; *size (may be NULL) is
 * its length without the NUL. Names that begin with "net/" are those of the calling thread's network
 * namespace. 0 or negative errno: -ENAMETOOLONG, -EFBIG above PROCFS_FILE_MAX, or why it could not be opened
 * or read. */
int procfs_read(const char *procfs, const char *name, char **text, size_t *size);

/* Opens it for reading, by the same rules: its descriptor or negative errno. */
int procfs_open(const char *procfs, const char *name);

/* 0, or the negative errno of what is missing of a /proc that all can be read of. Nothing is opened. */
int procfs_check(const char *procfs);

/* The value of `column` where a line of names and the line of values after it both begin with `prefix`, as in
 * /proc/net/netstat ("TcpExt:"). False if there is none. */
bool procfs_pair(const char *text, const char *prefix, const char *column, uint64_t *out);

/* The sum of `column` over all lines (one per CPU) below a line of names, as in /proc/net/stat. False if
 * there is no such column, no line, or one that is too short or no number. */
bool procfs_columns_sum(const char *text, const char *column, int base, uint64_t *out);
