// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/config/settings_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/array.h"
#include "exporter/base/file.h"
#include "exporter/base/yaml.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* ---- what holds them ---- */

struct settings *settings_new(void)
{
	struct settings *settings = calloc(1, sizeof(*settings));
	if (settings) {
		atomic_init(&settings->holders, 1);
		thresholds_default(&settings->thresholds);
	}
	return settings;
}

struct settings *settings_share(struct settings *settings)
{
	atomic_fetch_add(&settings->holders, 1);
	return settings;
}

void settings_free(struct settings *settings)
{
	if (!settings || atomic_fetch_sub(&settings->holders, 1) != 1)
		return;
	for (size_t i = 0; i < settings->intended_count; i++)
		free(settings->intended[i].reason);
	free(settings->intended);
	free(settings->lines);
	free(settings->probes);
	free(settings);
}

bool device_name_is_valid(const char *name)
{
	size_t length = strlen(name);
	if (!length || length >= IF_NAMESIZE || !strcmp(name, ".") || !strcmp(name, ".."))
		return false;
	return !strpbrk(name, "/: \t\n\v\f\r");
}

int settings_add_line(struct settings *settings, const char *device)
{
	if (!device_name_is_valid(device))
		return -EINVAL;
	for (size_t i = 0; i < settings->line_count; i++)
		if (!strcmp(settings->lines[i], device))
			return 0;
	char(*line)[IF_NAMESIZE] = ARRAY_ADD(settings->lines, settings->line_count);
	if (!line)
		return -ENOMEM;
	snprintf(*line, sizeof(*line), "%s", device);
	return 0;
}

/* ---- values ---- */

static void read_device(struct yaml_reader *reader, const yaml_node_t *node, void *target)
{
	const char *text = yaml_text(node);
	if (text && device_name_is_valid(text))
		snprintf(target, IF_NAMESIZE, "%s", text);
	else
		yaml_unexpected(reader, node, "a device name of 1 to 15 characters");
}

static void read_line(struct yaml_reader *reader, const yaml_node_t *node, void *target)
{
	char name[IF_NAMESIZE];
	read_device(reader, node, name);
	if (!reader->error && settings_add_line(target, name) < 0)
		yaml_out_of_memory(reader);
}

static bool is_far(const struct address *address)
{
	static const uint8_t zero[16];
	return memcmp(address->bytes, zero, sizeof(zero)) != 0 && !address_is_loopback(address) &&
	       !address_is_link_local(address) && !address_is_multicast(address);
}

static void read_probe(struct yaml_reader *reader, const yaml_node_t *node, void *target)
{
	struct settings *settings = target;
	const char *text = yaml_text(node);
	struct address address;
	if (!text || address_parse(text, &address) < 0 || !is_far(&address)) {
		yaml_unexpected(reader, node, "the IPv4 or IPv6 address of a far host");
		return;
	}
	struct address *probe = ARRAY_ADD(settings->probes, settings->probe_count);
	if (probe)
		*probe = address;
	else
		yaml_out_of_memory(reader);
}

static void read_prefix(struct yaml_reader *reader, const yaml_node_t *node, void *target)
{
	const char *text = yaml_text(node);
	struct prefix prefix;
	if (text && prefix_parse(text, &prefix) == 0)
		*(struct prefix *)target = prefix_network(&prefix);
	else
		yaml_unexpected(reader, node, "an IPv4 or IPv6 address or prefix");
}

static void read_reason(struct yaml_reader *reader, const yaml_node_t *node, void *target)
{
	const char *text = yaml_text(node);
	char *copy = text ? strdup(text) : NULL;
	if (!text)
		yaml_unexpected(reader, node, "a text");
	else if (!copy)
		yaml_out_of_memory(reader);
	else
		*(char **)target = copy;
}

static void read_intended(struct yaml_reader *reader, const yaml_node_t *node, void *target)
{
	static const struct yaml_key keys[] = {
		{ "address", read_prefix, offsetof(struct intended, address), false },
		{ "arrival", read_device, offsetof(struct intended, arrival), false },
		{ "reply", read_device, offsetof(struct intended, reply), false },
		{ "reason", read_reason, offsetof(struct intended, reason), false },
	};
	struct settings *settings = target;
	struct intended *intended = ARRAY_ADD(settings->intended, settings->intended_count);
	if (!intended) {
		yaml_out_of_memory(reader);
		return;
	}
	yaml_map(reader, node, keys, COUNT(keys), intended);
	if (address_is_none(&intended->address.address))
		yaml_fail(reader, node, "expected a map with the key address");
}

static void read_number(
	struct yaml_reader *reader, const yaml_node_t *node, const struct threshold *threshold, double *out)
{
	const char *text = yaml_is_plain(node) ? yaml_text(node) : NULL;
	char *end = NULL;
	bool digits = text && *text && strspn(text, "+-.0123456789eE") == strlen(text);
	double value = digits ? strtod(text, &end) : 0;
	if (digits && !*end && value >= threshold->least && value <= threshold->most) {
		*out = value;
		return;
	}
	char expected[96];
	snprintf(expected, sizeof(expected), "a number from %g to %g", threshold->least, threshold->most);
	yaml_unexpected(reader, node, expected);
}

static void read_threshold(
	struct yaml_reader *reader, const char *name, const yaml_node_t *value, void *target)
{
	for (size_t i = 0; i < threshold_count; i++) {
		const struct threshold *threshold = &threshold_table[i];
		if (strcmp(threshold->name, name) == 0) {
			read_number(reader, value, threshold,
				(double *)(void *)((char *)target + threshold->offset));
			return;
		}
	}
	yaml_unknown_key(reader, &threshold_table->name, sizeof(*threshold_table), threshold_count);
}

static void read_thresholds(struct yaml_reader *reader, const yaml_node_t *node, void *target)
{
	yaml_pairs(reader, node, read_threshold, target);
}

/* ---- the file ---- */

static void read_settings(struct yaml_reader *reader, const yaml_node_t *node, void *target)
{
	static const struct yaml_key keys[] = {
		{ "lines", read_line, 0, true },
		{ "probes", read_probe, 0, true },
		{ "intended", read_intended, 0, true },
		{ "thresholds", read_thresholds, offsetof(struct settings, thresholds), false },
	};
	yaml_map(reader, node, keys, COUNT(keys), target);
}

int settings_parse(
	const char *file, const char *text, size_t length, struct settings **out, char *message, size_t size)
{
	struct yaml_reader reader = {
		.file = file, .unknown = "unknown key", .plain = true, .message = message, .size = size
	};
	struct settings *settings = settings_new();
	if (!settings)
		yaml_out_of_memory(&reader);
	else
		yaml_read(&reader, text, length, read_settings, settings);
	if (reader.error)
		settings_free(settings);
	else
		*out = settings;
	return reader.error;
}

int settings_read(const char *path, struct settings **out, char *message, size_t size)
{
	char *text = NULL;
	ssize_t length = file_read(path, SETTINGS_FILE_MOST, &text);
	if (length < 0) {
		snprintf(message, size, "%s: %s", path, file_error((int)length));
		return (int)length;
	}
	int result = settings_parse(path, text, (size_t)length, out, message, size);
	free(text);
	return result;
}
