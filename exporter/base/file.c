// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static ssize_t read_regular(FILE *file, size_t most, char **out)
{
	struct stat status;
	if (fstat(fileno(file), &status) < 0)
		return -errno;
	if (!S_ISREG(status.st_mode))
		return S_ISDIR(status.st_mode) ? -EISDIR : -ENOTSUP;
	char *text = malloc(most + 1); /* the last byte tells that there is more, or ends the text */
	if (!text)
		return -ENOMEM;
	size_t length = fread(text, 1, most + 1, file);
	int error = ferror(file) ? -errno : length > most ? -EFBIG : 0;
	if (error < 0) {
		free(text);
		return error;
	}
	text[length] = '\0';
	*out = text;
	return (ssize_t)length;
}

ssize_t file_read(const char *path, size_t most, char **text)
{
	/* not blocking: a FIFO without a writer would hold the caller */
	int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	FILE *file = descriptor < 0 ? NULL : fdopen(descriptor, "r");
	int error = errno;
	if (!file && descriptor >= 0)
		close(descriptor);
	if (!file)
		return -error;
	ssize_t length = read_regular(file, most, text);
	fclose(file);
	return length;
}

ssize_t file_read_beside(const char *beside, const char *name, size_t most, char **text)
{
	const char *slash = strrchr(beside, '/');
	int directory = *name != '/' && slash ? (int)(slash - beside) + 1 : 0;
	char *path;
	if (asprintf(&path, "%.*s%s", directory, beside, name) < 0)
		return -ENOMEM;
	ssize_t length = file_read(path, most, text);
	free(path);
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
