/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <limits.h>

#include "exporter/alertmanager/alertmanagers.h"
#include "exporter/cli/options.h"

/* Where this exporter is, where no flag says it. */
struct alert_origin {
	char instance[HOST_NAME_MAX + 16]; /* "gateway:10150" */
	char url[HOST_NAME_MAX + 32];
};

/* What is said of Alertmanagers on the command line; the origin is filled in and lent. */
struct alertmanagers_options alert_options(const struct options *options, struct alert_origin *origin);
