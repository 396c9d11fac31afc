// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/metrics/process.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "collectors/base/procfs.h"

/* Fields of /proc/self/stat (proc(5)), counted from the state, which is field 3. */
#define STAT_FIRST     3
#define STAT_UTIME     14
#define STAT_STIME     15
#define STAT_THREADS   20
#define STAT_STARTTIME 22
#define STAT_VSIZE     23
#define STAT_RSS       24
#define STAT_LAST      STAT_RSS

static void set(struct process_stats *stats, enum process_metric metric, double value)
{
	stats->known[metric] = true;
	stats->value[metric] = value;
}

/* The command's name stands in parentheses and may hold anything, so fields are counted from the last one. */
static bool stat_fields(const char *procfs, double fields[static STAT_LAST + 1])
{
	char *text = NULL;
	char *next = procfs_read(procfs, "self/stat", &text, NULL) == 0 ? strrchr(text, ')') : NULL;
	bool complete = next && strlen(next) >= 3;
	if (complete)
		next += 3; /* ") S" */
	for (int i = STAT_FIRST + 1; complete && i <= STAT_LAST; i++) {
		char *end;
		fields[i] = strtod(next, &end);
		complete = end != next;
		next = end;
	}
	free(text);
	return complete;
}

static void read_stat(const char *procfs, struct process_stats *stats)
{
	double fields[STAT_LAST + 1], booted;
	char *text = NULL;
	double ticks = (double)sysconf(_SC_CLK_TCK);
	if (!stat_fields(procfs, fields))
		return;
	set(stats, PROCESS_CPU_SECONDS, (fields[STAT_UTIME] + fields[STAT_STIME]) / ticks);
	set(stats, PROCESS_THREADS, fields[STAT_THREADS]);
	set(stats, PROCESS_VIRTUAL_BYTES, fields[STAT_VSIZE]);
	set(stats, PROCESS_RESIDENT_BYTES, fields[STAT_RSS] * (double)sysconf(_SC_PAGESIZE));
	const char *line = procfs_read(procfs, "stat", &text, NULL) == 0 ? strstr(text, "\nbtime ") : NULL;
	if (line && sscanf(line, " btime %lf", &booted) == 1)
		set(stats, PROCESS_START_SECONDS, booted + fields[STAT_STARTTIME] / ticks);
	free(text);
}

static void read_descriptors(const char *procfs, struct process_stats *stats)
{
	char path[PATH_MAX];
	int length = snprintf(path, sizeof(path), "%s/self/fd", procfs);
	DIR *directory = length > 0 && (size_t)length < sizeof(path) ? opendir(path) : NULL;
	if (!directory)
		return;
	int count = -1; /* the descriptor that reads the directory is not the process's own */
	for (const struct dirent *entry; (entry = readdir(directory));)
		count += entry->d_name[0] != '.';
	closedir(directory);
	set(stats, PROCESS_OPEN_FDS, count);
}

static void read_limit(struct process_stats *stats, enum process_metric metric, int resource)
{
	struct rlimit limit;
	if (getrlimit((__rlimit_resource_t)resource, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
		set(stats, metric, (double)limit.rlim_cur);
}

void process_read(const char *procfs, struct process_stats *out)
{
	*out = (struct process_stats){ 0 };
	read_stat(procfs, out);
	read_descriptors(procfs, out);
	read_limit(out, PROCESS_MAX_FDS, RLIMIT_NOFILE);
	read_limit(out, PROCESS_VIRTUAL_MAX_BYTES, RLIMIT_AS);
}
