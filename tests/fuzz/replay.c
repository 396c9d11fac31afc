// SPDX-License-Identifier: GPL-2.0-or-later
/* Feeds every file of a corpus directory to a fuzz target: the recorded inputs are tests of every build. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *path)
{
	FILE *file = fopen(path, "rbe");
	if (!file)
		return perror(path), -1;
	struct stat status;
	if (fstat(fileno(file), &status) < 0 || !S_ISREG(status.st_mode))
		return fclose(file), 0;
	size_t size = (size_t)status.st_size;
	uint8_t *data = malloc(size ? size : 1); /* exactly as long as the input, for the sanitizer's sake */
	if (!data || fread(data, 1, size, file) != size)
		abort();
	fclose(file);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	return 1;
}

int main(int argc, char **argv)
{
	int total = 0;
	for (int i = 1; i < argc; i++) {
		DIR *directory = opendir(argv[i]);
		if (!directory)
			return perror(argv[i]), 1;
		const struct dirent *entry;
		while ((entry = readdir(directory))) {
			char path[4096];
			snprintf(path, sizeof(path), "%s/%s", argv[i], entry->d_name);
			int done = replay(path);
			if (done < 0)
				return closedir(directory), 1;
			total += done;
		}
		closedir(directory);
	}
	printf("%d inputs replayed\n", total);
	return total ? 0 : 1; /* an empty corpus is a mistake */
}
