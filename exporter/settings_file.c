// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/settings_file.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "collectors/growth.h"
#include "exporter/file.h"
#include "exporter/text.h"

/* ---- the document ---- */

struct reading {
	const char *file;
	yaml_document_t *document;
	char *message;
	size_t size;
};

#define PATH_SIZE 128 /* "intended[4095].address" and the like; longer keys are cut */

__attribute__((format(printf, 3, 4))) static int fail(
	const struct reading *reading, size_t line, const char *format, ...)
{
	int used = snprintf(reading->message, reading->size, "%s:%zu: ", reading->file, line);
	if (used >= 0 && (size_t)used < reading->size) {
		va_list arguments;
		va_start(arguments, format);
		vsnprintf(reading->message + used, reading->size - (size_t)used, format, arguments);
		va_end(arguments);
	}
	return -EINVAL;
}

static size_t line_of(const yaml_node_t *node)
{
	return node->start_mark.line + 1;
}

static const char *scalar(const yaml_node_t *node)
{
	return (const char *)node->data.scalar.value;
}

/* The scalar's text; NULL if it is none, or has a NUL inside. */
static const char *node_text(const yaml_node_t *node)
{
	bool whole = node->type == YAML_SCALAR_NODE && strlen(scalar(node)) == node->data.scalar.length;
	return whole ? scalar(node) : NULL;
}

static bool is_plain(const yaml_node_t *node)
{
	return node->type == YAML_SCALAR_NODE && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

/* `lines:` with all its items commented out. */
static bool is_null(const yaml_node_t *node)
{
	return is_plain(node) &&
	       (!*scalar(node) || !strcmp(scalar(node), "~") || !strcmp(scalar(node), "null"));
}

#define SHOWN_SIZE 64

static const char *shown(const yaml_node_t *node, char text[static SHOWN_SIZE])
{
	if (node->type == YAML_MAPPING_NODE)
		return "a map";
	if (node->type == YAML_SEQUENCE_NODE)
		return "a list";
	return is_null(node) ? "nothing" : text_format(scalar(node), TEXT_QUOTED, text, SHOWN_SIZE);
}

static int unexpected(
	const struct reading *reading, const char *path, const yaml_node_t *node, const char *expected)
{
	char text[SHOWN_SIZE];
	return fail(reading, line_of(node), "%s%sexpected %s, got %s", path, *path ? ": " : "", expected,
		shown(node, text));
}

static int out_of_memory(const struct reading *reading, const yaml_node_t *node)
{
	fail(reading, line_of(node), "out of memory");
	return -ENOMEM;
}

/* ---- maps and lists ---- */

typedef int value_function(
	const struct reading *reading, const char *path, const yaml_node_t *value, void *target);

struct key {
	const char *name;
	value_function *read;
};

struct keys {
	const char *names; /* for messages */
	const struct key *items;
	size_t count;
};

typedef int pair_function(const struct reading *reading, const char *path, const char *name,
	const yaml_node_t *key, const yaml_node_t *value, void *target, const void *argument);

static const yaml_node_t *node_at(const struct reading *reading, int index)
{
	return yaml_document_get_node(reading->document, index);
}

static bool is_repeated(const struct reading *reading, const yaml_node_t *map, const yaml_node_pair_t *pair)
{
	const char *name = scalar(node_at(reading, pair->key));
	for (const yaml_node_pair_t *other = map->data.mapping.pairs.start; other < pair; other++)
		if (!strcmp(scalar(node_at(reading, other->key)), name))
			return true;
	return false;
}

static const char *path_join(const char *path, const char *name, char out[static PATH_SIZE])
{
	char text[SHOWN_SIZE];
	text_format(name, TEXT_PLAIN, text, sizeof(text));
	snprintf(out, PATH_SIZE, "%.*s%s%s", PATH_SIZE - SHOWN_SIZE - 2, path, *path ? "." : "", text);
	return out;
}

static int read_pair(const struct reading *reading, const char *path, const yaml_node_t *map,
	const yaml_node_pair_t *pair, pair_function *function, void *target, const void *argument)
{
	char joined[PATH_SIZE];
	const yaml_node_t *key = node_at(reading, pair->key);
	const char *name = node_text(key);
	if (!name)
		return unexpected(reading, path, key, "a key");
	path_join(path, name, joined);
	if (is_repeated(reading, map, pair))
		return fail(reading, line_of(key), "%s: the key is given twice", joined);
	return function(reading, joined, name, key, node_at(reading, pair->value), target, argument);
}

static int read_map(const struct reading *reading, const char *path, const yaml_node_t *node,
	pair_function *function, void *target, const void *argument)
{
	if (is_null(node))
		return 0;
	if (node->type != YAML_MAPPING_NODE)
		return unexpected(reading, path, node, "a map");
	const yaml_node_pair_t *end = node->data.mapping.pairs.top;
	for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < end; pair++) {
		int result = read_pair(reading, path, node, pair, function, target, argument);
		if (result < 0)
			return result;
	}
	return 0;
}

static int read_known(const struct reading *reading, const char *path, const char *name,
	const yaml_node_t *key, const yaml_node_t *value, void *target, const void *argument)
{
	const struct keys *keys = argument;
	for (size_t i = 0; i < keys->count; i++)
		if (!strcmp(keys->items[i].name, name))
			return keys->items[i].read(reading, path, value, target);
	return fail(reading, line_of(key), "%s: unknown key, expected %s", path, keys->names);
}

static int read_list(const struct reading *reading, const char *path, const yaml_node_t *node,
	value_function *item, void *target)
{
	if (is_null(node))
		return 0;
	if (node->type != YAML_SEQUENCE_NODE)
		return unexpected(reading, path, node, "a list");
	const yaml_node_item_t *start = node->data.sequence.items.start;
	size_t count = (size_t)(node->data.sequence.items.top - start);
	if (count > SETTINGS_LIST_MOST)
		return fail(reading, line_of(node), "%s: expected at most %d items, got %zu", path,
			SETTINGS_LIST_MOST, count);
	for (size_t i = 0; i < count; i++) {
		char indexed[PATH_SIZE];
		snprintf(indexed, sizeof(indexed), "%.90s[%zu]", path, i);
		int result = item(reading, indexed, node_at(reading, start[i]), target);
		if (result < 0)
			return result;
	}
	return 0;
}

/* ---- values ---- */

static int read_device(const struct reading *reading, const char *path, const yaml_node_t *node, void *target)
{
	const char *text = node_text(node);
	if (!text || !device_name_is_valid(text))
		return unexpected(reading, path, node, "a device name of 1 to 15 characters");
	snprintf(target, IF_NAMESIZE, "%s", text);
	return 0;
}

static int read_prefix(const struct reading *reading, const char *path, const yaml_node_t *node, void *target)
{
	const char *text = node_text(node);
	struct prefix prefix;
	if (!text || prefix_parse(text, &prefix) < 0)
		return unexpected(reading, path, node, "an IPv4 or IPv6 address or prefix");
	*(struct prefix *)target = prefix_network(&prefix);
	return 0;
}

static int read_reason(const struct reading *reading, const char *path, const yaml_node_t *node, void *target)
{
	const char *text = node_text(node);
	if (!text)
		return unexpected(reading, path, node, "a text");
	*(char **)target = strdup(text);
	return *(char **)target ? 0 : out_of_memory(reading, node);
}

static int read_number(const struct reading *reading, const char *path, const yaml_node_t *node,
	const struct threshold *threshold, double *out)
{
	const char *text = is_plain(node) ? node_text(node) : NULL;
	char *end = NULL;
	bool digits = text && *text && strspn(text, "+-.0123456789eE") == strlen(text);
	double value = digits ? strtod(text, &end) : 0;
	if (!digits || *end || !(value >= threshold->least && value <= threshold->most)) {
		char expected[96];
		snprintf(expected, sizeof(expected), "a number from %g to %g", threshold->least,
			threshold->most);
		return unexpected(reading, path, node, expected);
	}
	*out = value;
	return 0;
}

/* ---- the keys ---- */

static int read_line(const struct reading *reading, const char *path, const yaml_node_t *node, void *target)
{
	char name[IF_NAMESIZE];
	int result = read_device(reading, path, node, name);
	if (result == 0 && settings_add_line(target, name) < 0)
		return out_of_memory(reading, node);
	return result;
}

static int read_lines(const struct reading *reading, const char *path, const yaml_node_t *node, void *target)
{
	return read_list(reading, path, node, read_line, target);
}

static bool is_far(const struct address *address)
{
	static const uint8_t zero[16];
	return memcmp(address->bytes, zero, sizeof(zero)) != 0 && !address_is_loopback(address) &&
	       !address_is_link_local(address) && !address_is_multicast(address);
}

static int read_probe(const struct reading *reading, const char *path, const yaml_node_t *node, void *target)
{
	struct settings *settings = target;
	const char *text = node_text(node);
	struct address address;
	if (!text || address_parse(text, &address) < 0 || !is_far(&address))
		return unexpected(reading, path, node, "the IPv4 or IPv6 address of a far host");
	struct address *probe = GROW(settings->probes, settings->probe_count);
	if (!probe)
		return out_of_memory(reading, node);
	*probe = address;
	return 0;
}

static int read_probes(const struct reading *reading, const char *path, const yaml_node_t *node, void *target)
{
	return read_list(reading, path, node, read_probe, target);
}

static int intended_address(
	const struct reading *reading, const char *path, const yaml_node_t *node, void *target)
{
	return read_prefix(reading, path, node, &((struct intended *)target)->address);
}

static int intended_arrival(
	const struct reading *reading, const char *path, const yaml_node_t *node, void *target)
{
	return read_device(reading, path, node, ((struct intended *)target)->arrival);
}

static int intended_reply(
	const struct reading *reading, const char *path, const yaml_node_t *node, void *target)
{
	return read_device(reading, path, node, ((struct intended *)target)->reply);
}

static int intended_reason(
	const struct reading *reading, const char *path, const yaml_node_t *node, void *target)
{
	return read_reason(reading, path, node, &((struct intended *)target)->reason);
}

static const struct key intended_keys[] = {
	{ "address", intended_address },
	{ "arrival", intended_arrival },
	{ "reply", intended_reply },
	{ "reason", intended_reason },
};

static const struct keys intended_map = { "address, arrival, reply or reason", intended_keys,
	sizeof(intended_keys) / sizeof(*intended_keys) };

static int read_intended_item(
	const struct reading *reading, const char *path, const yaml_node_t *node, void *target)
{
	struct settings *settings = target;
	struct intended *intended = GROW(settings->intended, settings->intended_count);
	if (!intended)
		return out_of_memory(reading, node);
	int result = read_map(reading, path, node, read_known, intended, &intended_map);
	if (result == 0 && address_is_none(&intended->address.address))
		return fail(reading, line_of(node), "%s: expected a map with the key address", path);
	return result;
}

static int read_intended(
	const struct reading *reading, const char *path, const yaml_node_t *node, void *target)
{
	return read_list(reading, path, node, read_intended_item, target);
}

static int unknown_threshold(const struct reading *reading, const char *path, const yaml_node_t *key)
{
	char names[256] = "";
	for (size_t i = 0, used = 0; i < threshold_count && used < sizeof(names); i++)
		used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s",
			i == 0                    ? ""
			: i + 1 < threshold_count ? ", "
						  : " or ",
			threshold_table[i].name);
	return fail(reading, line_of(key), "%s: unknown key, expected %s", path, names);
}

static int read_threshold(const struct reading *reading, const char *path, const char *name,
	const yaml_node_t *key, const yaml_node_t *value, void *target, const void *argument)
{
	(void)argument;
	for (size_t i = 0; i < threshold_count; i++) {
		const struct threshold *threshold = &threshold_table[i];
		if (!strcmp(threshold->name, name))
			return read_number(reading, path, value, threshold,
				(double *)(void *)((char *)target + threshold->offset));
	}
	return unknown_threshold(reading, path, key);
}

static int read_thresholds(
	const struct reading *reading, const char *path, const yaml_node_t *node, void *target)
{
	struct settings *settings = target;
	return read_map(reading, path, node, read_threshold, &settings->thresholds, NULL);
}

static const struct key settings_keys[] = {
	{ "lines", read_lines },
	{ "probes", read_probes },
	{ "intended", read_intended },
	{ "thresholds", read_thresholds },
};

static const struct keys settings_map = { "lines, probes, intended or thresholds", settings_keys,
	sizeof(settings_keys) / sizeof(*settings_keys) };

/* ---- the parser ---- */

static int parser_failed(const struct reading *reading, const yaml_parser_t *parser)
{
	size_t line = parser->error == YAML_READER_ERROR ? 0 : parser->problem_mark.line;
	if (parser->error == YAML_MEMORY_ERROR) {
		fail(reading, line + 1, "out of memory");
		return -ENOMEM;
	}
	return fail(
		reading, line + 1, "not valid YAML: %s", parser->problem ? parser->problem : "unknown error");
}

static const char *refused(const yaml_event_t *event, unsigned *documents)
{
	const yaml_char_t *anchor = NULL, *tag = NULL;
	if (event->type == YAML_DOCUMENT_START_EVENT && ++*documents > 1)
		return "a second document";
	if (event->type == YAML_ALIAS_EVENT)
		return "an alias";
	if (event->type == YAML_SCALAR_EVENT)
		anchor = event->data.scalar.anchor, tag = event->data.scalar.tag;
	if (event->type == YAML_SEQUENCE_START_EVENT)
		anchor = event->data.sequence_start.anchor, tag = event->data.sequence_start.tag;
	if (event->type == YAML_MAPPING_START_EVENT)
		anchor = event->data.mapping_start.anchor, tag = event->data.mapping_start.tag;
	return anchor ? "an anchor" : tag ? "a tag" : NULL;
}

/* A first pass over the events: the loaded document no longer shows which nodes were aliases. */
static int check_events(const struct reading *reading, yaml_parser_t *parser)
{
	unsigned documents = 0;
	for (bool ended = false; !ended;) {
		yaml_event_t event;
		if (!yaml_parser_parse(parser, &event))
			return parser_failed(reading, parser);
		const char *what = refused(&event, &documents);
		size_t line = event.start_mark.line + 1;
		ended = event.type == YAML_STREAM_END_EVENT;
		yaml_event_delete(&event);
		if (what)
			return fail(reading, line, "%s is not allowed here", what);
	}
	return 0;
}

static int read_document(struct reading *reading, yaml_parser_t *parser, struct settings *settings)
{
	yaml_document_t document;
	if (!yaml_parser_load(parser, &document))
		return parser_failed(reading, parser);
	reading->document = &document;
	const yaml_node_t *root = yaml_document_get_root_node(&document);
	int result = root ? read_map(reading, "", root, read_known, settings, &settings_map) : 0;
	yaml_document_delete(&document);
	reading->document = NULL;
	return result;
}

static int with_parser(struct reading *reading, const char *text, size_t length, struct settings *settings)
{
	yaml_parser_t parser;
	if (!yaml_parser_initialize(&parser)) {
		fail(reading, 1, "out of memory");
		return -ENOMEM;
	}
	yaml_parser_set_input_string(&parser, (const yaml_char_t *)text, length);
	int result = settings ? read_document(reading, &parser, settings) : check_events(reading, &parser);
	yaml_parser_delete(&parser);
	return result;
}

int settings_parse(
	const char *file, const char *text, size_t length, struct settings **out, char *message, size_t size)
{
	struct reading reading = { .file = file, .message = message, .size = size };
	struct settings *settings = settings_new();
	if (!settings) {
		fail(&reading, 1, "out of memory");
		return -ENOMEM;
	}
	int result = with_parser(&reading, text, length, NULL);
	if (result == 0)
		result = with_parser(&reading, text, length, settings);
	if (result < 0)
		settings_free(settings);
	else
		*out = settings;
	return result;
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
