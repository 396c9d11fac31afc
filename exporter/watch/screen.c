// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/watch/screen.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/clock.h"
#include "exporter/watch/details.h"

#define STALE_NS       (15 * SECOND_NS)
#define WIDE           120 /* columns from which on there is room for more than the sentence */
#define READABLE       120 /* columns of running text at most */
#define SPAN_COLUMNS   7
#define NAME_COLUMNS   16
#define LEAST_PREVIEW  4
#define SEVERITY_WIDTH 10

/* One of the screens is a list, and details of what is selected in it beneath. */
struct list {
	const char *name;
	unsigned preview; /* hundredths of the height that details may have */
	size_t (*count)(const struct watch_scene *scene);
	/* Names the row whatever comes or goes before it. */
	void (*key)(const struct watch_scene *scene, size_t index, char key[static WATCH_KEY_SIZE]);
	void (*head)(
		const struct watch_scene *scene, const struct watch_state *state, const struct paper *paper);
	void (*put)(const struct watch_scene *scene, const struct watch_state *state,
		const struct paper *paper, size_t row, size_t index);
	void (*details)(const struct watch_scene *scene, size_t index, struct paper *paper);
	void (*empty)(const struct watch_scene *scene, struct paper *paper);
};

static void put_lines(struct paper *paper, unsigned style, const char *text)
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
		put_lines(paper, STYLE_PLAIN, *scene->trouble ? "Nothing is known yet." : "Looking …");
		return;
	}
	if (watch_could_not_look(scene->model))
		put_lines(paper, STYLE_WARNING, "Could not look: nothing can be said.");
	else if (scene->early)
		put_lines(paper, STYLE_PLAIN,
			"Nothing found yet: it takes ten seconds to see that an opening of a connection fails.");
	else
		put_lines(paper, STYLE_GOOD, "No one-way connectivity found.");
	paper_append(paper);
	snprintf(text, sizeof(text),
		"Looked at %" JSON_INTEGER_FORMAT " service addresses, %zu lines, %" JSON_INTEGER_FORMAT
		" devices, %" JSON_INTEGER_FORMAT " reply routes.",
		looked_at(scene, "addresses"),
		json_array_size(json_object_get(json_object_get(scene->model->report, "looked_at"), "lines")),
		looked_at(scene, "devices"), looked_at(scene, "paths"));
	put_lines(paper, STYLE_PLAIN, text);
	watch_outcomes(scene->model, NULL, NULL, counts);
	if (scene->model->handshakes)
		snprintf(text, sizeof(text),
			"Handshakes seen since the start: %" PRIu64 " completed, %" PRIu64 " one_way.",
			counts[HANDSHAKE_COMPLETED], counts[HANDSHAKE_ONE_WAY]);
	else
		snprintf(text, sizeof(text), "Handshakes are not watched.");
	put_lines(paper, STYLE_PLAIN, text);
	snprintf(text, sizeof(text), "Watching since %s UTC.", watch_clock(scene->begun_ns, clock));
	put_lines(paper, STYLE_DIM, text);
	if (scene->events->count) {
		const struct watch_event *last = &scene->events->items[scene->events->count - 1];
		paper_append(paper);
		put_lines(paper, STYLE_DIM, "What happened last (all of it: 4)");
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
	put_lines(paper, STYLE_PLAIN, scene->model ? "No service addresses are known." : "Looking …");
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
	put_lines(paper, STYLE_DIM,
		"Counts since the start. The same device for both: as nearly everywhere. Two devices and ok: "
		"asymmetric, but it works. Two devices and one_way: the reply leaves by a device from which it "
		"does not come back to the client.");
}

static void matrix_empty(const struct watch_scene *scene, struct paper *paper)
{
	paper_append(paper);
	put_lines(paper, STYLE_PLAIN,
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
	put_lines(paper, STYLE_PLAIN, log_event(scene, index)->text);
}

static void log_empty(const struct watch_scene *scene, struct paper *paper)
{
	(void)scene;
	paper_append(paper);
	put_lines(paper, STYLE_PLAIN, "Nothing happened since watching began.");
}

static const struct list lists[VIEWS] = {
	[VIEW_FINDINGS] = { "Findings", 70, findings_count, findings_key, NULL, findings_put,
		findings_details, findings_empty },
	[VIEW_MAP] = { "Map", 40, map_count, map_key, NULL, map_put, map_details, map_empty },
	[VIEW_MATRIX] = { "Matrix", 50, matrix_count, matrix_key, matrix_head, matrix_put, matrix_details,
		matrix_empty },
	[VIEW_LOG] = { "Log", 30, log_count, log_key, NULL, log_put, log_details, log_empty },
};

/* ---- keys ---- */

static void move_to(size_t *at, size_t page, enum watch_key key)
{
	size_t step = page > 1 ? page - 1 : 1;
	if (key == WATCH_UP || key == WATCH_PAGE_UP) {
		step = key == WATCH_UP ? 1 : step;
		*at -= *at < step ? *at : step;
	} else if (key == WATCH_DOWN || key == WATCH_PAGE_DOWN) {
		*at += key == WATCH_DOWN ? 1 : step;
	} else {
		*at = key == WATCH_FIRST ? 0 : SIZE_MAX / 2; /* drawing stops at the last */
	}
}

void watch_press(struct watch_state *state, enum watch_key key)
{
	bool reads = state->help || state->open, sideways = !reads && state->view == VIEW_MATRIX;
	if (key >= WATCH_UP && key <= WATCH_LAST) {
		move_to(reads ? &state->scroll : &state->lists[state->view].at, state->page, key);
		if (!reads)
			state->lists[state->view].key[0] = '\0';
	} else if (key == WATCH_LEFT && sideways) {
		state->left -= state->left ? 1 : 0;
	} else if (key == WATCH_RIGHT && sideways) {
		state->left++;
	} else if (key == WATCH_BACK || key == WATCH_LEFT || (key == WATCH_ENTER && reads)) {
		if (!state->help)
			state->open = false;
		state->help = false;
		state->scroll = 0;
	} else if (key == WATCH_HELP) {
		state->help = !state->help;
		state->scroll = 0;
	} else if ((key == WATCH_ENTER || key == WATCH_RIGHT) && !reads) {
		state->open = true;
		state->scroll = 0;
	} else if (key == WATCH_NEXT || key == WATCH_PREVIOUS ||
		   (key >= WATCH_VIEW && key < WATCH_VIEW + VIEWS)) {
		unsigned step = key == WATCH_NEXT ? 1 : VIEWS - 1;
		state->view = key >= WATCH_VIEW ? (enum watch_view)(key - WATCH_VIEW)
						: (enum watch_view)((state->view + step) % VIEWS);
		state->open = state->help = false;
		state->scroll = 0;
	}
}

/* ---- frame ---- */

static void put_right(const struct paper *screen, size_t row, unsigned from, unsigned style, const char *text)
{
	unsigned width = paper_width(text);
	if (from + width + 1 < screen->columns)
		paper_put(screen, row, screen->columns - width, screen->columns, style, text);
}

/* The verdict, in words. Returns its style. */
static unsigned verdict_text(const struct watch_scene *scene, char *text, size_t size)
{
	const struct watch_model *model = scene->model;
	size_t total = 0, used;
	enum severity worst = SEVERITY_INFO;
	if (!model) {
		snprintf(text, size, *scene->trouble ? "NO ANSWER" : "looking …");
		return *scene->trouble ? STYLE_WARNING : STYLE_PLAIN;
	}
	for (enum severity severity = 0; severity < SEVERITIES; severity++) {
		total += model->incidents[severity];
		worst = model->incidents[severity] ? severity : worst;
	}
	bool blind = json_array_size(json_object_get(model->report, "unwatched")) > 0;
	if (total == 0 && watch_could_not_look(model)) {
		snprintf(text, size, "COULD NOT LOOK");
		return STYLE_WARNING;
	}
	if (total == 0 && scene->early) {
		snprintf(text, size, "no findings yet, looking …");
		return STYLE_PLAIN;
	}
	if (total == 0) {
		snprintf(text, size,
			blind ? "no findings, but not all is watched" : "all is well, no findings");
		return STYLE_GOOD;
	}
	used = (size_t)snprintf(text, size, "%zu %s", total, total == 1 ? "INCIDENT" : "INCIDENTS");
	for (enum severity severity = SEVERITIES; severity-- > 0;)
		if (model->incidents[severity] && used < size)
			used += (size_t)snprintf(text + used, size - used, ", %zu %s",
				model->incidents[severity], severity_name(severity));
	return watch_severity_style(worst);
}

static void put_header(const struct watch_scene *scene, const struct paper *screen)
{
	char text[160], clock[WATCH_CLOCK_SIZE], time[WATCH_CLOCK_SIZE + 8];
	unsigned style = verdict_text(scene, text, sizeof(text));
	unsigned column =
		screen->columns >= 40 ? paper_put(screen, 0, 0, screen->columns, STYLE_BOLD, " oneway ") : 0;
	column = paper_print(screen, 0, column, screen->columns, style | STYLE_REVERSE, " %s ", text);
	if (*scene->trouble && scene->model)
		column = paper_put(
			screen, 0, column, screen->columns, STYLE_WARNING, " as of the last answer");
	snprintf(time, sizeof(time), "%s UTC", watch_clock(scene->now_ns, clock));
	put_right(screen, 0, column, STYLE_PLAIN, time);
}

static void put_tabs(
	const struct watch_scene *scene, const struct watch_state *state, const struct paper *screen)
{
	unsigned column = 1;
	for (size_t i = 0; i < VIEWS; i++) {
		bool here = state->view == i && !state->help;
		char number[32] = "";
		if (i == VIEW_FINDINGS && findings_count(scene))
			snprintf(number, sizeof(number), " (%zu)", findings_count(scene));
		column = paper_print(screen, 1, column, screen->columns,
			here ? STYLE_BOLD | STYLE_REVERSE : STYLE_PLAIN, "%s%zu %s%s%s", here ? "[" : " ",
			i + 1, lists[i].name, number, here ? "]" : " ");
		column++;
	}
	put_right(screen, 1, column, STYLE_DIM, "Tab: next view ");
}

static bool put_unwatched(const struct watch_scene *scene, const struct paper *screen, size_t row)
{
	const json_t *parts = scene->model ? json_object_get(scene->model->report, "unwatched") : NULL, *part;
	size_t index;
	unsigned column = 1;
	if (!json_array_size(parts))
		return false;
	column = paper_put(screen, row, column, screen->columns, STYLE_WARNING, "! Not watched:");
	json_array_foreach(parts, index, part)
	{
		bool all = strcmp(watch_text(part, "part"), "all") == 0;
		column = paper_print(screen, row, column, screen->columns, STYLE_WARNING, "%s %s%s%s (%s)",
			index ? "," : "", watch_text(part, "collector"), all ? "" : " ",
			all ? "" : watch_text(part, "part"), watch_text(part, "reason"));
	}
	return true;
}

static void put_status(const struct watch_scene *scene, const struct watch_state *state,
	const struct paper *screen, size_t row)
{
	char clock[WATCH_CLOCK_SIZE], span[WATCH_SPAN_SIZE];
	if (*scene->trouble) {
		paper_print(screen, row, 0, screen->columns, STYLE_WARNING | STYLE_REVERSE,
			" UNREACHABLE since %s UTC (%s): %s: %s ",
			watch_clock(scene->trouble_since_ns, clock),
			watch_span(scene->trouble_since_ns, scene->now_ns, span), scene->source,
			scene->trouble);
		return;
	}
	unsigned column = paper_print(screen, row, 1, screen->columns, STYLE_DIM, "%s", scene->source);
	if (scene->quiet_ns > STALE_NS)
		column = paper_print(screen, row, column, screen->columns, STYLE_WARNING,
			", has judged nothing for %" PRId64 " s", scene->quiet_ns / SECOND_NS);
	const char *keys = state->help || state->open ? "Esc back  ? help  q quit "
						      : "j k move  Enter details  ? help  q quit ";
	put_right(screen, row, column, STYLE_DIM,
		column + paper_width(keys) + 1 < screen->columns ? keys : "?:help q:quit");
}

/* ---- content ---- */

static void put_help(const struct watch_scene *scene, size_t index, struct paper *paper)
{
	static const struct {
		const char *keys, *text;
	} help[] = {
		{ "Tab, Shift-Tab", "the next view, the one before" },
		{ "1 2 3 4", "findings, map, matrix, log" },
		{ "j k, arrows", "select, or scroll what is open" },
		{ "PgDn PgUp, g G", "by pages, to the first, to the last" },
		{ "Enter, l", "details: explanation, what changed, remedy, evidence" },
		{ "Esc, h", "back" },
		{ "h l", "in the matrix: sideways" },
		{ "Ctrl-L", "draw the screen anew" },
		{ "q", "quit" },
	};
	(void)scene;
	(void)index;
	paper_append(paper);
	for (size_t i = 0; i < sizeof(help) / sizeof(*help); i++) {
		size_t row = paper_append(paper);
		paper_put(paper, row, 2, paper->columns, STYLE_BOLD, help[i].keys);
		paper_wrap(paper, 19, 19, STYLE_PLAIN, help[i].text, "");
	}
	paper_append(paper);
	put_lines(paper, STYLE_PLAIN,
		"Findings: what is wrong, worst first; what is indented is explained by what stands above it. Map: "
		"devices, beneath each the addresses whose requests come by it, and by which device their replies "
		"leave. Matrix: handshakes by the device of the SYN (rows) and of the SYN-ACK (columns). Log: what "
		"opened, closed or became worse while you watched. Times are UTC. See oneway(1).");
}

typedef void put_details(const struct watch_scene *scene, size_t index, struct paper *paper);

/* Rows of details from *scroll on, which is kept within what there is. Returns how many there are in all. */
static size_t draw_details(const struct watch_scene *scene, put_details *put, size_t index, size_t *scroll,
	const struct paper *screen, size_t row, size_t height)
{
	const unsigned columns = screen->columns < READABLE ? screen->columns : READABLE;
	struct paper window;
	size_t rows = 0;
	for (int counted = 0; counted < 2; counted++) {
		if (paper_open(&window, columns, *scroll, counted ? height : 0) < 0)
			return 0;
		put(scene, index, &window);
		rows = window.rows;
		if (*scroll + height > rows)
			*scroll = rows > height ? rows - height : 0;
		if (counted)
			paper_copy(screen, row, &window);
		paper_close(&window);
	}
	return rows;
}

static void put_bar(const struct paper *screen, size_t row, const char *left, const char *right)
{
	for (unsigned column = 0; column < screen->columns;)
		column = paper_put(screen, row, column, screen->columns, STYLE_DIM, "─");
	unsigned column = paper_print(screen, row, 2, screen->columns, STYLE_DIM, " %s ", left);
	put_right(screen, row, column, STYLE_DIM, right);
}

static void draw_pages(const struct watch_scene *scene, struct watch_state *state, put_details *put,
	size_t index, const struct paper *screen, size_t row, size_t height)
{
	char place[64] = "";
	state->page = height > 1 ? height - 1 : 1;
	size_t rows = draw_details(scene, put, index, &state->scroll, screen, row + 1, state->page);
	if (rows > state->page)
		snprintf(place, sizeof(place), " %zu-%zu of %zu, j for more ", state->scroll + 1,
			state->scroll + state->page, rows);
	put_bar(screen, row, state->help ? "Help" : "Details", place);
}

/* Keeps the selection on what it was on. */
static void settle_selection(const struct watch_scene *scene, struct watch_state *state, size_t count)
{
	const struct list *list = &lists[state->view];
	char *key = state->lists[state->view].key, other[WATCH_KEY_SIZE];
	size_t *at = &state->lists[state->view].at;
	*at = *at < count ? *at : count ? count - 1 : 0;
	for (size_t i = 0; *key && i < count; i++) {
		list->key(scene, (*at + i) % count, other);
		if (strcmp(key, other) == 0) {
			*at = (*at + i) % count;
			return;
		}
	}
	if (*key)
		state->scroll = 0;
	key[0] = '\0';
	if (count)
		list->key(scene, *at, key);
}

static void draw_list(const struct watch_scene *scene, struct watch_state *state, const struct paper *screen,
	size_t row, size_t height)
{
	const struct list *list = &lists[state->view];
	const size_t count = list->count(scene), at = state->lists[state->view].at;
	size_t head = list->head ? 1 : 0, preview = height * list->preview / 100, scroll = 0;
	struct paper window;
	if (preview < LEAST_PREVIEW || height < head + preview + 2)
		preview = 0;
	size_t shown = height - head - preview;
	if (shown > count) {
		preview = preview ? preview + shown - count : 0;
		shown = count;
	}
	if (height <= head) {
		head = 0;
		shown = height;
	}
	size_t top = at > shown / 2 ? at - shown / 2 : 0;
	if (top + shown > count)
		top = count > shown ? count - shown : 0;
	state->page = shown;
	if (paper_open(&window, screen->columns, 0, head + shown) < 0)
		return;
	if (head)
		list->head(scene, state, &window);
	for (size_t i = 0; i < shown && top + i < count; i++) {
		struct cell *cells = paper_row(&window, head + i);
		list->put(scene, state, &window, head + i, top + i);
		for (unsigned j = 0; top + i == at && j < window.columns; j++)
			cells[j].style |= STYLE_REVERSE;
		if (top + i == at)
			paper_put(&window, head + i, 0, 1, STYLE_BOLD | STYLE_REVERSE, ">");
	}
	paper_copy(screen, row, &window);
	paper_close(&window);
	if (preview < 2)
		return;
	size_t rows =
		draw_details(scene, list->details, at, &scroll, screen, row + head + shown + 1, preview - 1);
	char place[64] = "";
	if (count > shown)
		snprintf(place, sizeof(place), " row %zu of %zu ", at + 1, count);
	put_bar(screen, row + head + shown, rows > preview - 1 ? "Details (Enter: all)" : "Details", place);
}

static void draw_content(const struct watch_scene *scene, struct watch_state *state,
	const struct paper *screen, size_t row, size_t height)
{
	const struct list *list = &lists[state->view];
	size_t count = list->count(scene);
	struct paper window;
	settle_selection(scene, state, count);
	size_t columns = scene->model ? scene->model->synack.count : 0;
	if (state->left >= columns)
		state->left = columns ? columns - 1 : 0;
	if (state->help)
		draw_pages(scene, state, put_help, 0, screen, row, height);
	else if (count && state->open)
		draw_pages(scene, state, list->details, state->lists[state->view].at, screen, row, height);
	else if (count)
		draw_list(scene, state, screen, row, height);
	else if (paper_open(&window, screen->columns, 0, height) == 0) {
		state->open = false;
		list->empty(scene, &window);
		paper_copy(screen, row, &window);
		paper_close(&window);
	}
}

void watch_draw(const struct watch_scene *scene, struct watch_state *state, const struct paper *screen)
{
	size_t top = 1, bottom = screen->height;
	if (screen->height == 0 || screen->columns == 0)
		return;
	put_header(scene, screen);
	if (screen->height >= 6) {
		put_tabs(scene, state, screen);
		top = screen->height >= 12 ? 3 : 2;
	}
	if (screen->height >= 3 || (screen->height == 2 && *scene->trouble))
		put_status(scene, state, screen, --bottom);
	if (screen->height >= 8 && put_unwatched(scene, screen, bottom - 1))
		bottom--;
	if (bottom > top)
		draw_content(scene, state, screen, top, bottom - top);
}
