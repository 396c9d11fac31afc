// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/trace/ruleset_match.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALUE_SIZE (ADDRESS_TEXT_SIZE + 16)

/* ---- the packet's fields ---- */

enum field {
	FIELD_SOURCE,
	FIELD_DESTINATION,
	FIELD_SOURCE_PORT,
	FIELD_DESTINATION_PORT,
	FIELD_PROTOCOL,
	FIELD_FAMILY,
	FIELD_IIF,
	FIELD_OIF,
};

/* How the JSON names them: {kind: {"protocol" or "dir": group, "field" or "key": name}}. */
static const struct field_name {
	const char *kind, *group, *name;
	enum field field;
	uint8_t family; /* 0: both */
	bool original;
} fields[] = {
	{ "payload", "ip", "saddr", FIELD_SOURCE, AF_INET, false },
	{ "payload", "ip", "daddr", FIELD_DESTINATION, AF_INET, false },
	{ "payload", "ip", "protocol", FIELD_PROTOCOL, AF_INET, false },
	{ "payload", "ip6", "saddr", FIELD_SOURCE, AF_INET6, false },
	{ "payload", "ip6", "daddr", FIELD_DESTINATION, AF_INET6, false },
	{ "payload", "ip6", "nexthdr", FIELD_PROTOCOL, AF_INET6, false },
	{ "payload", "tcp", "sport", FIELD_SOURCE_PORT, 0, false },
	{ "payload", "tcp", "dport", FIELD_DESTINATION_PORT, 0, false },
	{ "payload", "th", "sport", FIELD_SOURCE_PORT, 0, false },
	{ "payload", "th", "dport", FIELD_DESTINATION_PORT, 0, false },
	{ "meta", NULL, "l4proto", FIELD_PROTOCOL, 0, false },
	{ "meta", NULL, "nfproto", FIELD_FAMILY, 0, false },
	{ "meta", NULL, "iifname", FIELD_IIF, 0, false },
	{ "meta", NULL, "iif", FIELD_IIF, 0, false },
	{ "meta", NULL, "oifname", FIELD_OIF, 0, false },
	{ "meta", NULL, "oif", FIELD_OIF, 0, false },
	{ "ct", "original", "ip saddr", FIELD_SOURCE, AF_INET, true },
	{ "ct", "original", "ip daddr", FIELD_DESTINATION, AF_INET, true },
	{ "ct", "original", "ip6 saddr", FIELD_SOURCE, AF_INET6, true },
	{ "ct", "original", "ip6 daddr", FIELD_DESTINATION, AF_INET6, true },
	{ "ct", "original", "saddr", FIELD_SOURCE, 0, true },
	{ "ct", "original", "daddr", FIELD_DESTINATION, 0, true },
	{ "ct", "original", "proto-src", FIELD_SOURCE_PORT, 0, true },
	{ "ct", "original", "proto-dst", FIELD_DESTINATION_PORT, 0, true },
};

static bool member_equals(const json_t *object, const char *key, const char *value)
{
	const char *text = json_string_value(json_object_get(object, key));
	return value ? text && strcmp(text, value) == 0 : text == NULL;
}

static const struct field_name *find_field(const json_t *expression)
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
	const struct field_name *name, const struct ruleset_packet *packet, char text[static VALUE_SIZE])
{
	const struct trace_headers *headers = name->original ? &packet->original : &packet->headers;
	switch (name->field) {
	case FIELD_SOURCE:
		address_format(&headers->source, text);
		break;
	case FIELD_DESTINATION:
		address_format(&headers->destination, text);
		break;
	case FIELD_SOURCE_PORT:
		snprintf(text, VALUE_SIZE, "%u", headers->source_port);
		break;
	case FIELD_DESTINATION_PORT:
		snprintf(text, VALUE_SIZE, "%u", headers->destination_port);
		break;
	case FIELD_PROTOCOL:
		snprintf(text, VALUE_SIZE, "tcp");
		break;
	case FIELD_FAMILY:
		snprintf(text, VALUE_SIZE, headers->source.family == AF_INET ? "ipv4" : "ipv6");
		break;
	case FIELD_IIF:
		snprintf(text, VALUE_SIZE, "%s", packet->iif);
		break;
	case FIELD_OIF:
		snprintf(text, VALUE_SIZE, "%s", packet->oif);
		break;
	}
}

/* A device's name in a set is a string of nft's; it may hold what ends one. */
static bool is_device(const struct field_name *name)
{
	return name->field == FIELD_IIF || name->field == FIELD_OIF;
}

/* ---- elements ---- */

static bool append_value(FILE *out, const json_t *expression, const struct ruleset_packet *packet)
{
	char text[VALUE_SIZE];
	const struct field_name *name = find_field(expression);
	if (!name || (name->family && name->family != packet->headers.source.family))
		return false;
	write_field(name, packet, text);
	if (!is_device(name))
		return fputs(text, out) >= 0;
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
	const struct field_name *name = find_field(left);
	if (!name) {
		const json_t *ct = json_object_get(left, "ct");
		/* A first SYN. Those that come again after a drop are no others. */
		return member_equals(ct, "key", "state") ? is_any(right, "new", false) : MATCH_UNKNOWN;
	}
	if (name->family && name->family != packet->headers.source.family)
		return MATCH_NO;
	write_field(name, packet, value);
	return is_any(right, value, is_device(name));
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
