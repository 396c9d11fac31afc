/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * A collector reads one source of truth and adds what it read to the facts. Collectors know nothing of each
 * other: what one needs of another it finds in the facts, because they are asked in the order of the table in
 * exporter/daemon/collectors.c.
 *
 * All functions but complete() are called on the loop thread. It stands in the network namespace that is
 * watched, as the thread that judges does: sockets and /proc readings belong to it. Nothing blocks but the
 * kernel's own answer to a request.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collectors/facts.h"
#include "collectors/metric.h"

/* What collectors are told from outside. Lent for the duration of a call; it may change between two calls. */
struct collector_settings {
	const char *procfs;           /* "/proc" or where the host's is mounted */
	const struct address *probes; /* far destinations to ask for, from the settings */
	size_t probe_count;
	char (*lines)[IF_NAMESIZE]; /* names of devices that are lines whatever their routes say */
	size_t line_count;
	/* POSIX extended regular expressions for whole names of devices to capture on, or not to; NULL: none
	 * is given. Checked before, and never both. */
	const char *device_include, *device_exclude;
	const char *tap; /* "bpf" or "libpcap"; NULL: the first of them that works */
};

#define COLLECTOR_NEVER INT64_MAX

/* What a collector wants of the loop; set by advance(). */
struct collector_schedule {
	int64_t due_ns; /* monotonic time at which advance() wants to be called again, readable or not;
			   COLLECTOR_NEVER */
	bool changed;   /* the facts it would give have changed: collect soon rather than at the next tick */
};

struct collector_lack {
	int error;          /* negative errno */
	const char *reason; /* one word, public: "kernel" */
	const char *text;
};

struct collector {
	const char *name;
	const char *summary; /* one line for --help */
	bool consent;      /* not wanted unless it is named: it changes something on the host, for a while */
	const char *needs; /* what it lacks when init or collect say -EPERM: "CAP_NET_ADMIN", or NULL */

	/* Opens what is needed. 0, or a negative errno, and then nothing is left open and destroy() is not
	 * called. -EOPNOTSUPP: this kernel or namespace has no such source. */
	int (*init)(const struct collector_settings *settings, void **context);

	/* Adds to the facts. 0, or a negative errno: then the facts are as before, or hold what could be
	 * read. */
	int (*collect)(void *context, const struct collector_settings *settings, struct facts *facts);

	/* What takes longer than the loop may be kept waiting, and may look at all that was collected: called
	 * after all collect()s of the facts, on the thread that judges; of the other functions advance()
	 * alone may be called meanwhile. As collect() else. NULL: there is none. */
	int (*complete)(void *context, const struct collector_settings *settings, struct facts *facts);

	/* Accepts NULL. */
	void (*destroy)(void *context);

	/* The descriptor to be watched for reading, or -1 while there is none; once there is one it stays
	 * until destroy(). NULL: none ever. */
	int (*descriptor)(const void *context);

	/* Called when the descriptor is readable or due_ns has come: does a bounded piece of work (one read)
	 * and says what it wants next. 0 or a negative errno that is worth telling; it must go on in either
	 * case. NULL: never. */
	int (*advance)(void *context, int64_t now_ns, struct collector_schedule *schedule);

	/* Whether the first look is complete: for one look at the host, which waits for it. A collector that
	 * has this is collected from meanwhile (to no other end), in the order of the table, and asked
	 * afterwards; a failed collect is not waited for. NULL: nothing is waited for. */
	bool (*settled)(const void *context);

	/* Its metrics, ends with { 0 }; NULL: none. */
	const struct metric_family *families;

	/* How it looks, where there are several ways: told once, when it has started. NULL: there is one. */
	void (*describe)(const void *context, char text[static COLLECTOR_ERROR_SIZE]);

	/* What is missing when init or collect fail with some errors, where more can be said than their
	 * names; ends with { 0 }. NULL: none. */
	const struct collector_lack *lacks;

	/* It reads PROCFS, and sees nothing, or only a part, where that cannot be read. */
	bool procfs;
};
