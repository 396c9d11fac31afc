// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/watch/screen.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "collectors/base/clock.h"
#include "exporter/watch/details.h"
#include "exporter/watch/views.h"

#define STALE_NS      (15 * SECOND_NS)
#define READABLE      120 /* columns of running text at most */
#define LEAST_PREVIEW 4

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
		if (i == VIEW_FINDINGS && watch_lists[VIEW_FINDINGS].count(scene))
			snprintf(number, sizeof(number), " (%zu)", watch_lists[VIEW_FINDINGS].count(scene));
		column = paper_print(screen, 1, column, screen->columns,
			here ? STYLE_BOLD | STYLE_REVERSE : STYLE_PLAIN, "%s%zu %s%s%s", here ? "[" : " ",
			i + 1, watch_lists[i].name, number, here ? "]" : " ");
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
	watch_put_text(paper, STYLE_PLAIN,
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
	const struct watch_list *list = &watch_lists[state->view];
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
	const struct watch_list *list = &watch_lists[state->view];
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
	const struct watch_list *list = &watch_lists[state->view];
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
