/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Looking at this host from a command line, without a daemon: settings, namespace, collectors and judge, in
 * one place for all commands. */

#include "alerts/finding.h"
#include "collectors/collector.h"
#include "exporter/cli/options.h"
#include "exporter/cli/progress.h"
#include "exporter/daemon/log.h"
#include "exporter/daemon/observer.h"
#include "exporter/output/report.h"

struct oneshot {
	const struct options *options;
	struct log log;
	struct settings *settings;
	struct collector_settings told;
	struct observer *observer;
	struct facts *facts;       /* of the last look */
	struct findings *findings; /* likewise */
};

#define ONESHOT_MESSAGE_SIZE 512

/* Reads the settings, enters the namespace, starts the collectors and lets them settle. options are lent
 * until oneshot_close(). progress: where to show that it takes long, or NULL. 0, or negative errno with one
 * line in message; oneshot_close() is due in either case. */
int oneshot_open(struct oneshot *oneshot, const struct options *options, struct progress *progress,
	char *message, size_t size);
void oneshot_close(struct oneshot *oneshot);

/* Collects and judges. 0 or negative errno. */
int oneshot_judge(struct oneshot *oneshot);

/* What is written to standard output: whether in colour and how wide. */
struct report_style oneshot_style(const struct options *options);
/* 0, or -EIO if standard output did not take everything. */
int oneshot_flush(void);
