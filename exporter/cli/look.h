/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Looking at this host from a command line, without a daemon: settings, namespace, collectors and judge, in
 * one place for all commands. */

#include "alerts/finding.h"
#include "collectors/collector.h"
#include "exporter/cli/options.h"
#include "exporter/daemon/log.h"
#include "exporter/daemon/observer.h"

struct look {
	const struct options *options;
	struct log log;
	struct settings *settings;
	struct collector_settings told;
	struct observer *observer;
	struct facts *facts;       /* of the last look */
	struct findings *findings; /* likewise */
};

#define LOOK_MESSAGE_SIZE 512

/* Reads the settings, enters the namespace, starts the collectors and lets them settle. options are lent
 * until look_close(). 0, or negative errno with one line in message; look_close() is due in either case. */
int look_open(struct look *look, const struct options *options, char *message, size_t size);
void look_close(struct look *look);

/* Collects and judges. 0 or negative errno. */
int look_once(struct look *look);
/* Nothing can be judged: the collectors that everything rests on failed. */
bool look_failed(const struct look *look);

/* What is written to standard output: whether in colour and how wide. */
bool look_wants_colour(const struct options *options);
unsigned look_width(void);
/* 0, or -EIO if standard output did not take everything. */
int look_flush(void);
