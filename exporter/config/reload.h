/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Settings read anew while the exporter runs. Any thread may ask; the loop thread picks up what was read,
 * when the descriptor becomes readable.
 */

#include <stddef.h>

#include "alerts/settings.h"
#include "collectors/collector.h"
#include "exporter/cli/options.h"

struct reload;

/* Settings as the options say: the file's, if there is one, and the lines named by flags. 0, or negative
 * errno with one line in message. */
int settings_load(const struct options *options, struct settings **out, char *message, size_t size);

/* What collectors are told: lends from both. */
struct collector_settings settings_for_collectors(
	const struct settings *settings, const struct options *options);

/* options are lent until reload_free(). 0 or negative errno. */
int reload_new(const struct options *options, struct reload **out);
/* Nobody may ask any more. Accepts NULL. */
void reload_free(struct reload *reload);

/* Reads the settings and leaves them to be picked up; those that were not picked up are replaced. On failure,
 * everything stays as it was. Shape of http_callbacks.reload. */
int reload_request(void *reload, char *message, size_t size);

int reload_descriptor(const struct reload *reload);
/* The settings read last, the caller's, or NULL if there are none; the descriptor is quiet afterwards. */
struct settings *reload_take(struct reload *reload);
