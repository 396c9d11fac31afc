/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * A writer shows what the commands have to show in one format, the value of --format that is its name. A
 * function that is NULL: it cannot show that, and the command does not take its name. What HTTP answers is
 * not among this: a page or a capture file is one row of the table of routes.
 */

#include <stdio.h>

#include "alerts/connection_path.h"
#include "alerts/finding.h"
#include "alerts/viewpoints.h"
#include "collectors/capture/capture_file.h"
#include "collectors/facts.h"
#include "collectors/trace/trace.h"
#include "exporter/base/text.h"
#include "exporter/output/report.h"

/* What a capture file held. */
struct capture_summary {
	const char *file;               /* lent */
	char error[CAPTURE_ERROR_SIZE]; /* what ended the reading early; "": nothing did */
	char *comments;                 /* what the file says of itself, a line each */
	uint64_t packets;               /* frames in the file */
	uint64_t unread;                /* of these: cut off or malformed where they should tell something */
	uint64_t skipped;               /* beside these: of link types that are not read */
	uint64_t implausible;           /* of these: with a time stamp that is far from those around */
	int64_t first_ns, last_ns; /* CLOCK_REALTIME of the first and the last frame; 0 if there is none */
	/* As of the last frame, and nothing but what the frames tell: handshakes, and devices by number. The
	 * handshakes of all findings are among the suspects, however old. */
	struct facts *facts;
	struct findings *findings; /* all that held at some time */
	struct openings openings;  /* for comparison with other files, if that was wanted */
};

/* A traced request, or one that the rules were read for. */
struct explain_trace {
	struct trace trace;
	struct finding told; /* its explanation, and the commands that would admit it */
};

struct explanation {
	const struct text_list *with; /* commands as if they had been run; empty: as it is */
	struct connection_path connection;
	struct findings *findings;     /* what the judge says of it, with the remedy */
	char *flow;                    /* a connection of the service as conntrack(8) prints it, or NULL */
	struct explain_trace *trace;   /* of a request, or NULL */
	struct explain_trace *reading; /* what drops it as the rules read, or NULL */
};

/* All return 0 or -ENOMEM; that `out` took everything is not theirs to check. */
struct writer {
	const char *name;
	/* oneway check: what is open on this host. */
	int (*findings)(FILE *out, const struct report_style *style, const struct facts *facts,
		const struct findings *findings);
	/* Where a format has its own: the exit status of oneway check. facts and findings are NULL if it
	 * could not look. */
	int (*status)(const struct facts *facts, const struct findings *findings);
	/* What is written then, beside the line on standard error; NULL: nothing. */
	void (*failure)(FILE *out, const char *message);
	/* oneway explain: one connection. */
	int (*explanation)(
		FILE *out, const struct report_style *style, const struct explanation *explanation);
	/* oneway read: capture files; of several, what they tell together. */
	int (*capture)(FILE *out, const struct report_style *style, const struct capture_summary *captures,
		size_t count, const struct viewpoints *viewpoints);
};

/* All there are; ends with NULL. */
extern const struct writer *const writers[];
