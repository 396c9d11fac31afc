/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What collectors are told, made from settings and options. Lends from both; freed before they are. */

#include "alerts/settings.h"
#include "collectors/collector.h"
#include "exporter/cli/options.h"

/* 0 or -ENOMEM. */
int collector_settings_make(
	const struct settings *settings, const struct options *options, struct collector_settings *out);
void collector_settings_clear(struct collector_settings *settings);
