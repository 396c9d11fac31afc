// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/watch/details.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/clock.h"
#include "collectors/base/rfc3339.h"
#include "exporter/base/wire_text.h"

#define INDENT          2
#define MOST_HANDSHAKES 8
#define MOST_PATHS      200
#define LONG_NS         (12 * 3600 * SECOND_NS) /* from when on the clock does not name the day */

const char *watch_span(int64_t since_ns, int64_t now_ns, char text[static WATCH_SPAN_SIZE])
{
	static const struct {
		int64_t seconds;
		const char *unit;
	} units[] = { { 86400, "d" }, { 3600, "h" }, { 60, "min" }, { 1, "s" } };
	int64_t seconds = now_ns > since_ns ? (now_ns - since_ns) / SECOND_NS : 0;
	text[0] = '\0';
	for (size_t i = 0; since_ns && i < sizeof(units) / sizeof(*units); i++)
		if (seconds >= units[i].seconds || units[i].seconds == 1) {
			snprintf(text, WATCH_SPAN_SIZE, "%" PRId64 " %s", seconds / units[i].seconds,
				units[i].unit);
			break;
		}
	return text;
}

const char *watch_clock(int64_t time_ns, char text[static WATCH_CLOCK_SIZE])
{
	char all[RFC3339_SIZE];
	snprintf(text, WATCH_CLOCK_SIZE, "%.8s", time_ns ? rfc3339_format(time_ns, all) + 11 : "--:--:--");
	return text;
}

enum paper_style watch_severity_style(enum severity severity)
{
	static const enum paper_style styles[SEVERITIES] = {
		[SEVERITY_INFO] = STYLE_INFO,
		[SEVERITY_WARNING] = STYLE_WARNING,
		[SEVERITY_CRITICAL] = STYLE_CRITICAL,
	};
	return styles[severity];
}

const char *watch_device(const char *name)
{
	return *name ? name : "not seen";
}

/* ---- pieces ---- */

static void put_line(struct paper *paper, unsigned style, const char *text)
{
	paper_put(paper, paper_append(paper), 0, paper->columns, style, text);
}

static void put_title(struct paper *paper, const char *title)
{
	paper_append(paper);
	put_line(paper, STYLE_BOLD, title);
}

static void put_wrapped(struct paper *paper, unsigned indent, unsigned style, const char *text)
{
	paper_append(paper);
	paper_wrap(paper, indent, indent, style, text, "");
}

/* A command can be copied from several rows as well, if nothing in it is quoted. */
static void put_command(struct paper *paper, const char *text)
{
	paper_append(paper);
	paper_wrap(paper, INDENT, INDENT, STYLE_GOOD, text, strpbrk(text, "'\"\\") ? "" : " \\");
}

/* A scalar as people read it; the caller's to free(). NULL for anything else, or when memory is out. */
static char *scalar_text(const json_t *value)
{
	char *text = NULL;
	if (json_is_string(value))
		return strdup(json_string_value(value));
	if (json_is_integer(value))
		return asprintf(&text, "%" JSON_INTEGER_FORMAT, json_integer_value(value)) < 0 ? NULL : text;
	if (json_is_real(value))
		return asprintf(&text, "%g", json_real_value(value)) < 0 ? NULL : text;
	return json_is_boolean(value) ? strdup(json_is_true(value) ? "yes" : "no") : NULL;
}

/* Items joined by ", ". The caller's to free(), or NULL. */
static char *list_text(const json_t *array)
{
	char *text = NULL;
	size_t size, index;
	const json_t *item;
	FILE *out = open_memstream(&text, &size);
	if (!out)
		return NULL;
	json_array_foreach(array, index, item)
	{
		char *one = scalar_text(item);
		fprintf(out, "%s%s", index ? ", " : "", one ? one : "");
		free(one);
	}
	fclose(out);
	return text;
}

static char *endpoint_text(const json_t *object, const char *address_key, const char *port_key)
{
	const char *address = watch_text(object, address_key);
	json_int_t port = json_integer_value(json_object_get(object, port_key));
	char *text;
	bool six = strchr(address, ':') != NULL;
	return asprintf(&text, "%s%s%s:%" JSON_INTEGER_FORMAT, six ? "[" : "", address, six ? "]" : "",
		       port) < 0
		       ? NULL
		       : text;
}

/* ---- findings ---- */

#define SEEN_SIZE 80

/* "in wan2, out dock0", what was not seen left out. Returns text. */
static const char *seen_text(const json_t *pair, char text[static SEEN_SIZE])
{
	const char *in = watch_text(pair, "in"), *out = watch_text(pair, "out");
	snprintf(text, SEEN_SIZE, "%s%s%s%s%s",
		*in    ? "in "
		: *out ? ""
		       : "not seen",
		in, *in && *out ? ", " : "", *out ? "out " : "", out);
	return text;
}

static void put_handshake(struct paper *paper, const json_t *handshake)
{
	char first[WATCH_CLOCK_SIZE], last[WATCH_CLOCK_SIZE], syn[SEEN_SIZE], synack[SEEN_SIZE];
	char *client = endpoint_text(handshake, "client", "client_port");
	char *server = endpoint_text(handshake, "server", "server_port");
	json_int_t repeats = json_integer_value(json_object_get(handshake, "repeats"));
	char *text;
	if (client && server &&
		asprintf(&text,
			"%s–%s  %s → %s  SYN %s; SYN-ACK %s; SYN repeated %" JSON_INTEGER_FORMAT " %s",
			watch_clock(watch_time(handshake, "first"), first),
			watch_clock(watch_time(handshake, "last"), last), client, server,
			seen_text(json_object_get(handshake, "syn"), syn),
			seen_text(json_object_get(handshake, "synack"), synack), repeats,
			repeats == 1 ? "time" : "times") >= 0) {
		paper_append(paper);
		paper_wrap(paper, INDENT, 2 * INDENT, STYLE_PLAIN, text, "");
		free(text);
	}
	free(client);
	free(server);
}

static void put_evidence(struct paper *paper, json_t *evidence)
{
	const json_t *handshakes = json_object_get(evidence, "handshakes"), *handshake;
	const char *key;
	json_t *value;
	unsigned column = 0;
	size_t index;
	if (!json_object_size(evidence))
		return;
	put_title(paper, "Evidence");
	json_object_foreach(evidence, key, value)
	{
		if (value != handshakes && paper_width(key) > column)
			column = paper_width(key);
	}
	json_object_foreach(evidence, key, value)
	{
		char *text = json_is_array(value) ? list_text(value) : scalar_text(value);
		size_t row = value == handshakes ? 0 : paper_append(paper);
		if (value != handshakes) {
			paper_put(paper, row, INDENT, paper->columns, STYLE_DIM, key);
			paper_wrap(paper, INDENT + column + 2, INDENT + column + 2, STYLE_PLAIN,
				text ? text : "", "");
		}
		free(text);
	}
	json_array_foreach(handshakes, index, handshake)
	{
		if (index < MOST_HANDSHAKES)
			put_handshake(paper, handshake);
	}
	if (index > MOST_HANDSHAKES)
		paper_print(paper, paper_append(paper), INDENT, paper->columns, STYLE_DIM, "… and %zu more",
			index - MOST_HANDSHAKES);
}

static void put_changed(struct paper *paper, const json_t *finding)
{
	const json_t *changes = json_object_get(finding, "changed"), *change;
	char time[WATCH_CLOCK_SIZE];
	size_t index;
	if (json_array_size(changes))
		put_title(paper, "What changed before (UTC)");
	json_array_foreach(changes, index, change)
	{
		size_t row = paper_append(paper);
		unsigned column = paper_print(paper, row, INDENT, paper->columns, STYLE_DIM, "%s %s  ",
			watch_clock(watch_time(change, "time"), time), watch_text(change, "event"));
		paper_wrap(paper, column, column, STYLE_PLAIN, watch_text(change, "text"), "");
	}
	if (!json_array_size(changes) && json_is_true(json_object_get(finding, "from_start")))
		put_wrapped(paper, 0, STYLE_DIM,
			"It stood from the start: nothing changed since the exporter began to watch.");
}

static void put_remedy(struct paper *paper, const json_t *finding)
{
	const json_t *remedy = json_object_get(finding, "remedy"), *command;
	bool checked = json_is_true(json_object_get(finding, "remedy_checked"));
	size_t index;
	if (json_array_size(remedy))
		put_title(paper, checked ? "Remedy (checked by lookups on this host)"
					 : "Remedy (not checked: read it before you run it)");
	json_array_foreach(remedy, index, command)
	{
		if (json_is_string(command))
			put_command(paper, json_string_value(command));
	}
}

void watch_finding_details(struct paper *paper, const struct watch_model *model,
	const struct watch_finding *finding, int64_t now_ns)
{
	const char *cause_id = watch_text(finding->json, "cause");
	const struct watch_finding *cause = *cause_id ? watch_find(model, cause_id) : NULL;
	char clock[WATCH_CLOCK_SIZE], span[WATCH_SPAN_SIZE], day[16] = "", time[RFC3339_SIZE];
	if (now_ns - finding->since_ns > LONG_NS)
		snprintf(day, sizeof(day), "%.10s ", rfc3339_format(finding->since_ns, time));
	put_wrapped(paper, 0, STYLE_BOLD, finding->summary);
	paper_print(paper, paper_append(paper), 0, paper->columns, STYLE_DIM,
		"%s %s since %s%s UTC (%s), id %s",
		finding->intended ? "intended" : severity_name(finding->severity), finding->condition, day,
		watch_clock(finding->since_ns, clock), watch_span(finding->since_ns, now_ns, span),
		finding->id);
	if (cause) {
		paper_append(paper);
		paper_wrap(paper, 0, INDENT, STYLE_PLAIN, "Explained by:", "");
		paper_wrap(paper, 14, INDENT, STYLE_PLAIN, cause->summary, "");
	}
	if (*watch_text(finding->json, "explanation")) {
		paper_append(paper);
		put_wrapped(paper, 0, STYLE_PLAIN, watch_text(finding->json, "explanation"));
	}
	put_changed(paper, finding->json);
	put_remedy(paper, finding->json);
	put_evidence(paper, json_object_get(finding->json, "evidence"));
	if (json_array_size(json_object_get(json_object_get(finding->json, "evidence"), "handshakes")))
		paper_print(paper, paper_append(paper), INDENT, paper->columns, STYLE_DIM,
			"Packets, from an exporter: /api/v1/findings/%s/evidence.pcap", finding->id);
}

/* ---- map and matrix ---- */

void watch_place_details(
	struct paper *paper, const struct watch_model *model, const struct watch_place *place)
{
	const json_t *paths = json_object_get(place->service, "paths"), *path;
	uint64_t counts[HANDSHAKE_OUTCOMES] = { 0 };
	char outcomes[OUTCOMES_TEXT_SIZE];
	size_t index;
	if (!place->service) {
		watch_outcomes(model, place->device, NULL, counts);
		paper_print(paper, paper_append(paper), 0, paper->columns, STYLE_BOLD, "%s: %s",
			watch_device(place->device),
			place->line ? "a line, by which peers beyond its link come" : "a device, no line");
		put_wrapped(paper, 0, STYLE_PLAIN, "Handshakes whose SYN took it, since the start:");
		put_wrapped(paper, INDENT, STYLE_PLAIN, *outcomes_text(counts, outcomes) ? outcomes : "none");
		return;
	}
	paper_print(paper, paper_append(paper), 0, paper->columns, STYLE_BOLD, "%s → %s, %s: %s",
		watch_text(place->service, "address"), watch_text(place->service, "target"),
		watch_text(place->service, "origin"), watch_text(place->service, "verdict"));
	put_title(paper, "Where replies go");
	json_array_foreach(paths, index, path)
	{
		char *devices = list_text(json_object_get(path, "reply_devices"));
		char *table = scalar_text(json_object_get(path, "table")), *text = NULL;
		const char *gateway = watch_text(path, "gateway");
		if (index < MOST_PATHS &&
			asprintf(&text, "%s  to %s %s that arrives by %s: leaves by %s%s%s%s%s",
				watch_text(path, "verdict"), watch_text(path, "kind"),
				watch_text(path, "destination"),
				watch_device(watch_text(path, "arrival_device")),
				devices && *devices ? devices : "nothing, no route", *gateway ? " via " : "",
				gateway, table ? ", table " : "", table ? table : "") >= 0) {
			paper_append(paper);
			paper_wrap(paper, INDENT, 2 * INDENT, STYLE_PLAIN, text, "");
			free(text);
		}
		free(devices);
		free(table);
	}
	if (index > MOST_PATHS)
		paper_print(paper, paper_append(paper), INDENT, paper->columns, STYLE_DIM, "… and %zu more",
			index - MOST_PATHS);
}

void watch_syn_details(struct paper *paper, const struct watch_model *model, const char *syn)
{
	paper_print(paper, paper_append(paper), 0, paper->columns, STYLE_BOLD, "SYN by %s, SYN-ACK by",
		watch_device(syn));
	for (size_t i = 0; i < model->synack.count; i++) {
		uint64_t counts[HANDSHAKE_OUTCOMES] = { 0 };
		char outcomes[OUTCOMES_TEXT_SIZE];
		watch_outcomes(model, syn, model->synack.items[i], counts);
		if (!*outcomes_text(counts, outcomes))
			continue;
		size_t row = paper_append(paper);
		unsigned column = paper_print(paper, row, INDENT, paper->columns, STYLE_PLAIN, "%s  ",
			watch_device(model->synack.items[i]));
		paper_wrap(paper, column, column, STYLE_PLAIN, outcomes, "");
	}
}
