/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Reads a YAML document into the caller's structs. The first thing that is wrong makes the one message (file,
 * line, key, what was expected); after it nothing more is read, so that readers of values check nothing.
 */

#include <stdbool.h>
#include <stddef.h>
#include <yaml.h>

#define YAML_ITEMS_MOST 4096 /* of a map or list */
#define YAML_PATH_SIZE  192

struct yaml_reader {
	const char *file;    /* stands in messages */
	const char *unknown; /* what is said of an unknown key */
	bool plain;          /* anchors, aliases and tags are refused */
	bool secret;         /* messages do not show values */
	char *message;
	size_t size;

	int error; /* 0 or negative errno */
	yaml_document_t *document;
	size_t line;               /* of the key that is read, or of what is wrong */
	char path[YAML_PATH_SIZE]; /* of the value that is read: "intended[2].address"; long ones are cut */
};

typedef void yaml_function(struct yaml_reader *reader, const yaml_node_t *value, void *target);

struct yaml_key {
	const char *name;
	yaml_function *read; /* the value or, of a list, each item */
	size_t offset;       /* in the target, of what `read` is given */
	bool list;
};

/* Hands the document's root to `root`, unless the document is empty. 0 or negative errno with a message. */
int yaml_read(struct yaml_reader *reader, const char *text, size_t length, yaml_function *root, void *target);
/* A map with some of these keys, each once; nothing ("key:", "~", "null") is an empty one. */
void yaml_map(struct yaml_reader *reader, const yaml_node_t *node, const struct yaml_key *keys, size_t count,
	void *target);

typedef void yaml_pair_function(
	struct yaml_reader *reader, const char *key, const yaml_node_t *value, void *target);

/* A map with any keys. */
void yaml_pairs(
	struct yaml_reader *reader, const yaml_node_t *node, yaml_pair_function *function, void *target);

/* The text of a scalar; NULL if it is none, or has a NUL inside. */
const char *yaml_text(const yaml_node_t *node);
/* A scalar without quotes. */
bool yaml_is_plain(const yaml_node_t *node);
/* Without control characters. */
bool yaml_is_printable(const char *text);
/* For struct yaml_key: the name of a file; the target is a char *, the caller's. */
yaml_function yaml_file_name;

/* Each makes the message, if none is made. node: whose line; NULL for that of the key. */
void yaml_fail(struct yaml_reader *reader, const yaml_node_t *node, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void yaml_unexpected(struct yaml_reader *reader, const yaml_node_t *node, const char *expected);
/* names: the first of `count` rows of `stride` bytes, each beginning with the name of a key that is known. */
void yaml_unknown_key(struct yaml_reader *reader, const void *names, size_t stride, size_t count);
void yaml_out_of_memory(struct yaml_reader *reader);
