// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/base/yaml.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "exporter/base/text.h"

#define SHOWN_SIZE 64

/* ---- messages ---- */

void yaml_fail(struct yaml_reader *reader, const yaml_node_t *node, const char *format, ...)
{
	if (reader->error)
		return;
	reader->error = -EINVAL;
	int used = snprintf(reader->message, reader->size, "%s:%zu: %s%s", reader->file,
		node ? node->start_mark.line + 1 : reader->line, reader->path, *reader->path ? ": " : "");
	va_list arguments;
	va_start(arguments, format);
	if (used >= 0 && (size_t)used < reader->size)
		vsnprintf(reader->message + used, reader->size - (size_t)used, format, arguments);
	va_end(arguments);
}

void yaml_out_of_memory(struct yaml_reader *reader)
{
	if (reader->error)
		return;
	yaml_fail(reader, NULL, "out of memory");
	reader->error = -ENOMEM;
}

static const char *scalar(const yaml_node_t *node)
{
	return (const char *)node->data.scalar.value;
}

const char *yaml_text(const yaml_node_t *node)
{
	bool whole = node->type == YAML_SCALAR_NODE && strlen(scalar(node)) == node->data.scalar.length;
	return whole ? scalar(node) : NULL;
}

bool yaml_is_plain(const yaml_node_t *node)
{
	return node->type == YAML_SCALAR_NODE && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

bool yaml_is_printable(const char *text)
{
	while (*text && !iscntrl((unsigned char)*text))
		text++;
	return !*text;
}

void yaml_file_name(struct yaml_reader *reader, const yaml_node_t *node, void *target)
{
	const char *text = yaml_text(node);
	if (!text || !*text || !yaml_is_printable(text))
		yaml_fail(reader, node, "expected the name of a file");
	else if (!(*(char **)target = strdup(text)))
		yaml_out_of_memory(reader);
}

/* `lines:` with all its items commented out. */
static bool is_null(const yaml_node_t *node)
{
	return yaml_is_plain(node) &&
	       (!*scalar(node) || !strcmp(scalar(node), "~") || !strcmp(scalar(node), "null"));
}

void yaml_unexpected(struct yaml_reader *reader, const yaml_node_t *node, const char *expected)
{
	char text[SHOWN_SIZE];
	const char *got = node->type == YAML_MAPPING_NODE    ? "a map"
			  : node->type == YAML_SEQUENCE_NODE ? "a list"
			  : is_null(node)                    ? "nothing"
			  : reader->secret                   ? "something else"
					   : text_format(scalar(node), TEXT_QUOTED, text, SHOWN_SIZE);
	yaml_fail(reader, node, "expected %s, got %s", expected, got);
}

void yaml_unknown_key(struct yaml_reader *reader, const void *names, size_t stride, size_t count)
{
	char known[256] = "";
	for (size_t i = 0, used = 0; i < count && used < sizeof(known); i++) {
		const char *name = *(const char *const *)(const void *)((const char *)names + i * stride);
		used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s",
			i == 0          ? ""
			: i + 1 < count ? ", "
					: " or ",
			name);
	}
	yaml_fail(reader, NULL, "%s, expected %s", reader->unknown, known);
}

/* ---- maps and lists ---- */

/* Returns the length of the path to cut it back to. */
__attribute__((format(printf, 2, 3))) static size_t extend_path(
	struct yaml_reader *reader, const char *format, ...)
{
	size_t length = strlen(reader->path);
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(reader->path + length, sizeof(reader->path) - length, format, arguments);
	va_end(arguments);
	return length;
}

static bool too_many(struct yaml_reader *reader, const yaml_node_t *node, ptrdiff_t count)
{
	if (count > YAML_ITEMS_MOST)
		yaml_fail(reader, node, "expected at most %d items, got %td", YAML_ITEMS_MOST, count);
	return count > YAML_ITEMS_MOST;
}

static bool is_repeated(
	const struct yaml_reader *reader, const yaml_node_t *map, const yaml_node_pair_t *pair)
{
	const char *name = scalar(yaml_document_get_node(reader->document, pair->key));
	for (const yaml_node_pair_t *other = map->data.mapping.pairs.start; other < pair; other++)
		if (!strcmp(scalar(yaml_document_get_node(reader->document, other->key)), name))
			return true;
	return false;
}

void yaml_pairs(
	struct yaml_reader *reader, const yaml_node_t *node, yaml_pair_function *function, void *target)
{
	if (is_null(node))
		return;
	if (node->type != YAML_MAPPING_NODE) {
		yaml_unexpected(reader, node, "a map");
		return;
	}
	const yaml_node_pair_t *pair = node->data.mapping.pairs.start, *end = node->data.mapping.pairs.top;
	if (too_many(reader, node, end - pair))
		return;
	for (size_t line = reader->line; !reader->error && pair < end; pair++, reader->line = line) {
		const yaml_node_t *key = yaml_document_get_node(reader->document, pair->key);
		const char *name = yaml_text(key);
		if (!name) {
			yaml_unexpected(reader, key, "a key");
			return;
		}
		char shown[SHOWN_SIZE];
		size_t length = extend_path(reader, "%s%s", *reader->path ? "." : "",
			text_format(name, TEXT_PLAIN, shown, sizeof(shown)));
		reader->line = key->start_mark.line + 1;
		if (is_repeated(reader, node, pair))
			yaml_fail(reader, NULL, "the key is given twice");
		else
			function(reader, name, yaml_document_get_node(reader->document, pair->value), target);
		reader->path[length] = '\0';
	}
}

static void read_list(
	struct yaml_reader *reader, const yaml_node_t *node, yaml_function *function, void *target)
{
	if (is_null(node))
		return;
	if (node->type != YAML_SEQUENCE_NODE) {
		yaml_unexpected(reader, node, "a list");
		return;
	}
	const yaml_node_item_t *items = node->data.sequence.items.start;
	ptrdiff_t count = node->data.sequence.items.top - items;
	if (too_many(reader, node, count))
		return;
	for (ptrdiff_t i = 0; !reader->error && i < count; i++) {
		size_t length = extend_path(reader, "[%td]", i);
		function(reader, yaml_document_get_node(reader->document, items[i]), target);
		reader->path[length] = '\0';
	}
}

struct known {
	const struct yaml_key *keys;
	size_t count;
	char *target;
};

static void read_known(struct yaml_reader *reader, const char *name, const yaml_node_t *value, void *target)
{
	const struct known *known = target;
	for (size_t i = 0; i < known->count; i++) {
		const struct yaml_key *key = &known->keys[i];
		if (strcmp(key->name, name) != 0)
			continue;
		if (key->list)
			read_list(reader, value, key->read, known->target + key->offset);
		else
			key->read(reader, value, known->target + key->offset);
		return;
	}
	yaml_unknown_key(reader, known->keys, sizeof(*known->keys), known->count);
}

void yaml_map(struct yaml_reader *reader, const yaml_node_t *node, const struct yaml_key *keys, size_t count,
	void *target)
{
	struct known known = { keys, count, target };
	yaml_pairs(reader, node, read_known, &known);
}

/* ---- the document ---- */

static void parser_failed(struct yaml_reader *reader, const yaml_parser_t *parser)
{
	if (parser->error == YAML_MEMORY_ERROR) {
		yaml_out_of_memory(reader);
		return;
	}
	reader->line = parser->error == YAML_READER_ERROR ? 1 : parser->problem_mark.line + 1;
	yaml_fail(reader, NULL, "not valid YAML: %s", parser->problem ? parser->problem : "unknown error");
}

static const char *refused(const struct yaml_reader *reader, const yaml_event_t *event, unsigned *documents)
{
	const yaml_char_t *anchor = NULL, *tag = NULL;
	if (event->type == YAML_DOCUMENT_START_EVENT && ++*documents > 1)
		return "a second document";
	if (!reader->plain)
		return NULL;
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
static void check_events(struct yaml_reader *reader, yaml_parser_t *parser)
{
	unsigned documents = 0;
	for (bool ended = false; !ended && !reader->error;) {
		yaml_event_t event;
		if (!yaml_parser_parse(parser, &event)) {
			parser_failed(reader, parser);
			return;
		}
		const char *what = refused(reader, &event, &documents);
		if (what) {
			reader->line = event.start_mark.line + 1;
			yaml_fail(reader, NULL, "%s is not allowed here", what);
		}
		ended = event.type == YAML_STREAM_END_EVENT;
		yaml_event_delete(&event);
	}
}

static void read_document(
	struct yaml_reader *reader, yaml_parser_t *parser, yaml_function *root, void *target)
{
	yaml_document_t document;
	if (!yaml_parser_load(parser, &document)) {
		parser_failed(reader, parser);
		return;
	}
	reader->document = &document;
	const yaml_node_t *node = yaml_document_get_root_node(&document);
	if (node)
		root(reader, node, target);
	yaml_document_delete(&document);
	reader->document = NULL;
}

int yaml_read(struct yaml_reader *reader, const char *text, size_t length, yaml_function *root, void *target)
{
	reader->line = 1;
	for (int pass = 0; pass < 2 && !reader->error; pass++) {
		yaml_parser_t parser;
		if (!yaml_parser_initialize(&parser)) {
			yaml_out_of_memory(reader);
			break;
		}
		yaml_parser_set_input_string(&parser, (const yaml_char_t *)text, length);
		if (pass == 0)
			check_events(reader, &parser);
		else
			read_document(reader, &parser, root, target);
		yaml_parser_delete(&parser);
	}
	return reader->error;
}
