// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/base/procfs.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_SIZE 4096

/* A part of a text, not terminated. */
struct span {
	const char *start, *end;
};

/* /proc files have no size to ask for: the buffer doubles until the end is met. */
static int read_all(int fd, char **text, size_t *size)
{
	size_t used = 0, capacity = 0;
	ssize_t length;
	do {
		if (used + 1 >= capacity) {
			if (used >= PROCFS_FILE_MAX)
				return -EFBIG;
			capacity = capacity ? capacity * 2 : FIRST_SIZE;
			char *larger = realloc(*text, capacity);
			if (!larger)
				return -ENOMEM;
			*text = larger;
		}
		do
			length = read(fd, *text + used, capacity - used - 1);
		while (length < 0 && errno == EINTR);
		if (length < 0)
			return -errno;
		used += (size_t)length;
	} while (length > 0);
	(*text)[used] = '\0';
	*size = used;
	return 0;
}

int procfs_open(const char *procfs, const char *name)
{
	/* PROCFS/net is that of the process, whose main thread may stand in another namespace than this one.
	 */
	static const char *const directories[] = { "thread-self/", "" };
	int fd = -1;
	for (int i = strncmp(name, "net/", 4) == 0 ? 0 : 1; i < 2 && fd < 0; i++) {
		char path[PATH_MAX];
		int length = snprintf(path, sizeof(path), "%s/%s%s", procfs, directories[i], name);
		if (length < 0 || (size_t)length >= sizeof(path))
			return -ENAMETOOLONG;
		fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	return fd < 0 ? -errno : fd;
}

int procfs_read(const char *procfs, const char *name, char **text, size_t *size)
{
	int fd = procfs_open(procfs, name);
	if (fd < 0)
		return fd;
	char *whole = NULL;
	size_t length = 0;
	int error = read_all(fd, &whole, &length);
	close(fd);
	if (error < 0) {
		free(whole);
		return error;
	}
	*text = whole;
	if (size)
		*size = length;
	return 0;
}

int procfs_check(const char *procfs)
{
	static const char *const names[] = { "net/netstat", "sys/net/ipv4/conf/all/rp_filter" };
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char path[PATH_MAX], own[PATH_MAX];
		snprintf(path, sizeof(path), "%s/%s", procfs, names[i]);
		snprintf(own, sizeof(own), "%s/thread-self/%s", procfs, names[i]);
		if (faccessat(AT_FDCWD, own, R_OK, AT_EACCESS) < 0 &&
			faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) < 0)
			return -errno;
	}
	return 0;
}

static bool take_line(const char **text, struct span *out)
{
	if (!**text)
		return false;
	const char *end = strchrnul(*text, '\n');
	*out = (struct span){ *text, end };
	*text = *end ? end + 1 : end;
	return true;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static bool take_word(struct span *line, struct span *out)
{
	while (line->start < line->end && is_blank(*line->start))
		line->start++;
	const char *start = line->start;
	while (line->start < line->end && !is_blank(*line->start))
		line->start++;
	*out = (struct span){ start, line->start };
	return start < line->start;
}

static bool word_is(const struct span *word, const char *text)
{
	size_t length = (size_t)(word->end - word->start);
	return strlen(text) == length && memcmp(word->start, text, length) == 0;
}

/* Position of the word in the line, or -1. */
static int word_position(struct span line, const char *text)
{
	struct span word;
	for (int i = 0; take_word(&line, &word); i++)
		if (word_is(&word, text))
			return i;
	return -1;
}

static bool number_at(struct span line, int position, int base, uint64_t *out)
{
	struct span word = { "", "" }; /* no number at a position below 0 */
	char *end;
	for (int i = 0; i <= position; i++)
		if (!take_word(&line, &word))
			return false;
	/* strtoull would take a sign and blanks. */
	if (!isxdigit((unsigned char)*word.start))
		return false;
	errno = 0;
	unsigned long long value = strtoull(word.start, &end, base);
	if (errno || end != word.end)
		return false;
	*out = value;
	return true;
}

bool procfs_pair(const char *text, const char *prefix, const char *column, uint64_t *out)
{
	struct span names, values;
	while (take_line(&text, &names)) {
		if (word_position(names, prefix) != 0 || !take_line(&text, &values))
			continue;
		int position = word_position(names, column);
		if (position > 0 && word_position(values, prefix) == 0 &&
			number_at(values, position, 10, out))
			return true;
	}
	return false;
}

bool procfs_columns_sum(const char *text, const char *column, int base, uint64_t *out)
{
	struct span line;
	if (!take_line(&text, &line))
		return false;
	int position = word_position(line, column);
	if (position < 0 || !*text)
		return false;
	uint64_t sum = 0, value;
	while (take_line(&text, &line)) {
		if (!number_at(line, position, base, &value))
			return false;
		sum += value;
	}
	*out = sum;
	return true;
}
