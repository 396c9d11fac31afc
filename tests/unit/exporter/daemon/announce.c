// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include <fcntl.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alerts/condition/conditions.h"
#include "collectors/change/changes.h"
#include "exporter/daemon/announce.h"
#include "tests/support/facts_builder.h"

struct row {
	const char *what;
	bool before_open, now_open;
	enum severity before, now;
	bool intended;
	bool before_caused, now_caused;
	const char *level, *message; /* NULL: nothing is said */
};

static const struct row rows[] = {
	{ "opens", false, true, SEVERITY_WARNING, SEVERITY_WARNING, false, false, false, "WARN",
		"Finding opened" },
	{ "opens as information", false, true, SEVERITY_INFO, SEVERITY_INFO, false, false, false, "INFO",
		"Finding opened" },
	{ "opens as intended", false, true, SEVERITY_WARNING, SEVERITY_WARNING, true, false, false, "INFO",
		"Finding opened" },
	{ "stays open", true, true, SEVERITY_WARNING, SEVERITY_WARNING, false, false, false, NULL, NULL },
	{ "stays shut", false, false, SEVERITY_WARNING, SEVERITY_WARNING, false, false, false, NULL, NULL },
	{ "changes", true, true, SEVERITY_WARNING, SEVERITY_CRITICAL, false, false, false, "WARN",
		"Finding changed its severity" },
	{ "gets a cause", true, true, SEVERITY_WARNING, SEVERITY_WARNING, false, false, true, "INFO",
		"Finding changed its cause" },
	{ "loses its cause", true, true, SEVERITY_WARNING, SEVERITY_WARNING, false, true, false, "WARN",
		"Finding changed its cause" },
	{ "changes unseen", false, false, SEVERITY_WARNING, SEVERITY_CRITICAL, false, false, false, NULL,
		NULL },
	{ "closes", true, false, SEVERITY_WARNING, SEVERITY_WARNING, false, false, false, "INFO",
		"Finding closed" },
};

static struct findings *one(bool open, enum severity severity, bool intended, bool caused)
{
	struct findings *findings = findings_new();
	struct finding *finding = findings_add(findings, &reply_wrong_device_condition);
	snprintf(finding->id, sizeof(finding->id), "0123456789abcdef");
	snprintf(finding->device_name, sizeof(finding->device_name), "wan\0332");
	finding->open = open;
	finding->severity = severity;
	finding->intended = intended;
	if (caused)
		snprintf(finding->cause, sizeof(finding->cause), "00000000000000ff");
	finding->has_service = true;
	address_parse("192.0.2.1", &finding->address);
	finding_summarise(finding, "replies go astray");
	return findings;
}

static void check_said(const struct row *row, const char *text)
{
	char level[32], message[64];
	if (!row->message) {
		if (*text)
			fail_msg("%s: said %s", row->what, text);
		return;
	}
	snprintf(level, sizeof(level), " level=%s ", row->level);
	snprintf(message, sizeof(message), " msg=\"%s\" condition=reply_wrong_device ", row->message);
	if (!strstr(text, level) || !strstr(text, message))
		fail_msg("%s: said %s", row->what, text);
	assert_non_null(strstr(
		text, " device=\"wan\\x1b2\" address=192.0.2.1 origin=local summary=\"replies go astray\""));
	assert_non_null(strstr(text, " id=0123456789abcdef\n"));
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
}

static void each_change_is_said_once(void **state)
{
	(void)state;
	int ends[2];
	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	const struct log log = { LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT, ends[1], NULL };
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char text[1024];
		struct findings *before =
			one(rows[i].before_open, rows[i].before, rows[i].intended, rows[i].before_caused);
		struct findings *now =
			one(rows[i].now_open, rows[i].now, rows[i].intended, rows[i].now_caused);
		announce_findings(&log, before, now);
		ssize_t length = read(ends[0], text, sizeof(text) - 1);
		text[length < 0 ? 0 : length] = '\0';
		check_said(&rows[i], text);
		findings_free(before);
		findings_free(now);
	}
	close(ends[0]);
	close(ends[1]);
}

static void what_is_gone_has_closed_and_the_first_is_new(void **state)
{
	(void)state;
	int ends[2];
	char text[2048];
	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	const struct log log = { LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT, ends[1], NULL };
	struct findings *findings = one(true, SEVERITY_CRITICAL, false, false), *none = findings_new();
	announce_findings(&log, NULL, findings);
	announce_findings(&log, findings, none);
	ssize_t length = read(ends[0], text, sizeof(text) - 1);
	assert_true(length > 0);
	text[length] = '\0';
	assert_non_null(strstr(text, "Finding opened"));
	assert_non_null(strstr(text, "Finding closed"));
	findings_free(findings);
	findings_free(none);
	close(ends[0]);
	close(ends[1]);
}

static void unread_rules_are_named_once(void **state)
{
	(void)state;
	int ends[2];
	char text[2048];
	struct nat_unread rules[] = {
		{ .table_family = NFPROTO_IPV4,
			.table = "nat",
			.chain = "pre",
			.handle = 7,
			.reason = "odd" },
		{ .table_family = NFPROTO_INET,
			.table = "fw",
			.chain = "x\033",
			.handle = 8,
			.reason = "odd" },
	};
	const struct nat_list one = { .unread = rules, .unread_count = 1 };
	const struct nat_list both = { .unread = rules, .unread_count = 2 };
	const struct facts first = { .nat_rules = &one }, second = { .nat_rules = &both };
	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	const struct log log = { LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT, ends[1], NULL };
	announce_unread_rules(&log, NULL, &first);
	ssize_t length = read(ends[0], text, sizeof(text) - 1);
	assert_true(length > 0);
	text[length] = '\0';
	assert_non_null(strstr(text, " family=ip table=nat chain=pre handle=7 reason=odd\n"));
	announce_unread_rules(&log, &first, &first);
	assert_true(read(ends[0], text, sizeof(text)) < 0);
	announce_unread_rules(&log, &first, &second);
	length = read(ends[0], text, sizeof(text) - 1);
	assert_true(length > 0);
	text[length] = '\0';
	assert_null(strstr(text, "handle=7"));
	assert_non_null(strstr(text, " family=inet table=fw chain=\"x\\x1b\" handle=8 "));
	close(ends[0]);
	close(ends[1]);
}

static void host_changes_are_said_once(void **state)
{
	(void)state;
	enum { MANY = 50 };
	int ends[2];
	char text[16384];
	struct facts *facts[3] = { build_facts(), build_facts(), build_facts() };
	for (unsigned i = 0; i < 3; i++) {
		build_later(facts[i], i);
		if (i)
			build_device(facts[i], "a\033b");
		for (unsigned j = 0; i && j < MANY; j++)
			build_rule(facts[i], AF_INET, 100 + j, NULL, 7);
		assert_int_equal(changes_note(i ? facts[i - 1] : NULL, facts[i]), 0);
	}
	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	const struct log log = { LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT, ends[1], NULL };
	announce_changes(&log, NULL, facts[0]);
	assert_true(read(ends[0], text, sizeof(text)) < 0);
	announce_changes(&log, facts[0], facts[1]);
	ssize_t length = read(ends[0], text, sizeof(text) - 1);
	assert_true(length > 0);
	text[length] = '\0';
	assert_non_null(
		strstr(text, " level=INFO msg=\"Host changed\" kind=rule event=came text=\"ip rule add pref "
			     "100 from all lookup 7\"\n"));
	assert_non_null(strstr(text, " msg=\"Host changed in more ways\" changes=19\n"));
	announce_changes(&log, facts[1], facts[2]);
	assert_true(read(ends[0], text, sizeof(text)) < 0);
	for (unsigned i = 0; i < 3; i++)
		facts_free(facts[i]);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_change_is_said_once),
		cmocka_unit_test(what_is_gone_has_closed_and_the_first_is_new),
		cmocka_unit_test(unread_rules_are_named_once),
		cmocka_unit_test(host_changes_are_said_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
