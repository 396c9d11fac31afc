// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/trace/ruleset_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALUE_SIZE (ADDRESS_TEXT_SIZE + 16)

/* ---- the packet's fields ---- */

enum form { ADDRESS, PORT, PROTOCOL, FAMILY, DEVICE };

/* How the JSON names them: {kind: {"protocol" or "dir": group, "field" or "key": name}}. */
static const struct field {
	const char *kind, *group, *name;
	enum form form;
	uint8_t family; /* 0: both */
	size_t at;      /* in struct ruleset_packet */
} fields[] = {
#define AT(member) offsetof(struct ruleset_packet, member)
	{ "payload", "ip", "saddr", ADDRESS, AF_INET, AT(headers.source) },
	{ "payload", "ip", "daddr", ADDRESS, AF_INET, AT(headers.destination) },
	{ "payload", "ip", "protocol", PROTOCOL, AF_INET, 0 },
	{ "payload", "ip6", "saddr", ADDRESS, AF_INET6, AT(headers.source) },
	{ "payload", "ip6", "daddr", ADDRESS, AF_INET6, AT(headers.destination) },
	{ "payload", "ip6", "nexthdr", PROTOCOL, AF_INET6, 0 },
	{ "payload", "tcp", "sport", PORT, 0, AT(headers.source_port) },
	{ "payload", "tcp", "dport", PORT, 0, AT(headers.destination_port) },
	{ "payload", "th", "sport", PORT, 0, AT(headers.source_port) },
	{ "payload", "th", "dport", PORT, 0, AT(headers.destination_port) },
	{ "meta", NULL, "l4proto", PROTOCOL, 0, 0 },
	{ "meta", NULL, "nfproto", FAMILY, 0, 0 },
	{ "meta", NULL, "iifname", DEVICE, 0, AT(iif) },
	{ "meta", NULL, "iif", DEVICE, 0, AT(iif) },
	{ "meta", NULL, "oifname", DEVICE, 0, AT(oif) },
	{ "meta", NULL, "oif", DEVICE, 0, AT(oif) },
	{ "ct", "original", "ip saddr", ADDRESS, AF_INET, AT(original.source) },
	{ "ct", "original", "ip daddr", ADDRESS, AF_INET, AT(original.destination) },
	{ "ct", "original", "ip6 saddr", ADDRESS, AF_INET6, AT(original.source) },
	{ "ct", "original", "ip6 daddr", ADDRESS, AF_INET6, AT(original.destination) },
	{ "ct", "original", "saddr", ADDRESS, 0, AT(original.source) },
	{ "ct", "original", "daddr", ADDRESS, 0, AT(original.destination) },
	{ "ct", "original", "proto-src", PORT, 0, AT(original.source_port) },
	{ "ct", "original", "proto-dst", PORT, 0, AT(original.destination_port) },
#undef AT
};

static bool member_equals(const json_t *object, const char *key, const char *value)
{
	const char *text = json_string_value(json_object_get(object, key));
	return value ? text && strcmp(text, value) == 0 : text == NULL;
}

static const struct field *find_field(const json_t *expression)
{
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		const json_t *inner = json_object_get(expression, fields[i].kind);
		bool payload = strcmp(fields[i].kind, "payload") == 0;
		if (inner && member_equals(inner, payload ? "field" : "key", fields[i].name) &&
			member_equals(inner, payload ? "protocol" : "dir", fields[i].group))
			return &fields[i];
	}
	return NULL;
}

static void write_field(
	const struct field *field, const struct ruleset_packet *packet, char text[static VALUE_SIZE])
{
	const void *at = (const char *)packet + field->at;
	switch (field->form) {
	case ADDRESS:
		address_format(at, text);
		break;
	case PORT:
		snprintf(text, VALUE_SIZE, "%u", *(const uint16_t *)at);
		break;
	case PROTOCOL:
		snprintf(text, VALUE_SIZE, "tcp");
		break;
	case FAMILY:
		snprintf(text, VALUE_SIZE, packet->headers.source.family == AF_INET ? "ipv4" : "ipv6");
		break;
	case DEVICE:
		snprintf(text, VALUE_SIZE, "%s", (const char *)at);
		break;
	}
}

/* ---- elements ---- */

static bool append_value(FILE *out, const json_t *expression, const struct ruleset_packet *packet)
{
	char text[VALUE_SIZE];
	const struct field *field = find_field(expression);
	if (!field || (field->family && field->family != packet->headers.source.family))
		return false;
	write_field(field, packet, text);
	if (field->form != DEVICE)
		return fputs(text, out) >= 0;
	/* A device's name in a set is a string of nft's; it may hold what ends one. */
	return text[0] && !strpbrk(text, "\"\\") && fprintf(out, "\"%s\"", text) > 0;
}

char *ruleset_element(const json_t *expression, const struct ruleset_packet *packet)
{
	json_t *parts = json_object_get(expression, "concat"), *part;
	char *text = NULL;
	size_t size, i;
	FILE *out = open_memstream(&text, &size);
	if (!out)
		return NULL;
	bool known = parts ? json_array_size(parts) > 0 : append_value(out, expression, packet);
	json_array_foreach(parts, i, part)
	{
		if (i > 0)
			fputs(" . ", out);
		known = known && append_value(out, part, packet);
	}
	if (fclose(out) == 0 && known)
		return text;
	free(text);
	return NULL;
}

/* ---- matches ---- */

static enum match_answer match_answer_of(bool yes)
{
	return yes ? MATCH_YES : MATCH_NO;
}

static enum match_answer is_text(const char *wanted, const char *value, bool device)
{
	size_t length = strlen(wanted);
	if (wanted[0] == '@')
		return MATCH_UNKNOWN;
	if (device && length && wanted[length - 1] == '*')
		return match_answer_of(strncmp(wanted, value, length - 1) == 0);
	return match_answer_of(strcmp(wanted, value) == 0);
}

/* A word, a number, a prefix or a range of numbers. */
static enum match_answer is_value(const json_t *right, const char *value, bool device)
{
	const json_t *prefix = json_object_get(right, "prefix"), *range = json_object_get(right, "range");
	const json_t *first = json_array_get(range, 0), *last = json_array_get(range, 1);
	if (json_is_string(right))
		return is_text(json_string_value(right), value, device);
	if (json_is_integer(right)) {
		char number[24];
		snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(right));
		return is_text(number, value, device);
	}
	if (prefix) {
		struct prefix wanted;
		struct address address;
		const char *text = json_string_value(json_object_get(prefix, "addr"));
		if (!text || address_parse(text, &wanted.address) < 0 || address_parse(value, &address) < 0)
			return MATCH_UNKNOWN;
		wanted.length = (uint8_t)json_integer_value(json_object_get(prefix, "len"));
		return match_answer_of(prefix_contains(&wanted, &address));
	}
	if (!json_is_integer(first) || !json_is_integer(last))
		return MATCH_UNKNOWN;
	long long number = atoll(value);
	return match_answer_of(number >= json_integer_value(first) && number <= json_integer_value(last));
}

/* One value, or any of a set. */
static enum match_answer is_any(const json_t *right, const char *value, bool device)
{
	json_t *items = json_is_array(right) ? (json_t *)right : json_object_get(right, "set"), *item;
	enum match_answer found = MATCH_NO;
	size_t i;
	if (!items)
		return is_value(right, value, device);
	json_array_foreach(items, i, item)
	{
		enum match_answer one = is_value(item, value, device);
		if (one == MATCH_YES)
			return MATCH_YES;
		found = one == MATCH_UNKNOWN ? MATCH_UNKNOWN : found;
	}
	return found;
}

static enum match_answer match_unnegated(const json_t *match, const struct ruleset_packet *packet)
{
	char value[VALUE_SIZE];
	const json_t *left = json_object_get(match, "left"), *right = json_object_get(match, "right");
	const struct field *field = find_field(left);
	if (!field) {
		const json_t *ct = json_object_get(left, "ct");
		/* A first SYN. Those that come again after a drop are no others. */
		return member_equals(ct, "key", "state") ? is_any(right, "new", false) : MATCH_UNKNOWN;
	}
	if (field->family && field->family != packet->headers.source.family)
		return MATCH_NO;
	write_field(field, packet, value);
	return is_any(right, value, field->form == DEVICE);
}

enum match_answer ruleset_match(const json_t *match, const struct ruleset_packet *packet)
{
	const char *operation = json_string_value(json_object_get(match, "op"));
	enum match_answer found = match_unnegated(match, packet);
	if (!operation || found == MATCH_UNKNOWN)
		return MATCH_UNKNOWN;
	if (strcmp(operation, "!=") == 0)
		return match_answer_of(found == MATCH_NO);
	return strcmp(operation, "==") == 0 || strcmp(operation, "in") == 0 ? found : MATCH_UNKNOWN;
}

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
