// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alerts/condition/conditions.h"
#include "collectors/base/array.h"
#include "exporter/base/text.h"
#include "exporter/config/settings_file.h"
#include "exporter/output/report.h"
#include "exporter/page/page.h"

#define OUTLINE_SIZE 256

static char *written(const struct facts *facts, const struct findings *findings, bool colour)
{
	const struct report_style style = { colour, 60 };
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	report_write(out, &style, facts, findings);
	fclose(out);
	return text;
}

static size_t shown_of(const struct findings *findings)
{
	size_t shown = SIZE_MAX;
	assert_int_equal(report_count(findings, &shown), 0);
	return shown;
}

static struct finding *add(struct findings *findings, const char *id, const char *summary)
{
	struct finding *finding = findings_add(findings, &reply_wrong_device_condition);
	snprintf(finding->id, sizeof(finding->id), "%s", id);
	finding_summarise(finding, "%s", summary);
	finding->open = true;
	finding->severity = SEVERITY_WARNING;
	return finding;
}

static struct facts *two_lines(void)
{
	struct facts *facts = facts_new();
	for (int i = 0; i < 3; i++)
		ARRAY_ADD(facts->devices, facts->device_count)->ifindex = i + 1;
	ARRAY_ADD(facts->services, facts->service_count);
	for (int i = 0; i < 3; i++)
		ARRAY_ADD(facts->lines, facts->line_count)->ifindex = i == 2 ? 1 : i + 1;
	return facts;
}

static void nothing_found_says_what_was_looked_at(void **state)
{
	(void)state;
	struct facts *facts = two_lines();
	struct findings *findings = findings_new();
	char *text = written(facts, findings, false);
	assert_string_equal(text, "No one-way connectivity found.\n"
				  "Looked at 1 service address, 2 lines, 3 devices, 0 reply routes.\n");
	assert_int_equal(shown_of(findings), 0);
	free(text);
	findings_free(findings);
	facts_free(facts);
}

static void collectors_that_failed_are_named(void **state)
{
	(void)state;
	struct facts *facts = two_lines();
	struct findings *findings = findings_new();
	struct collector_status *status = ARRAY_ADD(facts->collectors, facts->collector_count);
	status->name = "conntrack";
	snprintf(status->error, sizeof(status->error), "not permitted: needs CAP_NET_ADMIN");
	char *text = written(facts, findings, false);
	assert_non_null(strstr(text, "\ncould not look conntrack: not permitted: needs CAP_NET_ADMIN\n"));
	free(text);
	findings_free(findings);
	facts_free(facts);
}

static void a_host_that_could_not_be_seen_is_not_called_healthy(void **state)
{
	(void)state;
	static const char *const essential[] = { "link", "route" };
	for (size_t i = 0; i < 2; i++) {
		struct facts *facts = facts_new();
		struct findings *findings = findings_new();
		ARRAY_ADD(facts->collectors, facts->collector_count)->name = essential[i];
		char *text = written(facts, findings, false);
		assert_true(report_could_not_look(facts));
		assert_memory_equal(text, "Could not look: nothing can be said.\n", 37);
		facts->collectors[0].success = true;
		assert_false(report_could_not_look(facts));
		free(text);
		findings_free(findings);
		facts_free(facts);
	}
}

static struct findings *an_incident(void)
{
	struct findings *findings = findings_new();
	struct finding *cause = add(findings, "c1", "replies of 192.0.2.1 leave by wan1");
	cause->severity = SEVERITY_CRITICAL;
	finding_explain(cause, "%s",
		"Requests arrive on wan2, and the kernel would send the replies by wan1, where nobody "
		"waits.");
	finding_add_evidence(cause, "peer", "198.51.100.9");
	finding_add_evidence(cause, "reply_lookup", "table 254");
	finding_add_remedy(cause, "ip rule add pref 100 from 10.0.0.2 lookup 202");
	cause->remedy_checked = true;
	struct finding *symptom = add(findings, "s1", "drops on wan2");
	symptom->condition = &rp_filter_drops_condition;
	snprintf(symptom->cause, sizeof(symptom->cause), "c1");
	struct finding *intended = add(findings, "i1", "replies of 192.0.2.9 leave by wan1");
	intended->intended = true;
	struct finding *pending = add(findings, "p1", "never shown");
	pending->open = false;
	return findings;
}

static void symptoms_stand_beneath_their_cause(void **state)
{
	(void)state;
	struct facts *facts = two_lines();
	struct findings *findings = an_incident();
	char *text = written(facts, findings, false);
	assert_string_equal(text, "critical reply_wrong_device\n"
				  "  replies of 192.0.2.1 leave by wan1\n"
				  "\n"
				  "  Requests arrive on wan2, and the kernel would send the\n"
				  "  replies by wan1, where nobody waits.\n"
				  "\n"
				  "  Evidence\n"
				  "    peer          198.51.100.9\n"
				  "    reply_lookup  table 254\n"
				  "\n"
				  "  It explains\n"
				  "    warning rp_filter_drops\n"
				  "      drops on wan2\n"
				  "\n"
				  "  Remedy (checked by lookups on this host)\n"
				  "    ip rule add pref 100 from 10.0.0.2 lookup 202\n"
				  "\n"
				  "intended reply_wrong_device: replies of 192.0.2.9 leave by wan1\n"
				  "Looked at 1 service address, 2 lines, 3 devices, 0 reply routes.\n");
	assert_int_equal(shown_of(findings), 2);
	free(text);
	findings_free(findings);
	facts_free(facts);
}

static struct facts *with_handshakes(unsigned count)
{
	struct facts *facts = two_lines();
	facts->handshakes = calloc(1, sizeof(*facts->handshakes));
	facts->handshakes->outcomes[HANDSHAKE_COMPLETED] = 10;
	facts->handshakes->outcomes[HANDSHAKE_REFUSED] = 2;
	snprintf(facts->devices[1].name, IF_NAMESIZE, "a\033b");
	for (unsigned i = 0; i < count; i++) {
		struct handshake_suspect *suspect =
			ARRAY_ADD(facts->handshakes->suspects, facts->handshakes->suspect_count);
		suspect->id = i + 1;
		address_parse(i ? "192.0.2.9" : "2001:db8::9", &suspect->client);
		address_parse(i ? "192.0.2.1" : "2001:db8::1", &suspect->server);
		suspect->client_port = 40000;
		suspect->server_port = 22;
		suspect->first_ns = INT64_C(1767323045678000000);
		suspect->last_ns = INT64_C(1767323052678000000);
		suspect->repeats = 3 + i;
		suspect->syn.in = suspect->synack.out = 2;
	}
	return facts;
}

static void handshakes_are_a_table(void **state)
{
	(void)state;
	struct facts *facts = with_handshakes(7);
	struct findings *findings = findings_new();
	struct finding *finding = add(findings, "f1", "one way");
	for (uint64_t id = 1; id <= 7; id++)
		finding_add_handshake(finding, id);
	facts->handshakes->suspects[1].syn.in = 0;
	facts->handshakes->suspects[2].syn.out = 2;
	char *text = written(facts, findings, false);
	static const char *const lines[] = {
		"  Evidence\n    first (UTC)   last          handshake                               SYN    "
		" ",
		"\n    03:04:05.678  03:04:12.678  [2001:db8::9]:40000 → [2001:db8::1]:22  in a\\x1bb        "
		"      "
		"out a\\x1bb  3\n",
		"  192.0.2.9:40000 → 192.0.2.1:22          -                      out a\\x1bb  4\n",
		"  in a\\x1bb, out a\\x1bb  out a\\x1bb  5\n",
		"  7\n    … and 2 more\n\nLooked at ",
	};
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		assert_non_null(strstr(text, lines[i]));
	free(text);
	findings_free(findings);
	facts_free(facts);
}

static void nothing_found_says_what_was_seen(void **state)
{
	(void)state;
	struct facts *facts = with_handshakes(0);
	struct findings *findings = findings_new();
	char *text = written(facts, findings, false);
	assert_non_null(strstr(text, "routes.\nSaw 12 handshakes: 10 completed, 2 refused.\n"));
	free(text);
	facts->handshakes->tracked = 1;
	text = written(facts, findings, false);
	assert_non_null(strstr(text, "Saw 13 handshakes: 10 completed, 2 refused, 1 still open.\n"));
	free(text);
	*facts->handshakes = (struct handshake_report){ .tracked = 1 };
	text = written(facts, findings, false);
	assert_non_null(strstr(text, "Saw 1 handshake: 1 still open.\n"));
	free(text);
	facts->handshakes->tracked = 0;
	text = written(facts, findings, false);
	assert_non_null(strstr(text, "Saw no handshakes.\n"));
	assert_null(strstr(text, "not watched"));
	free(text);
	facts->unwatched[UNWATCHED_LIMIT] = 3;
	facts->unwatched[UNWATCHED_PENDING] = 1;
	text = written(facts, findings, false);
	assert_non_null(strstr(text,
		"not watched handshake: 3 devices that are up and wanted are not captured on (limit)\n"));
	free(text);
	findings_free(findings);
	facts_free(facts);
}

static void a_symptom_of_what_is_intended_is_no_finding(void **state)
{
	(void)state;
	struct findings *findings = findings_new();
	add(findings, "i1", "meant")->intended = true;
	snprintf(add(findings, "s1", "follows")->cause, FINDING_ID_SIZE, "i1");
	assert_int_equal(shown_of(findings), 0);
	findings_free(findings);
}

static void a_symptom_whose_cause_is_gone_stands_alone(void **state)
{
	(void)state;
	struct facts *facts = facts_new();
	struct findings *findings = findings_new();
	snprintf(add(findings, "s1", "orphan")->cause, FINDING_ID_SIZE, "c1");
	char *text = written(facts, findings, false);
	assert_memory_equal(text, "warning reply_wrong_device\n  orphan\n", 36);
	free(text);
	findings_free(findings);
	facts_free(facts);
}

/* Names of one letter, each with how deep it stands: "a0 b1 ". */
static void note(char *outline, char name, unsigned depth)
{
	size_t used = strlen(outline);
	snprintf(outline + used, OUTLINE_SIZE - used, "%c%u ", name, depth);
}

static void outline_of_report(const struct findings *findings, char *outline)
{
	struct facts *facts = facts_new();
	char *text = written(facts, findings, false);
	outline[0] = '\0';
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n' ? 1 : 0;
		unsigned indent = (unsigned)strspn(line, " ");
		if (strncmp(line + indent, "finding ", 8) == 0)
			note(outline, line[indent + 8], (indent - 2) / 4);
	}
	free(text);
	facts_free(facts);
}

/* Of a section of the page, which its title begins. */
static void outline_of_page(struct findings *findings, const char *title, char *outline)
{
	struct snapshot snapshot = { .findings = findings };
	struct buffer page = { 0 };
	unsigned depth = 0;
	snapshot.facts = facts_new();
	const struct page_setting setting = { .telemetry_path = "/metrics" };
	uint64_t tag;
	assert_int_equal(page_write(&page, &snapshot, &setting, &tag), 0);
	buffer_add(&page, "", 1);
	outline[0] = '\0';
	const char *at = strstr(page.data, title);
	assert_non_null(at);
	for (at += strlen(title); *at && strncmp(at, "</section", 9) != 0; at++) {
		depth += strncmp(at, "<article", 8) == 0 ? 1 : 0;
		depth -= strncmp(at, "</article", 9) == 0 ? 1 : 0;
		/* A title, or in the line of a symptom; not the list of incidents. */
		if (depth && (strncmp(at, "</span> finding ", 16) == 0))
			note(outline, at[16], depth - 1);
		else if (depth && strncmp(at, "\">finding ", 10) == 0)
			note(outline, at[10], depth - 1);
	}
	assert_int_equal(depth, 0);
	buffer_clear(&page);
	facts_free(snapshot.facts);
}

static struct finding *add_named(struct findings *findings, char name, const char *cause)
{
	char id[] = { name, '\0' };
	struct finding *finding = add(findings, id, "");
	finding_summarise(finding, "finding %c", name);
	snprintf(finding->cause, sizeof(finding->cause), "%s", cause);
	return finding;
}

static void terminal_and_page_nest_alike(void **state)
{
	(void)state;
	char report[OUTLINE_SIZE], page[OUTLINE_SIZE];
	struct findings *findings = findings_new();
	add_named(findings, 'c', "b"); /* a explains b explains c */
	add_named(findings, 'b', "a");
	add_named(findings, 'a', "");
	add_named(findings, 'e', "a");
	add_named(findings, 'd', "missing");
	add_named(findings, 'p', "")->open = false;
	add_named(findings, 'f', "p");
	add_named(findings, 'x', "z"); /* in a circle, with a tail */
	add_named(findings, 'y', "x");
	add_named(findings, 'z', "y");
	add_named(findings, 't', "z");
	add_named(findings, 'o', "o");
	add_named(findings, 'i', "")->intended = true;
	add_named(findings, 's', "i");
	add_named(findings, 'u', "s");
	add_named(findings, 'j', "a")->intended = true;
	outline_of_report(findings, report);
	outline_of_page(findings, ">Findings</h2>", page);
	assert_string_equal(report, "a0 b1 c2 e1 d0 f0 x0 y1 z2 t3 o0 ");
	assert_string_equal(page, report);
	assert_int_equal(shown_of(findings), 11);
	outline_of_page(findings, ">Declared as intended</h2>", page);
	assert_string_equal(page, "i0 s1 u2 j0 ");
	findings_free(findings);
}

static void escapes_are_never_raw(void **state)
{
	(void)state;
	struct facts *facts = facts_new();
	struct findings *findings = findings_new();
	struct finding *finding = add(findings, "x1", "device \033[2J\007 does\nit");
	finding_explain(finding, "a\033b \302\233c");
	finding_add_evidence(finding, "name", "\r\177");
	finding_add_remedy(finding, "ip link set \033]0;x\007 up");
	char *text = written(facts, findings, false);
	for (const char *next = text; *next; next++)
		assert_true((unsigned char)*next >= ' ' || *next == '\n');
	assert_null(strchr(text, '\177'));
	assert_null(strstr(text, "\302\233"));
	assert_non_null(strstr(text, "\\x1b[2J\\x07"));
	free(text);
	findings_free(findings);
	facts_free(facts);
}

static void colour_is_there_when_wanted(void **state)
{
	(void)state;
	struct facts *facts = facts_new();
	struct findings *findings = an_incident();
	char *plain = written(facts, findings, false), *coloured = written(facts, findings, true);
	assert_null(strchr(plain, '\033'));
	assert_non_null(strstr(coloured, "\033[1;31mcritical\033[0m"));
	free(plain);
	free(coloured);
	findings_free(findings);
	facts_free(facts);
}

static void lines_are_wrapped_by_characters(void **state)
{
	(void)state;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	text_wrap(out, "\303\251\303\251\303\251 bb  ccc\nlonger-than-a-line d", 2, 8);
	fclose(out);
	assert_string_equal(text, "  \303\251\303\251\303\251 bb\n  ccc\n  longer-than-a-line\n  d\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_found_says_what_was_looked_at),
		cmocka_unit_test(collectors_that_failed_are_named),
		cmocka_unit_test(a_host_that_could_not_be_seen_is_not_called_healthy),
		cmocka_unit_test(symptoms_stand_beneath_their_cause),
		cmocka_unit_test(handshakes_are_a_table),
		cmocka_unit_test(nothing_found_says_what_was_seen),
		cmocka_unit_test(a_symptom_of_what_is_intended_is_no_finding),
		cmocka_unit_test(a_symptom_whose_cause_is_gone_stands_alone),
		cmocka_unit_test(terminal_and_page_nest_alike),
		cmocka_unit_test(escapes_are_never_raw),
		cmocka_unit_test(colour_is_there_when_wanted),
		cmocka_unit_test(lines_are_wrapped_by_characters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
