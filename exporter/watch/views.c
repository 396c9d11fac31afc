// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/watch/views.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "exporter/watch/details.h"

#define WIDE           120 /* columns from which on there is room for more than the sentence */
#define SPAN_COLUMNS   7
#define SEVERITY_WIDTH 10

void watch_put_text(struct paper *paper, unsigned style, const char *text)
{
	paper_append(paper);
	paper_wrap(paper, 1, 1, style, text, "");
}

/* ---- findings ---- */

static size_t findings_count(const struct watch_scene *scene)
{
	return scene->model ? scene->model->finding_count : 0;
}

static void findings_key(const struct watch_scene *scene, size_t index, char key[static WATCH_KEY_SIZE])
{
	snprintf(key, WATCH_KEY_SIZE, "%s", scene->model->findings[index].id);
}

static void findings_put(const struct watch_scene *scene, const struct watch_state *state,
	const struct paper *paper, size_t row, size_t index)
{
	const struct watch_finding *finding = &scene->model->findings[index];
	const unsigned right =
		paper->columns > SEVERITY_WIDTH + 2 * SPAN_COLUMNS ? paper->columns - SPAN_COLUMNS - 1 : 0;
	const char *severity = finding->intended ? "intended" : severity_name(finding->severity);
	char span[WATCH_SPAN_SIZE];
	(void)state;
	paper_put(paper, row, 2, paper->columns,
		finding->intended ? STYLE_DIM : watch_severity_style(finding->severity), severity);
	unsigned column = 2 + SEVERITY_WIDTH + 2 * (finding->depth < 8 ? finding->depth : 8);
	if (finding->depth)
		paper_put(paper, row, column - 2, paper->columns, STYLE_DIM, "└ ");
	if (paper->columns >= WIDE) {
		paper_put(paper, row, column, paper->columns, STYLE_DIM, finding->condition);
		column = 2 + SEVERITY_WIDTH + 28;
	}
	paper_put(paper, row, column, right ? right : paper->columns,
		finding->depth ? STYLE_PLAIN : STYLE_BOLD, finding->summary);
	watch_span(finding->since_ns, scene->now_ns, span);
	if (right)
		paper_print(paper, row, right + 1, paper->columns, STYLE_DIM, "%*s", SPAN_COLUMNS - 1, span);
}

static void findings_details(const struct watch_scene *scene, size_t index, struct paper *paper)
{
	watch_finding_details(paper, scene->model, &scene->model->findings[index], scene->now_ns);
}

static json_int_t looked_at(const struct watch_scene *scene, const char *key)
{
	return json_integer_value(json_object_get(json_object_get(scene->model->report, "looked_at"), key));
}

static void findings_empty(const struct watch_scene *scene, struct paper *paper)
{
	uint64_t counts[HANDSHAKE_OUTCOMES] = { 0 };
	char text[512], clock[WATCH_CLOCK_SIZE];
	paper_append(paper);
	if (!scene->model) {
		watch_put_text(paper, STYLE_PLAIN, *scene->trouble ? "Nothing is known yet." : "Looking …");
		return;
	}
	if (watch_could_not_look(scene->model))
		watch_put_text(paper, STYLE_WARNING, "Could not look: nothing can be said.");
	else if (scene->early)
		watch_put_text(paper, STYLE_PLAIN,
			"Nothing found yet: it takes ten seconds to see that an opening of a connection fails.");
	else
		watch_put_text(paper, STYLE_GOOD, "No one-way connectivity found.");
	paper_append(paper);
	snprintf(text, sizeof(text),
		"Looked at %" JSON_INTEGER_FORMAT " service addresses, %zu lines, %" JSON_INTEGER_FORMAT
		" devices, %" JSON_INTEGER_FORMAT " reply routes.",
		looked_at(scene, "addresses"),
		json_array_size(json_object_get(json_object_get(scene->model->report, "looked_at"), "lines")),
		looked_at(scene, "devices"), looked_at(scene, "paths"));
	watch_put_text(paper, STYLE_PLAIN, text);
	watch_outcomes(scene->model, NULL, NULL, counts);
	if (scene->model->handshakes)
		snprintf(text, sizeof(text),
			"Handshakes seen since the start: %" PRIu64 " completed, %" PRIu64 " one_way.",
			counts[HANDSHAKE_COMPLETED], counts[HANDSHAKE_ONE_WAY]);
	else
		snprintf(text, sizeof(text), "Handshakes are not watched.");
	watch_put_text(paper, STYLE_PLAIN, text);
	snprintf(text, sizeof(text), "Watching since %s UTC.", watch_clock(scene->begun_ns, clock));
	watch_put_text(paper, STYLE_DIM, text);
	if (scene->events->count) {
		const struct watch_event *last = &scene->events->items[scene->events->count - 1];
		paper_append(paper);
		watch_put_text(paper, STYLE_DIM, "What happened last (all of it: 4)");
		size_t row = paper_append(paper);
		paper_put(paper, row, 1, paper->columns, STYLE_DIM, watch_clock(last->time_ns, clock));
		paper_wrap(paper, 11, 11, STYLE_PLAIN, last->text, "");
	}
}

/* ---- the map ---- */

static size_t map_count(const struct watch_scene *scene)
{
	return scene->model ? scene->model->place_count : 0;
}

static void map_key(const struct watch_scene *scene, size_t index, char key[static WATCH_KEY_SIZE])
{
	const struct watch_place *place = &scene->model->places[index];
	snprintf(key, WATCH_KEY_SIZE, "%s %s %s %s", place->device, watch_text(place->service, "origin"),
		watch_text(place->service, "address"), watch_text(place->service, "target"));
}

#define DEVICES_SIZE 128

/* By which devices replies leave, each once, "wan1, wan2"; "" if by none. Returns text. */
static const char *reply_devices(const json_t *service, char text[static DEVICES_SIZE])
{
	const char *names[8];
	const json_t *paths = json_object_get(service, "paths"), *path, *device;
	size_t count = 0, used = 0, index, inner;
	json_array_foreach(paths, index, path)
	{
		const json_t *devices = json_object_get(path, "reply_devices");
		json_array_foreach(devices, inner, device)
		{
			const char *name = json_string_value(device);
			size_t at = 0;
			while (name && at < count && strcmp(names[at], name) != 0)
				at++;
			if (name && at == count && count < sizeof(names) / sizeof(*names))
				names[count++] = name;
		}
	}
	text[0] = '\0';
	for (size_t i = 0; i < count && used < DEVICES_SIZE; i++)
		used += (size_t)snprintf(text + used, DEVICES_SIZE - used, "%s%s", i ? ", " : "", names[i]);
	return text;
}

static enum paper_style verdict_style(const char *verdict)
{
	static const struct {
		const char *verdict;
		enum paper_style style;
	} styles[] = { { "covered", STYLE_GOOD }, { "partly", STYLE_WARNING },
		{ "uncovered", STYLE_CRITICAL }, { "no_route", STYLE_CRITICAL },
		{ "unknown", STYLE_WARNING } };
	for (size_t i = 0; i < sizeof(styles) / sizeof(*styles); i++)
		if (strcmp(styles[i].verdict, verdict) == 0)
			return styles[i].style;
	return STYLE_DIM;
}

static void map_put_device(const struct watch_scene *scene, const struct paper *paper, size_t row,
	const struct watch_place *place)
{
	uint64_t counts[HANDSHAKE_OUTCOMES] = { 0 };
	unsigned column = paper_print(paper, row, 2, paper->columns, STYLE_BOLD, "%s  ",
		*place->device ? place->device : "(no known device)");
	if (place->line)
		column = paper_put(paper, row, column, paper->columns, STYLE_INFO, "line  ");
	column = paper_print(paper, row, column, paper->columns, STYLE_PLAIN, "%zu %s", place->services,
		place->services == 1 ? "address" : "addresses");
	if (place->wrong)
		column = paper_print(
			paper, row, column, paper->columns, STYLE_CRITICAL, ", %zu wrong", place->wrong);
	watch_outcomes(scene->model, place->device, NULL, counts);
	if (*place->device && counts[HANDSHAKE_COMPLETED])
		column = paper_print(paper, row, column, paper->columns, STYLE_PLAIN,
			", %" PRIu64 " handshakes completed", counts[HANDSHAKE_COMPLETED]);
	if (*place->device && counts[HANDSHAKE_ONE_WAY])
		paper_print(paper, row, column, paper->columns, STYLE_CRITICAL, ", %" PRIu64 " one_way",
			counts[HANDSHAKE_ONE_WAY]);
}

static void map_put(const struct watch_scene *scene, const struct watch_state *state,
	const struct paper *paper, size_t row, size_t index)
{
	const struct watch_place *place = &scene->model->places[index];
	const json_t *flows = json_object_get(place->service, "flows");
	const json_int_t half = json_integer_value(json_object_get(flows, "half_open"));
	const json_int_t open = json_integer_value(json_object_get(flows, "open"));
	const char *address = watch_text(place->service, "address"),
		   *target = watch_text(place->service, "target"),
		   *verdict = watch_text(place->service, "verdict");
	char devices[DEVICES_SIZE];
	(void)state;
	if (!place->service) {
		map_put_device(scene, paper, row, place);
		return;
	}
	paper_put(paper, row, 4, paper->columns, verdict_style(verdict), verdict);
	unsigned column = paper_put(paper, row, 15, paper->columns, STYLE_PLAIN, address);
	if (strcmp(address, target) != 0)
		column = paper_print(paper, row, column, paper->columns, STYLE_PLAIN, " → %s", target);
	column = paper->columns >= WIDE && column < 60 ? 60 : column;
	if (*reply_devices(place->service, devices))
		column = paper_print(
			paper, row, column, paper->columns, STYLE_PLAIN, "  replies by %s", devices);
	column = paper->columns >= WIDE && column < 90 ? 90 : column;
	if (half)
		column = paper_print(paper, row, column, paper->columns, STYLE_WARNING,
			"  %" JSON_INTEGER_FORMAT " half-open", half);
	if (open)
		paper_print(paper, row, column, paper->columns, STYLE_PLAIN,
			"  %" JSON_INTEGER_FORMAT " open", open);
}

static void map_details(const struct watch_scene *scene, size_t index, struct paper *paper)
{
	watch_place_details(paper, scene->model, &scene->model->places[index]);
}

static void map_empty(const struct watch_scene *scene, struct paper *paper)
{
	paper_append(paper);
	watch_put_text(paper, STYLE_PLAIN, scene->model ? "No service addresses are known." : "Looking …");
}

/* ---- the matrix ---- */

static size_t matrix_count(const struct watch_scene *scene)
{
	return scene->model ? scene->model->syn.count : 0;
}

static void matrix_key(const struct watch_scene *scene, size_t index, char key[static WATCH_KEY_SIZE])
{
	snprintf(key, WATCH_KEY_SIZE, "d%s", scene->model->syn.items[index]);
}

#define MATRIX_CELL    20 /* columns, with the gap */
#define MATRIX_FIRST   18
#define CELL_TEXT_SIZE 80

/* What matters most of how they ended, at most two kinds: "3 one_way 120 ok"; + for more. Returns text. */
static const char *cell_text(
	const uint64_t counts[static HANDSHAKE_OUTCOMES], char text[static CELL_TEXT_SIZE])
{
	static const struct {
		enum handshake_outcome outcome;
		const char *word;
	} order[HANDSHAKE_OUTCOMES] = {
		{ HANDSHAKE_ONE_WAY, "one_way" },
		{ HANDSHAKE_RETURN_ONLY, "return_only" },
		{ HANDSHAKE_COMPLETED, "ok" },
		{ HANDSHAKE_UNANSWERED, "unanswered" },
		{ HANDSHAKE_ABANDONED, "abandoned" },
		{ HANDSHAKE_REFUSED, "refused" },
	};
	size_t used = 0, kinds = 0;
	snprintf(text, CELL_TEXT_SIZE, "·");
	for (size_t i = 0; i < HANDSHAKE_OUTCOMES; i++) {
		uint64_t count = counts[order[i].outcome];
		if (!count || ++kinds > 2)
			continue;
		used += (size_t)snprintf(text + used, CELL_TEXT_SIZE - used, "%s%" PRIu64 " %s",
			used ? " " : "", count, order[i].word);
	}
	if (kinds > 2)
		snprintf(text + used, CELL_TEXT_SIZE - used, " +");
	return text;
}

static unsigned cell_style(const uint64_t counts[static HANDSHAKE_OUTCOMES], bool diagonal)
{
	if (counts[HANDSHAKE_ONE_WAY] || counts[HANDSHAKE_RETURN_ONLY])
		return diagonal ? STYLE_WARNING : STYLE_CRITICAL;
	if (counts[HANDSHAKE_COMPLETED])
		return diagonal ? STYLE_GOOD : STYLE_INFO;
	return STYLE_DIM;
}

static void matrix_head(
	const struct watch_scene *scene, const struct watch_state *state, const struct paper *paper)
{
	const struct watch_names *names = &scene->model->synack;
	unsigned column = MATRIX_FIRST;
	paper_put(paper, 0, 2, MATRIX_FIRST, STYLE_DIM, state->left ? "SYN \\ SYN-ACK …" : "SYN \\ SYN-ACK");
	for (size_t i = state->left; i < names->count && column < paper->columns; i++, column += MATRIX_CELL)
		paper_put(paper, 0, column, column + MATRIX_CELL - 1, STYLE_BOLD,
			*names->items[i] ? names->items[i] : "(not seen)");
}

static void matrix_put(const struct watch_scene *scene, const struct watch_state *state,
	const struct paper *paper, size_t row, size_t index)
{
	const struct watch_model *model = scene->model;
	const char *syn = model->syn.items[index];
	unsigned column = MATRIX_FIRST;
	paper_put(paper, row, 2, MATRIX_FIRST - 1, STYLE_BOLD, *syn ? syn : "(not seen)");
	for (size_t i = state->left; i < model->synack.count && column < paper->columns;
		i++, column += MATRIX_CELL) {
		const char *synack = model->synack.items[i];
		uint64_t counts[HANDSHAKE_OUTCOMES] = { 0 };
		char text[CELL_TEXT_SIZE];
		watch_outcomes(model, syn, synack, counts);
		paper_put(paper, row, column, column + MATRIX_CELL - 1,
			cell_style(counts, strcmp(syn, synack) == 0), cell_text(counts, text));
	}
}

static void matrix_details(const struct watch_scene *scene, size_t index, struct paper *paper)
{
	watch_syn_details(paper, scene->model, scene->model->syn.items[index]);
	paper_append(paper);
	watch_put_text(paper, STYLE_DIM,
		"Counts since the start. The same device for both: as nearly everywhere. Two devices and ok: "
		"asymmetric, but it works. Two devices and one_way: the reply leaves by a device from which it "
		"does not come back to the client.");
}

static void matrix_empty(const struct watch_scene *scene, struct paper *paper)
{
	paper_append(paper);
	watch_put_text(paper, STYLE_PLAIN,
		!scene->model              ? "Looking …"
		: scene->model->handshakes ? "No handshakes were seen yet."
					   : "Handshakes are not watched.");
}

/* ---- the log ---- */

static size_t log_count(const struct watch_scene *scene)
{
	return scene->events->count;
}

static void log_key(const struct watch_scene *scene, size_t index, char key[static WATCH_KEY_SIZE])
{
	snprintf(key, WATCH_KEY_SIZE, "%" PRIu64, scene->events->total - index);
}

static const struct watch_event *log_event(const struct watch_scene *scene, size_t index)
{
	return &scene->events->items[scene->events->count - 1 - index];
}

static void log_put(const struct watch_scene *scene, const struct watch_state *state,
	const struct paper *paper, size_t row, size_t index)
{
	const struct watch_event *event = log_event(scene, index);
	char clock[WATCH_CLOCK_SIZE];
	(void)state;
	paper_put(paper, row, 2, paper->columns, STYLE_DIM, watch_clock(event->time_ns, clock));
	paper_put(paper, row, 12, paper->columns,
		event->good ? STYLE_GOOD : watch_severity_style(event->severity), event->text);
}

static void log_details(const struct watch_scene *scene, size_t index, struct paper *paper)
{
	watch_put_text(paper, STYLE_PLAIN, log_event(scene, index)->text);
}

static void log_empty(const struct watch_scene *scene, struct paper *paper)
{
	(void)scene;
	paper_append(paper);
	watch_put_text(paper, STYLE_PLAIN, "Nothing happened since watching began.");
}

const struct watch_list watch_lists[VIEWS] = {
	[VIEW_FINDINGS] = { "Findings", 70, findings_count, findings_key, NULL, findings_put,
		findings_details, findings_empty },
	[VIEW_MAP] = { "Map", 40, map_count, map_key, NULL, map_put, map_details, map_empty },
	[VIEW_MATRIX] = { "Matrix", 50, matrix_count, matrix_key, matrix_head, matrix_put, matrix_details,
		matrix_empty },
	[VIEW_LOG] = { "Log", 30, log_count, log_key, NULL, log_put, log_details, log_empty },
};
