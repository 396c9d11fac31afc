// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include <ctype.h>
#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/clock.h"
#include "collectors/base/rfc3339.h"
#include "exporter/output/json.h"
#include "exporter/watch/screen.h"
#include "tests/support/paper_text.h"
#include "tests/support/sample.h"

#define NOW_NS INT64_C(1767323045678000000) /* 2026-01-02T03:04:05.678Z, the sample's */

/* ---- what is looked at ---- */

static struct watch_model *model_of(json_t *report, json_t *addresses, json_t *handshakes)
{
	struct watch_model *model = NULL;
	assert_int_equal(watch_model_make(report, addresses, handshakes, &model), 0);
	return model;
}

static json_t *json(const char *text)
{
	json_t *value = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(value);
	return value;
}

/* What an exporter over the sample host would answer. */
static struct watch_model *sample_model(void)
{
	struct snapshot snapshot = sample_snapshot();
	struct watch_model *model = model_of(json_report(snapshot.findings, snapshot.facts),
		json_address_report(snapshot.findings, snapshot.facts), json_handshakes(snapshot.facts));
	sample_free(&snapshot);
	return model;
}

static struct watch_model *report_model(const char *report)
{
	return model_of(json(report), NULL, NULL);
}

static const struct watch_events no_events = { 0 };

static struct watch_scene scene_of(const struct watch_model *model)
{
	return (struct watch_scene){ .model = model,
		.events = &no_events,
		.source = "http://localhost:10150",
		.trouble = "",
		.begun_ns = NOW_NS - 60 * SECOND_NS,
		.now_ns = NOW_NS };
}

static char *drawn(
	const struct watch_scene *scene, struct watch_state *state, unsigned rows, unsigned columns)
{
	struct paper paper;
	assert_int_equal(paper_open(&paper, columns, 0, rows), 0);
	watch_draw(scene, state, &paper);
	char *text = paper_text(&paper);
	paper_close(&paper);
	return text;
}

static void assert_shows(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("%s\nlacks\n%s", text, part);
}

static void assert_hides(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("%s\nhas\n%s", text, part);
}

static void assert_screen_shows(const struct watch_scene *scene, struct watch_state *state, unsigned rows,
	unsigned columns, const char *const *parts)
{
	char *text = drawn(scene, state, rows, columns);
	for (; *parts; parts++)
		assert_shows(text, *parts);
	free(text);
}

#define SHOWS(scene, state, rows, columns, ...) \
	assert_screen_shows(scene, state, rows, columns, (const char *const[]){ __VA_ARGS__, NULL })

static void press(struct watch_state *state, const enum watch_key *keys, size_t count)
{
	for (size_t i = 0; i < count; i++)
		watch_press(state, keys[i]);
}

#define PRESS(state, ...)                                     \
	press(state, (const enum watch_key[]){ __VA_ARGS__ }, \
		sizeof((const enum watch_key[]){ __VA_ARGS__ }) / sizeof(enum watch_key))

/* ---- findings ---- */

#define FINDING(id, severity, cause, intended)                                                                        \
	"{\"id\":\"" id "\",\"condition\":\"return_only\",\"severity\":\"" severity                                   \
	"\",\"since\":\"2026-01-02T03:02:05Z\",\"summary\":\"summary of " id "\",\"explanation\":\"why " id           \
	"\",\"cause\":" cause ",\"intended\":" intended ",\"remedy\":[\"heal " id                                     \
	"\"],\"remedy_checked\":true,"                                                                                \
	"\"changed\":[{\"time\":\"2026-01-02T03:02:04Z\",\"kind\":\"rule\",\"event\":\"removed\",\"text\":\"from " id \
	" lookup 102\"}],\"evidence\":{\"peers\":[\"192.0.2.7\",\"192.0.2.8\"],\"half_open\":3}}"

static void a_finding_is_shown_with_all_that_is_known_of_it(void **state)
{
	(void)state;
	struct watch_model *model =
		report_model("{\"findings\":[" FINDING("aa", "critical", "null", "false") "]}");
	struct watch_scene scene = scene_of(model);
	struct watch_state chosen = { 0 };
	SHOWS(&scene, &chosen, 24, 80, " oneway  1 INCIDENT, 1 critical", "03:04:05 UTC\n",
		"[1 Findings (1)]", "\n> critical  summary of aa", " 2 min\n", "\nsummary of aa\n",
		"\ncritical return_only since 03:02:05 UTC (2 min), id aa\n", "\nwhy aa\n",
		"\nWhat changed before (UTC)\n  03:02:04 removed  from aa lookup 102\n",
		"\nRemedy (checked by lookups on this host)\n  heal aa\n",
		"\nEvidence\n  peers      192.0.2.7, 192.0.2.8\n  half_open  3\n", "? help  q quit\n");
	watch_model_free(model);
}

static void symptoms_stand_beneath_their_cause_and_intended_ones_last(void **state)
{
	(void)state;
	struct watch_model *model = report_model(
		"{\"findings\":[" FINDING("in", "critical", "null", "true") "," FINDING("ca", "warning",
			"null", "false") "," FINDING("sy", "critical", "\"ca\"", "false") "," FINDING("sz",
			"info", "\"sy\"", "false") "," FINDING("lo", "info", "\"lo\"", "false") "]}");
	struct watch_scene scene = scene_of(model);
	struct watch_state chosen = { 0 };
	SHOWS(&scene, &chosen, 40, 80, "2 INCIDENTS, 1 warning, 1 info", "\n> warning   summary of ca ",
		"\n  critical  └ summary of sy ", "\n  info        └ summary of sz ",
		"\n  info      summary of lo ", "\n  intended  summary of in ");
	assert_string_equal(model->findings[4].id, "in");
	PRESS(&chosen, WATCH_DOWN, WATCH_ENTER);
	SHOWS(&scene, &chosen, 24, 80, "Explained by: summary of ca\n");
	watch_model_free(model);
}

static void the_verdict_says_what_is_not_watched(void **state)
{
	(void)state;
	static const char *const reports[][3] = {
		{ "{\"findings\":[],\"unwatched\":[]}", "all is well, no findings",
			"No one-way connectivity found." },
		{ "{\"findings\":[],\"unwatched\":[{\"collector\":\"drops\",\"part\":\"all\",\"reason\":"
		  "\"permission\"},{\"collector\":\"handshake\",\"part\":\"devices\",\"reason\":\"limit\"}]}",
			"no findings, but not all is watched",
			"! Not watched: drops (permission), handshake devices (limit)" },
		{ "{\"findings\":[],\"unwatched\":[{\"collector\":\"route\",\"part\":\"all\",\"reason\":"
		  "\"permission\"}]}",
			"COULD NOT LOOK", "Could not look: nothing can be said." },
	};
	for (size_t i = 0; i < 3; i++) {
		struct watch_model *model = report_model(reports[i][0]);
		struct watch_scene scene = scene_of(model);
		struct watch_state chosen = { 0 };
		SHOWS(&scene, &chosen, 24, 80, reports[i][1], reports[i][2]);
		watch_model_free(model);
	}
	struct watch_model *model = report_model(reports[0][0]);
	struct watch_scene scene = scene_of(model);
	struct watch_state chosen = { 0 };
	scene.early = true;
	SHOWS(&scene, &chosen, 24, 80, "no findings yet, looking …", "Nothing found yet");
	watch_model_free(model);
}

static void an_exporter_that_is_gone_is_named_with_the_time(void **state)
{
	(void)state;
	struct watch_model *model =
		report_model("{\"findings\":[" FINDING("aa", "critical", "null", "false") "]}");
	struct watch_scene scene = scene_of(model);
	struct watch_state chosen = { 0 };
	scene.trouble = "Connection refused\033[2J";
	scene.trouble_since_ns = NOW_NS - 12 * SECOND_NS;
	SHOWS(&scene, &chosen, 24, 100, "1 INCIDENT, 1 critical  as of the last answer", "summary of aa",
		" UNREACHABLE since 03:03:53 UTC (12 s): http://localhost:10150: Connection refused\\x1b[2J");
	scene.model = NULL;
	SHOWS(&scene, &chosen, 24, 80, "NO ANSWER", "Nothing is known yet.", "UNREACHABLE since 03:03:53");
	SHOWS(&scene, &chosen, 2, 80, "NO ANSWER", "UNREACHABLE since 03:03:53");
	scene.trouble = "";
	SHOWS(&scene, &chosen, 24, 80, "looking …");
	scene.model = model;
	scene.quiet_ns = 35 * SECOND_NS;
	SHOWS(&scene, &chosen, 24, 100, "http://localhost:10150, has judged nothing for 35 s");
	watch_model_free(model);
}

static void the_selection_stays_on_the_same_finding(void **state)
{
	(void)state;
	struct watch_model *two = report_model("{\"findings\":[" FINDING(
		"aa", "critical", "null", "false") "," FINDING("bb", "warning", "null", "false") "]}");
	struct watch_model *more =
		report_model("{\"findings\":[" FINDING("cc", "critical", "null", "false") "," FINDING("aa",
			"critical", "null", "false") "," FINDING("bb", "warning", "null", "false") "]}");
	struct watch_model *gone =
		report_model("{\"findings\":[" FINDING("cc", "critical", "null", "false") "]}");
	struct watch_scene scene = scene_of(two);
	struct watch_state chosen = { 0 };
	SHOWS(&scene, &chosen, 24, 80, "> critical  summary of aa");
	PRESS(&chosen, WATCH_DOWN);
	SHOWS(&scene, &chosen, 24, 80, "> warning   summary of bb", "\nwhy bb\n");
	scene.model = more;
	SHOWS(&scene, &chosen, 24, 80, "> warning   summary of bb");
	PRESS(&chosen, WATCH_LAST);
	SHOWS(&scene, &chosen, 24, 80, "> warning   summary of bb");
	PRESS(&chosen, WATCH_UP);
	SHOWS(&scene, &chosen, 24, 80, "> critical  summary of aa");
	scene.model = gone;
	SHOWS(&scene, &chosen, 24, 80, "> critical  summary of cc");
	watch_model_free(two);
	watch_model_free(more);
	watch_model_free(gone);
}

static void details_are_scrolled_to_their_end_and_no_further(void **state)
{
	(void)state;
	struct watch_model *model = sample_model();
	struct watch_scene scene = scene_of(model);
	struct watch_state chosen = { 0 };
	PRESS(&chosen, WATCH_ENTER);
	char *first = drawn(&scene, &chosen, 12, 80);
	assert_shows(first, "Details");
	PRESS(&chosen, WATCH_LAST);
	char *last = drawn(&scene, &chosen, 12, 80);
	assert_string_not_equal(first, last);
	assert_shows(last, "evidence.pcap");
	PRESS(&chosen, WATCH_PAGE_DOWN, WATCH_DOWN);
	char *still = drawn(&scene, &chosen, 12, 80);
	assert_string_equal(last, still);
	PRESS(&chosen, WATCH_UP);
	char *above = drawn(&scene, &chosen, 12, 80);
	assert_string_not_equal(last, above);
	PRESS(&chosen, WATCH_BACK);
	SHOWS(&scene, &chosen, 24, 80, "\n> critical  ");
	free(first);
	free(last);
	free(still);
	free(above);
	watch_model_free(model);
}

/* ---- map, matrix, log, help ---- */

static void the_map_shows_devices_and_the_addresses_behind_them(void **state)
{
	(void)state;
	struct watch_model *model = sample_model();
	struct watch_scene scene = scene_of(model);
	struct watch_state chosen = { 0 };
	PRESS(&chosen, WATCH_NEXT);
	SHOWS(&scene, &chosen, 40, 140, "[2 Map]", "wan2", "2 addresses, 1 wrong",
		"uncovered  198.51.100.7 → 10.0.0.7", "replies by wan1", "3 half-open", "192.0.2.1 ");
	for (int i = 0; i < 12 && !strstr(chosen.lists[VIEW_MAP].key, "198.51.100.7"); i++) {
		PRESS(&chosen, WATCH_DOWN);
		free(drawn(&scene, &chosen, 40, 140));
	}
	PRESS(&chosen, WATCH_ENTER);
	SHOWS(&scene, &chosen, 40, 140, "198.51.100.7 → 10.0.0.7, dnat: uncovered", "Where replies go",
		"uncovered  to peer 203.0.113.5 that arrives by wan2: leaves by wan1 via 192.0.2.254, table 254");
	watch_model_free(model);
}

#define PAIR(syn, synack, outcomes) \
	"{\"syn_device\":" syn ",\"synack_device\":" synack ",\"outcomes\":{" outcomes "}}"
static const char pairs[] = "{\"pairs\":[" PAIR("\"wan1\"", "\"wan1\"", "\"completed\":68") "," PAIR(
	"\"wan2\"", "\"wan1\"", "\"one_way\":6,\"completed\":2,\"refused\":1") "," PAIR("null", "\"wan3\"",
	"\"return_only\":4") "," PAIR("\"wan2\"", "null", "\"unanswered\":1") "]}";

static void the_matrix_shows_pairs_of_devices(void **state)
{
	(void)state;
	struct watch_model *model = model_of(json("{\"findings\":[]}"), NULL, json(pairs));
	struct watch_scene scene = scene_of(model);
	struct watch_state chosen = { .view = VIEW_MATRIX };
	SHOWS(&scene, &chosen, 24, 80,
		"\n  SYN \\ SYN-ACK   wan1                wan3                (not seen)\n",
		"\n> wan1            68 ok               ·                   ·\n",
		"\n  wan2            6 one_way 2 ok +    ·                   1 unanswered\n",
		"\n  (not seen)      ·                   4 return_only       ·\n");
	PRESS(&chosen, WATCH_RIGHT, WATCH_DOWN);
	SHOWS(&scene, &chosen, 24, 80, "\n  SYN \\ SYN-ACK … wan3                (not seen)\n",
		"SYN by wan2, SYN-ACK by\n  wan1  2 completed, 1 refused, 6 one_way\n  not seen  1 unanswered\n");
	PRESS(&chosen, WATCH_RIGHT, WATCH_RIGHT, WATCH_RIGHT);
	SHOWS(&scene, &chosen, 24, 80, "SYN-ACK … (not seen)\n");
	watch_model_free(model);
}

static void what_happened_is_told_once(void **state)
{
	(void)state;
	struct watch_model *before = report_model("{\"time\":\"2026-01-02T03:03:00Z\",\"findings\":[" FINDING(
		"aa", "warning", "null", "false") "," FINDING("in", "critical", "null", "true") "]}");
	struct watch_model *now = report_model("{\"time\":\"2026-01-02T03:04:00Z\",\"findings\":[" FINDING(
		"aa", "critical", "null", "false") "," FINDING("bb", "info", "\"aa\"", "false") "]}");
	struct watch_model *none = report_model("{\"findings\":[]}");
	struct watch_events events = { 0 };
	static const char *const texts[] = {
		"open warning return_only: summary of aa [aa]",
		"worsened warning -> critical return_only: summary of aa [aa]",
		"opened info return_only: summary of bb [bb] explained by aa",
		"closed critical return_only: summary of aa [aa]",
		"closed info return_only: summary of bb [bb] explained by aa",
	};
	watch_events_compare(&events, NULL, before);
	watch_events_compare(&events, before, before);
	watch_events_compare(&events, before, now);
	watch_events_compare(&events, now, now);
	watch_events_compare(&events, now, none);
	assert_int_equal(events.count, 5);
	for (size_t i = 0; i < 5; i++)
		assert_string_equal(events.items[i].text, texts[i]);
	struct watch_scene scene = scene_of(now);
	struct watch_state chosen = { .view = VIEW_LOG };
	scene.events = &events;
	SHOWS(&scene, &chosen, 24, 100, "> --:--:--  closed info",
		"\n  03:04:00  worsened warning -> critical", "\n  03:03:00  open warning");
	for (size_t i = 0; i < WATCH_EVENTS; i++)
		watch_events_compare(&events, i % 2 ? now : none, i % 2 ? none : now);
	assert_int_equal(events.count, WATCH_EVENTS);
	assert_int_equal(events.total, 5 + 2 * WATCH_EVENTS);
	watch_events_clear(&events);
	watch_model_free(before);
	watch_model_free(now);
	watch_model_free(none);
}

static void help_is_called_and_left(void **state)
{
	(void)state;
	struct watch_scene scene = scene_of(NULL);
	struct watch_state chosen = { 0 };
	PRESS(&chosen, WATCH_HELP);
	SHOWS(&scene, &chosen, 24, 80, "── Help ", "Tab, Shift-Tab", "quit");
	PRESS(&chosen, WATCH_BACK);
	char *text = drawn(&scene, &chosen, 24, 80);
	assert_hides(text, "Shift-Tab");
	free(text);
	PRESS(&chosen, WATCH_HELP, WATCH_VIEW + VIEW_LOG);
	SHOWS(&scene, &chosen, 24, 80, "[4 Log]", "Nothing happened since watching began.");
}

/* ---- whatever comes ---- */

/* Without colours no row says less: a word or sign stands wherever a colour means something. */
static void colours_are_said_in_words(void **state)
{
	(void)state;
	static const struct {
		char style;
		const char *words[8];
	} meanings[] = {
		{ 'c', { "critical", "uncovered", "no_route", "one_way", "return_only", "wrong" } },
		{ 'w', { "warning", "partly", "unknown", "half-open", "one_way", "Not watched" } },
	};
	struct watch_model *model = sample_model();
	struct watch_scene scene = scene_of(model);
	for (size_t view = 0; view < VIEW_LOG; view++) {
		struct watch_state chosen = { .view = (enum watch_view)view };
		struct paper paper;
		assert_int_equal(paper_open(&paper, 140, 0, 40), 0);
		watch_draw(&scene, &chosen, &paper);
		for (size_t row = 0; row < 40; row++)
			for (size_t i = 0; i < 2; i++) {
				char *styles, *text = paper_row_text(&paper, row, &styles);
				bool coloured = false, said = false;
				for (size_t j = 0; j < 140; j++)
					coloured |= tolower(styles[j]) == meanings[i].style;
				for (size_t j = 0; j < 8 && meanings[i].words[j]; j++)
					said |= strstr(text, meanings[i].words[j]) != NULL;
				if (coloured && !said)
					fail_msg("only a colour says it: %s", text);
				free(text);
				free(styles);
			}
		paper_close(&paper);
	}
	watch_model_free(model);
}

/* paper_text() aborts on what a terminal would obey, and a sanitizer on what lies outside. */
static void every_size_holds_every_view(void **state)
{
	(void)state;
	static const unsigned sizes[] = { 0, 1, 2, 3, 5, 8, 12, 24, 80, 200 };
	struct watch_model *hostile = report_model(
		"{\"time\":7,\"unwatched\":[{\"collector\":\"\\u202e\"},3],\"looked_at\":{\"lines\":[\"線路\",7,null]},"
		"\"findings\":[{\"id\":\"\\u001b[2J\",\"severity\":\"awful\",\"summary\":\"線\\u200b\\n\\t路\","
		"\"remedy\":[\"rm \\u001b\",{}],\"evidence\":{\"\\u0007\":{},\"handshakes\":[{},[]]},\"changed\":[1]},null,"
		"\"x\",[]]}");
	struct watch_model *models[] = { NULL, sample_model(), hostile,
		model_of(json("{\"findings\":[]}"),
			json("{\"addresses\":[{\"arrival_devices\":[3],\"paths\":7},4]}"), json(pairs)) };
	for (size_t i = 0; i < sizeof(models) / sizeof(*models); i++)
		for (size_t rows = 0; rows < sizeof(sizes) / sizeof(*sizes); rows++)
			for (size_t columns = 0; columns < sizeof(sizes) / sizeof(*sizes); columns++)
				for (unsigned view = 0; view < 2 * VIEWS + 1; view++) {
					struct watch_scene scene = scene_of(models[i]);
					struct watch_state chosen = { .view = (enum watch_view)(view % VIEWS),
						.open = view >= VIEWS,
						.help = view == 2 * VIEWS };
					free(drawn(&scene, &chosen, sizes[rows], sizes[columns]));
					PRESS(&chosen, WATCH_LAST, WATCH_RIGHT);
					free(drawn(&scene, &chosen, sizes[rows], sizes[columns]));
				}
	struct watch_scene scene = scene_of(hostile);
	struct watch_state chosen = { 0 };
	SHOWS(&scene, &chosen, 40, 80, "> critical  線\\u200b\\n\\t路");
	for (size_t i = 1; i < sizeof(models) / sizeof(*models); i++)
		watch_model_free(models[i]);
}

static void what_is_no_report_is_refused(void **state)
{
	(void)state;
	struct watch_model *model = NULL;
	assert_int_equal(watch_model_make(json("{}"), json("{}"), NULL, &model), -EINVAL);
	assert_int_equal(watch_model_make(json("[]"), NULL, json("[]"), &model), -EINVAL);
	assert_int_equal(watch_model_make(NULL, NULL, NULL, &model), -EINVAL);
	assert_null(model);
}

static void times_are_read_as_they_are_written(void **state)
{
	(void)state;
	static const char *const wrong[] = { "", "2026-01-02", "2026-01-02T03:04:05",
		"2026-01-02T03:04:05+01:00", "2026-01-02T03:04:05.Zz", "2026-13-02T03:04:05Z",
		"1960-01-02T03:04:05Z" };
	char text[RFC3339_SIZE];
	int64_t time_ns = 1;
	assert_int_equal(rfc3339_parse(rfc3339_format(NOW_NS, text), &time_ns), 0);
	assert_int_equal(time_ns, NOW_NS);
	assert_int_equal(rfc3339_parse("2026-01-02T03:04:05Z", &time_ns), 0);
	assert_int_equal(time_ns, NOW_NS / SECOND_NS * SECOND_NS);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_int_equal(rfc3339_parse(wrong[i], &time_ns), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_finding_is_shown_with_all_that_is_known_of_it),
		cmocka_unit_test(symptoms_stand_beneath_their_cause_and_intended_ones_last),
		cmocka_unit_test(the_verdict_says_what_is_not_watched),
		cmocka_unit_test(an_exporter_that_is_gone_is_named_with_the_time),
		cmocka_unit_test(the_selection_stays_on_the_same_finding),
		cmocka_unit_test(details_are_scrolled_to_their_end_and_no_further),
		cmocka_unit_test(the_map_shows_devices_and_the_addresses_behind_them),
		cmocka_unit_test(the_matrix_shows_pairs_of_devices),
		cmocka_unit_test(what_happened_is_told_once),
		cmocka_unit_test(help_is_called_and_left),
		cmocka_unit_test(colours_are_said_in_words),
		cmocka_unit_test(every_size_holds_every_view),
		cmocka_unit_test(what_is_no_report_is_refused),
		cmocka_unit_test(times_are_read_as_they_are_written),
	};
	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
