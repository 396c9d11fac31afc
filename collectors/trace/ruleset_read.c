// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/trace/ruleset_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- text ---- */

/* " # handle 12" at the end of a line; 0 if there is none. */
static uint64_t handle_of(const char *line, size_t length, size_t *rule_length)
{
	static const char mark[] = " # handle ";
	size_t at = length;
	while (at > 0 && line[at - 1] >= '0' && line[at - 1] <= '9')
		at--;
	if (at == length || at < sizeof(mark) - 1 ||
		memcmp(line + at - (sizeof(mark) - 1), mark, sizeof(mark) - 1) != 0)
		return 0;
	*rule_length = at - (sizeof(mark) - 1);
	return strtoull(line + at, NULL, 10);
}

/* Lines joined, each run of blanks one space. */
static char *join_lines(const char *text, size_t length)
{
	char *flat = malloc(length + 1);
	size_t used = 0;
	for (size_t i = 0; flat && i < length; i++) {
		bool blank = text[i] == '\n' || text[i] == '\t' || text[i] == ' ';
		if (!blank)
			flat[used++] = text[i];
		else if (used && flat[used - 1] != ' ')
			flat[used++] = ' ';
	}
	if (flat)
		flat[used] = '\0';
	return flat;
}

/* What stands before the rules: "table … {", "chain … {", "type …; policy …;". */
static bool is_heading(const char *line, size_t length)
{
	while (length && (*line == '\t' || *line == ' ')) {
		line++;
		length--;
	}
	return length == 0 || strncmp(line, "table ", 6) == 0 || strncmp(line, "chain ", 6) == 0 ||
	       (strncmp(line, "type ", 5) == 0 && line[length - 1] == ';') || *line == '}';
}

/* A rule with long sets goes over several lines; the last one has its handle. */
char *ruleset_rule_text(const char *listing, uint64_t handle)
{
	const char *start = listing, *line = listing;
	while (*line) {
		size_t length = strcspn(line, "\n"), rule_length = 0;
		const char *next = line + length + (line[length] == '\n');
		uint64_t found = handle_of(line, length, &rule_length);
		bool heading = start == line && is_heading(line, length);
		if (found && found == handle && !heading)
			return join_lines(start, (size_t)(line - start) + rule_length);
		if (found || heading)
			start = next;
		line = next;
	}
	return NULL;
}

/* ---- rules ---- */

static uint64_t rule_handle(const json_t *rule)
{
	return (uint64_t)json_integer_value(json_object_get(rule, "handle"));
}

unsigned ruleset_rule_number(const json_t *chain, uint64_t handle)
{
	unsigned number = 0;
	size_t i;
	json_t *item;
	json_array_foreach((json_t *)chain, i, item)
	{
		const json_t *rule = json_object_get(item, "rule");
		number += rule != NULL;
		if (rule && rule_handle(rule) == handle)
			return number;
	}
	return 0;
}

/* ---- lookups ---- */

/* What one rule does with a packet, as far as its text tells. */
struct rule_reading {
	const char *set;    /* the named set of its only lookup of this kind, or NULL */
	const json_t *key;  /* what is looked up there */
	bool negated, map;  /* takes what is not in the set; is a map of verdicts */
	bool unlike;        /* asks for something that the packet is not */
	bool admits, drops; /* accepts, jumps or goes on elsewhere; drops or rejects */
};

static const char *set_name(const json_t *right)
{
	const char *text = json_string_value(right);
	return text && text[0] == '@' ? text + 1 : NULL;
}

static struct rule_reading read_rule(const json_t *rule, const struct ruleset_packet *packet)
{
	struct rule_reading reading = { 0 };
	size_t i;
	json_t *statement;
	json_array_foreach(json_object_get(rule, "expr"), i, statement)
	{
		const json_t *match = json_object_get(statement, "match");
		const json_t *map = json_object_get(statement, "vmap");
		const char *matched = set_name(json_object_get(match, "right"));
		const char *mapped = set_name(json_object_get(map, "data"));
		if (matched) {
			const char *operation = json_string_value(json_object_get(match, "op"));
			reading.set = matched;
			reading.key = json_object_get(match, "left");
			reading.negated = operation && strcmp(operation, "!=") == 0;
		} else if (match) {
			reading.unlike |= ruleset_match(match, packet) == MATCH_NO;
		}
		if (mapped) {
			reading.set = mapped;
			reading.key = json_object_get(map, "key");
			reading.map = reading.admits = true;
		}
		reading.admits |= json_object_get(statement, "accept") ||
				  json_object_get(statement, "jump") || json_object_get(statement, "goto");
		reading.drops |= json_object_get(statement, "drop") || json_object_get(statement, "reject");
	}
	return reading;
}

bool ruleset_find_miss(const json_t *chain, uint64_t handle, const struct ruleset_packet *packet,
	const uint64_t *taken, size_t taken_count, struct ruleset_miss *out)
{
	struct rule_reading found = { 0 };
	size_t i;
	json_t *item;
	json_array_foreach((json_t *)chain, i, item)
	{
		const json_t *rule = json_object_get(item, "rule");
		if (!rule)
			continue;
		const struct rule_reading reading = read_rule(rule, packet);
		bool decides = handle && rule_handle(rule) == handle, passed = false;
		for (size_t j = 0; j < taken_count; j++)
			passed |= taken[j] == rule_handle(rule);
		bool wanted = decides ? reading.drops && reading.negated
				      : reading.admits && !reading.negated && !reading.unlike && !passed;
		if (reading.set && wanted)
			found = reading;
		if (decides)
			break;
	}
	char *set = found.set ? strdup(found.set) : NULL;
	if (!set)
		return false;
	*out = (struct ruleset_miss){
		.set = set, .element = ruleset_element(found.key, packet), .map = found.map
	};
	return true;
}
