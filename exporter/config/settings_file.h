/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The settings file: YAML, all keys optional.
 *
 *	lines: [wan1, wan2]             devices that are lines whatever their routes say
 *	probes: [192.0.2.1]             far destinations to ask routes for
 *	intended:                       asymmetry that is meant to be
 *	  - address: 198.51.100.7       or a prefix; arrival and reply default to any device
 *	    arrival: wan1
 *	    reply: wan2
 *	    reason: backup line
 *	thresholds:                     names and ranges: threshold_table of alerts/settings.h
 *	  close_seconds: 60
 *
 * Anchors, aliases, tags and several documents are refused.
 */

#include <stdbool.h>
#include <stddef.h>

#include "alerts/settings.h"

#define SETTINGS_MESSAGE_SIZE 512
#define SETTINGS_FILE_MOST    ((size_t)1024 * 1024)

/* Settings with nothing but defaults, or NULL. */
struct settings *settings_new(void);
/* Holds them once more, on any thread: they stay until each holder has freed them. Settings that are shared
 * are no longer changed. */
struct settings *settings_share(struct settings *settings);
/* Accepts NULL. */
void settings_free(struct settings *settings);
/* Adds a line unless it is there. 0, -ENOMEM or -EINVAL (no device name). */
int settings_add_line(struct settings *settings, const char *device);

/* What the kernel takes for a device name (dev_valid_name, net/core/dev.c). */
bool device_name_is_valid(const char *name);

/* 0 with *out the caller's, or negative errno with one line in message: file, line, key, what was expected.
 */
int settings_read(const char *path, struct settings **out, char *message, size_t size);
/* The same from memory; `file` stands in messages. */
int settings_parse(
	const char *file, const char *text, size_t length, struct settings **out, char *message, size_t size);
