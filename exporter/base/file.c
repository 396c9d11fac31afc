// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int check_regular(int descriptor)
{
	struct stat status;
	if (fstat(descriptor, &status) < 0)
		return -errno;
	if (S_ISDIR(status.st_mode))
		return -EISDIR;
	return S_ISREG(status.st_mode) ? 0 : -ENOTSUP;
}

static ssize_t read_all(int descriptor, char *text, size_t most)
{
	size_t length = 0;
	while (length < most) {
		ssize_t got = read(descriptor, text + length, most - length);
		if (got < 0 && errno != EINTR)
			return -errno;
		if (got == 0)
			break;
		length += got > 0 ? (size_t)got : 0;
	}
	return (ssize_t)length;
}

static ssize_t read_regular(int descriptor, size_t most, char **out)
{
	int result = check_regular(descriptor);
	if (result < 0)
		return result;
	char *text = malloc(most + 1); /* the last byte tells that there is more, or ends the text */
	ssize_t length = text ? read_all(descriptor, text, most + 1) : -ENOMEM;
	if (length > (ssize_t)most)
		length = -EFBIG;
	if (length < 0) {
		free(text);
		return length;
	}
	text[length] = '\0';
	*out = text;
	return length;
}

ssize_t file_read(const char *path, size_t most, char **text)
{
	/* not blocking: a FIFO without a writer would hold the caller */
	int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (descriptor < 0)
		return -errno;
	ssize_t length = read_regular(descriptor, most, text);
	close(descriptor);
	return length;
}

const char *file_error(int error)
{
	switch (error) {
	case -EFBIG:
		return "the file is too large";
	case -ENOTSUP:
		return "not a regular file";
	default:
		return strerror(-error);
	}
}
