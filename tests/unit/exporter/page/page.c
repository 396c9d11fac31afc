// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/page/page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/change/changes.h"
#include "exporter/page/assets.h"
#include "tests/support/facts_builder.h"
#include "tests/support/sample.h"
#include "tests/support/sample_wire.h"
#include "tests/support/unit.h"

static char *page_tagged(const struct snapshot *snapshot, const struct page_setting *setting, uint64_t *tag)
{
	struct buffer out = { 0 };
	assert_int_equal(page_write(&out, snapshot, setting, tag), 0);
	buffer_add(&out, "", 1);
	return out.data;
}

static char *page(const struct snapshot *snapshot, const char *telemetry_path)
{
	const struct page_setting setting = { .telemetry_path = telemetry_path, .host = "<gw1>" };
	uint64_t tag;
	return page_tagged(snapshot, &setting, &tag);
}

static size_t occurrences(const char *text, const char *part)
{
	size_t count = 0;
	for (; (text = strstr(text, part)); text++)
		count++;
	return count;
}

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("missing: %s", part);
}

/* What browser tests and page.js hold on to, whatever the host has. */
static void assert_hooks(const char *text)
{
	static const char *const ids[] = { "verdict", "findings", "map", "matrix", "timeline", "coverage",
		"drops", "changes", "live", "trouble", "as-of" };
	for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
		char hook[32];
		snprintf(hook, sizeof(hook), " id=\"%s\"", ids[i]);
		if (occurrences(text, hook) != 1)
			fail_msg("%zu times:%s", occurrences(text, hook), hook);
	}
}

static void it_escapes_and_nests(void **state)
{
	(void)state;
	struct snapshot snapshot = sample_snapshot();
	char *text = page(&snapshot, "/a\"><b>");
	assert_hooks(text);
	assert_has(text, "href=\"/a&quot;&gt;&lt;b&gt;\"");
	assert_has(text, "<title>2 incidents – &lt;gw1&gt; – oneway</title>");
	assert_has(text, "Summary of reply_wrong_device &lt;wan2&gt;");
	assert_has(text, "dev &#39;a&amp;b&#39; table 100\n</pre>");
	assert_has(text, "<td>a&quot;&lt;\\%FF</td>");
	assert_has(text, "<b>conntrack</b> lacks &lt;CAP_NET_ADMIN&gt;</li>");
	assert_has(
		text, "<b>handshake</b> 2 devices that are up and wanted are not captured on (limit)</li>");
	assert_has(text, "<span class=\"verdict uncovered\">uncovered</span>");
	assert_null(strstr(text, "No findings"));
	assert_int_equal(occurrences(text, "<script"), 1);
	assert_has(text, "<script src=\"/page.js\" defer></script>");
	assert_null(strstr(text, "style="));
	assert_int_equal(occurrences(text, "<article"), occurrences(text, "</article>"));
	assert_int_equal(occurrences(text, "<details"), occurrences(text, "</details>"));
	assert_int_equal(occurrences(text, "<article class=\"finding "), 3);
	/* The symptom stands within its cause, which comes first. */
	const char *cause = strstr(text, "aria-labelledby=\"t");
	const char *symptom = strstr(text, "Summary of rp_filter_drops");
	assert_true(cause && symptom && cause < symptom);
	assert_int_equal(occurrences(cause, "</article>") - occurrences(symptom, "</article>"), 0);
	const char *intended = strstr(text, "Declared as intended");
	assert_true(intended && intended > symptom);
	free(text);
	sample_free(&snapshot);
}

static void nothing_found_is_said(void **state)
{
	(void)state;
	struct snapshot snapshot = { .facts = sample_facts(), .findings = findings_new() };
	sample_judge(&snapshot);
	char *text = page(&snapshot, "/metrics");
	assert_hooks(text);
	assert_has(text, "<section id=\"verdict\" class=\"good\"><h1>All that is watched is well</h1>");
	assert_has(text, "No findings. Looked at 5 devices, 5 service addresses and 8 ways");
	assert_has(text, "<h2>Not watched</h2>");
	free(text);
	snapshot.facts->collector_count = 1;
	memset(snapshot.facts->unwatched, 0, sizeof(snapshot.facts->unwatched));
	nat_list_release(snapshot.facts->nat_rules);
	snapshot.facts->nat_rules = NULL;
	snapshot.facts->conntrack.endpoints_omitted = 0;
	struct handshake_report *report = snapshot.facts->handshakes;
	report->devices_omitted = report->pairs_omitted = report->services_omitted = 0;
	text = page(&snapshot, "/metrics");
	assert_has(text, "<section id=\"verdict\" class=\"good\"><h1>All is well</h1>");
	assert_has(text, "Everything is watched.");
	free(text);
	/* Without routes there is nothing to judge. */
	snapshot.facts->collectors[0].success = false;
	text = page(&snapshot, "/metrics");
	assert_has(text, "<section id=\"verdict\" class=\"unknown\"><h1>Could not look</h1>");
	free(text);
	sample_free(&snapshot);
	text = page(NULL, "/metrics");
	assert_has(text, "Not looked yet");
	assert_null(strstr(text, "No findings"));
	assert_null(strstr(text, "All is well"));
	free(text);
}

static void a_judgement_that_is_too_old_is_no_verdict(void **state)
{
	(void)state;
	struct snapshot snapshot = { .facts = sample_facts(), .findings = findings_new() };
	struct page_setting setting = { .telemetry_path = "/metrics",
		.age_ns = SNAPSHOT_STALE_NS + 30 * SECOND_NS };
	uint64_t tag;
	sample_judge(&snapshot);
	char *text = page_tagged(&snapshot, &setting, &tag);
	assert_has(text, "<section id=\"verdict\" class=\"unknown\"><h1>No judgement for 90 s</h1>");
	assert_null(strstr(text, "All is well"));
	free(text);
	sample_free(&snapshot);
}

static void the_tag_is_that_of_what_is_shown(void **state)
{
	(void)state;
	struct snapshot snapshot = { .facts = sample_facts(), .findings = findings_new() };
	const struct page_setting setting = { .telemetry_path = "/metrics" };
	uint64_t first, later, other;
	sample_judge(&snapshot);
	free(page_tagged(&snapshot, &setting, &first));
	snapshot.facts->time_ns += SECOND_NS;
	free(page_tagged(&snapshot, &setting, &later));
	assert_true(first == later);
	snapshot.facts->rpfilter.drops++;
	free(page_tagged(&snapshot, &setting, &other));
	assert_true(first != other);
	sample_free(&snapshot);
}

static void a_card_shows_the_way_and_the_evidence(void **state)
{
	(void)state;
	struct snapshot snapshot = sample_snapshot();
	snprintf(snapshot.facts->captures[1].name, IF_NAMESIZE, "<wan1>");
	char *text = page(&snapshot, "/metrics"), part[256];
	const char *id = snapshot.findings->items[0].id;
	snprintf(part, sizeof(part), "href=\"/api/v1/findings/%s/evidence.pcap\" download>", id);
	assert_int_equal(occurrences(text, part), 1);
	assert_int_equal(occurrences(text, "evidence.pcap"), 1);
	snprintf(part, sizeof(part), "data-finding=\"%s\"", id);
	assert_int_equal(occurrences(text, part), 1);
	snprintf(part, sizeof(part), "<pre id=\"r%s\"", id);
	assert_int_equal(occurrences(text, part), 1);
	snprintf(part, sizeof(part), "data-copy=\"r%s\"", id);
	assert_int_equal(occurrences(text, part), 1);
	assert_has(text, "203.0.113.5:40107 → 198.51.100.7:22");
	assert_has(text, "<td>in wan2</td><td>out &lt;wan1&gt;</td><td class=\"number\">2</td></tr>");
	assert_int_equal(occurrences(text, "<svg class=\"wide\""), 3);
	assert_int_equal(occurrences(text, "<svg class=\"tall\""), 3);
	assert_has(text, "aria-label=\"Request: 203.0.113.5, wan2, 198.51.100.7:22, ");
	assert_has(text, "not as it should (wrong device) to &lt;wan1&gt;");
	assert_null(strstr(text, "<wan1>"));
	assert_has(text,
		"<time datetime=\"2026-01-02T03:03:00.678Z\" title=\"2026-01-02T03:03:00.678Z\">65 s ago");
	free(text);
	sample_free(&snapshot);
}

static void the_matrix_counts_by_device(void **state)
{
	(void)state;
	struct snapshot snapshot = sample_snapshot();
	snprintf(snapshot.facts->captures[1].name, IF_NAMESIZE, "<wan1>");
	snapshot.facts->handshakes->pairs[0].counts[HANDSHAKE_ONE_WAY] = 1; /* lost elsewhere */
	char *text = page(&snapshot, "/metrics");
	assert_has(text, "<th scope=\"col\">&lt;wan1&gt;</th><th scope=\"col\">not seen</th></tr></thead>");
	assert_has(text, "<tr><th scope=\"row\">&lt;wan1&gt;</th><td class=\"h1\">9<span class=\"fails\">1 "
			 "one_way</span></td><td class=\"h0\"><span>50 unanswered</span></td></tr>");
	assert_has(text, "<tr><th scope=\"row\">wan2</th><td class=\"failed h0\"><span class=\"fails\">5 "
			 "one_way</span></td><td></td></tr>");
	assert_int_equal(occurrences(text, "class=\"failed "), 2);
	free(text);
	sample_free(&snapshot);
}

static void a_matrix_of_many_devices_is_cut(void **state)
{
	(void)state;
	struct snapshot snapshot = sample_snapshot();
	struct handshake_report *report = snapshot.facts->handshakes;
	struct handshake_pair *pairs = calloc(1000, sizeof(*pairs));
	free(snapshot.facts->captures);
	snapshot.facts->captures = calloc(1000, sizeof(*snapshot.facts->captures));
	snapshot.facts->capture_count = 1000;
	for (int i = 0; i < 1000; i++) {
		struct capture *capture = &snapshot.facts->captures[i];
		capture->ifindex = i + 1;
		snprintf(capture->name, sizeof(capture->name), "if%d", i);
		pairs[i] = (struct handshake_pair){ 1000 - i, 7 * i % 1000, { [HANDSHAKE_COMPLETED] = 1 } };
	}
	free(report->pairs);
	report->pairs = pairs;
	report->pair_count = 1000;
	char *text = page(&snapshot, "/metrics");
	assert_has(text, "More in <a href=\"/api/v1/handshakes\">JSON</a>");
	assert_true(occurrences(text, "<th scope=\"row\">if") <= 32);
	free(text);
	sample_free(&snapshot);
}

/* Findings that explain each other must not hide, nor keep the page from ending. */
static void findings_in_a_circle_are_shown(void **state)
{
	(void)state;
	struct snapshot snapshot = sample_snapshot();
	struct finding *items = snapshot.findings->items;
	memcpy(items[0].cause, items[1].id, FINDING_ID_SIZE);
	char *text = page(&snapshot, "/metrics");
	assert_int_equal(occurrences(text, "</span> Summary of rp_filter_drops") +
				 occurrences(text, "\">Summary of rp_filter_drops"),
		1);
	assert_int_equal(occurrences(text, "<article"), 4);
	free(text);
	sample_free(&snapshot);
}

static void what_changed_is_listed(void **state)
{
	(void)state;
	struct facts *before = sample_facts(), *now = sample_facts();
	assert_int_equal(changes_note(NULL, before), 0);
	build_later(now, 1);
	build_rule(now, AF_INET, 5, NULL, 7);
	snprintf(build_rule(now, AF_INET, 7, NULL, 8)->iif, IF_NAMESIZE, "<b>");
	assert_int_equal(changes_note(before, now), 0);
	facts_free(before);
	struct snapshot snapshot = { .facts = now, .findings = sample_findings() };
	sample_judge(&snapshot);
	char *text = page(&snapshot, "/metrics");
	assert_has(text, "+ </span>ip rule add pref 5 from all lookup 7</code></li>");
	assert_has(text, " iif &#39;&lt;b&gt;&#39; lookup 8</code>");
	assert_null(strstr(text, "What changed before"));
	free(text);
	struct finding *finding = &snapshot.findings->items[0];
	finding->changed[finding->changed_count++] = change_share(now->changes->items[0]);
	text = page(&snapshot, "/metrics");
	assert_has(text, "<h4>What changed before</h4><ul class=\"changes\">");
	free(text);
	change_release(finding->changed[--finding->changed_count]);
	finding->from_start = true;
	text = page(&snapshot, "/metrics");
	assert_has(text, "It stood from the start");
	free(text);
	sample_free(&snapshot);
}

/* Two minutes: at first all that was answered completed, then three of four. */
static void the_last_hour_is_drawn(void **state)
{
	(void)state;
	struct snapshot snapshot = sample_snapshot();
	struct timeline *timeline = calloc(1, sizeof(*timeline));
	struct timeline_device *line = calloc(1, sizeof(*line)), *idle = calloc(1, sizeof(*idle));
	snapshot.facts->monotonic_ns = 200 * SECOND_NS;
	snapshot.timeline = timeline;
	timeline->begin_ns = 80 * SECOND_NS;
	timeline->point_count = 12;
	for (int i = 0; i < 12; i++) {
		timeline->points[i].end_ns = timeline->begin_ns + (i + 1) * TIMELINE_STEP_NS;
		line->counts[HANDSHAKE_COMPLETED][i] = i < 6 ? 4 : 3;
		line->counts[HANDSHAKE_ONE_WAY][i] = i < 6 ? 0 : 1;
		line->counts[HANDSHAKE_UNANSWERED][i] = 100; /* a scan is no answer */
	}
	snprintf(line->name, sizeof(line->name), "<w>");
	line->line = true;
	timeline->devices[timeline->device_count++] = line;
	timeline->devices[timeline->device_count++] = idle;
	timeline->findings[timeline->finding_count++] =
		(struct timeline_finding){ .condition = snapshot.findings->items[0].condition,
			.severity = SEVERITY_CRITICAL,
			.device = "<x>",
			.since_ns = 140 * SECOND_NS,
			.until_ns = 170 * SECOND_NS };
	timeline->findings[timeline->finding_count] = timeline->findings[0];
	timeline->findings[timeline->finding_count++].cause[0] = 'c'; /* a symptom */
	char *text = page(&snapshot, "/metrics");
	const char *hour = strstr(text, "id=\"timeline\"");
	assert_has(hour, ">&lt;w&gt;</text>");
	assert_has(hour, ">75 %</text>");
	assert_has(hour, "<path class=\"line bad\" d=\"M414 8H455L455 14H496\"/>");
	assert_has(hour,
		">reply_wrong_device on &lt;x&gt;, closed</text><rect class=\"bar critical\" x=\"455\"");
	assert_has(hour, "The last hour of 1 devices, with 1 findings");
	assert_has(hour, ">10 min ago</text>");
	free(text);
	free(line);
	free(idle);
	free(timeline);
	sample_free(&snapshot);
}

static void the_map_shows_where_replies_go(void **state)
{
	(void)state;
	struct snapshot snapshot = sample_snapshot();
	char *text = page(&snapshot, "/metrics");
	const char *map = strstr(text, "id=\"map\"");
	assert_has(map, "Map of this host: 3 devices, 5 groups of service addresses, 2 target networks");
	assert_has(map, ">198.51.100.7</text>");
	assert_has(map, ">translated · uncovered</text>");
	assert_has(map, ">a&quot;&lt;\\%FF</text>");
	assert_has(map, ">delivered here</text>");
	free(text);
	sample_free(&snapshot);
}

static void what_it_loads_is_there(void **state)
{
	(void)state;
	static const char *const types[] = { "text/css; charset=utf-8", "text/javascript; charset=utf-8",
		"image/svg+xml" };
	char *text = page(NULL, "/metrics");
	size_t count = 0;
	for (const struct asset *asset = assets; asset->path; asset++) {
		char quoted[64];
		snprintf(quoted, sizeof(quoted), "\"%s\"", asset->path);
		assert_has(text, quoted);
		assert_string_equal(asset->content_type, types[count++]);
		assert_true(asset->size > 100);
	}
	assert_int_equal(count, 3);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_escapes_and_nests),
		cmocka_unit_test(nothing_found_is_said),
		cmocka_unit_test(a_judgement_that_is_too_old_is_no_verdict),
		cmocka_unit_test(the_tag_is_that_of_what_is_shown),
		cmocka_unit_test(a_card_shows_the_way_and_the_evidence),
		cmocka_unit_test(the_matrix_counts_by_device),
		cmocka_unit_test(a_matrix_of_many_devices_is_cut),
		cmocka_unit_test(findings_in_a_circle_are_shown),
		cmocka_unit_test(what_changed_is_listed),
		cmocka_unit_test(the_last_hour_is_drawn),
		cmocka_unit_test(the_map_shows_where_replies_go),
		cmocka_unit_test(what_it_loads_is_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
