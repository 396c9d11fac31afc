// SPDX-License-Identifier: GPL-2.0-or-later
/* Services that do not answer, as the handshake table reports them. */
#include "tests/support/handshake_script.h"

#include <stdio.h>

#define ASKED "0 1 in c1000>s80 S 100\n1 1 in c1000>s80 S 100\n2 1 in c1000>s80 S 100\n"

static struct handshake_report after(struct handshakes *handshakes, const char *packets, size_t unanswered)
{
	struct handshake_report report = script_report_after(handshakes, packets);
	assert_int_equal(report.unanswered_count, unanswered);
	return report;
}

static void expect(const char *packets, size_t unanswered)
{
	struct handshakes *handshakes = script_table();
	struct handshake_report report = after(handshakes, packets, unanswered);
	handshake_report_clear(&report);
	handshakes_free(handshakes);
}

static void a_repeated_syn_without_answer_is_reported(void **state)
{
	(void)state;
	struct handshakes *handshakes = script_table();
	const struct address server = script_host('s', AF_INET), client = script_host('c', AF_INET);
	struct handshake_report report = after(handshakes, ASKED, 1);
	const struct unanswered_service *unanswered = &report.unanswered[0];
	assert_true(address_equal(&unanswered->server, &server));
	assert_true(address_equal(&unanswered->client, &client));
	assert_int_equal(unanswered->port, 80);
	assert_int_equal(unanswered->client_port, 1000);
	assert_int_equal(unanswered->device, 1);
	assert_int_equal(unanswered->repeats, 2);
	assert_int_equal(unanswered->since_ns, SCRIPT_START_NS);
	assert_int_equal(unanswered->repeated_ns, SCRIPT_START_NS + INT64_C(1000000000));
	assert_int_equal(unanswered->last_ns, SCRIPT_START_NS + INT64_C(2000000000));
	assert_false(unanswered->left);
	handshake_report_clear(&report);
	handshakes_free(handshakes);
}

static void what_is_answered_is_none(void **state)
{
	(void)state;
	expect("0 1 in c1000>s80 S 100\n", 0);                                 /* not repeated */
	expect(ASKED "2.1 1 out s80>c1000 SA 500 101\n", 0);                   /* late */
	expect(ASKED "2.1 1 out s80>c1000 RA 0 101\n", 0);                     /* refused */
	expect(ASKED "2.1 1 in d7>s80 S 900\n2.2 1 out s80>d7 SA 1 901\n", 0); /* another's */
	expect(ASKED "2.1 1 in d7>s81 S 900\n2.2 1 out s81>d7 SA 1 901\n", 1); /* another port's */
	expect("0 1 out c1000>s80 S 100\n1 1 out c1000>s80 S 100\n", 0);       /* our own */
	expect("0 1 in c1000>s80 S 100\n0.5 1 out s80>c1000 SA 1 101\n1 1 in c1000>s80 S 100\n", 0);
}

static void repeats_of_all_clients_count(void **state)
{
	(void)state;
	struct handshakes *handshakes = script_table();
	struct handshake_report report =
		after(handshakes, ASKED "3 1 in d7>s80 S 900\n4 1 in d7>s80 S 900\n", 1);
	assert_int_equal(report.unanswered[0].repeats, 3);
	assert_int_equal(report.unanswered[0].client_port, 7);
	assert_int_equal(report.unanswered[0].since_ns, SCRIPT_START_NS);
	handshake_report_clear(&report);
	handshakes_free(handshakes);
}

static void a_syn_that_leaves_is_marked(void **state)
{
	(void)state;
	static const char *const ways[] = {
		"2.1 3 out c1000>s80 S 100\n", /* routed */
		"2.1 3 out c1000>t22 S 100\n", /* to its target */
		"2.1 3 out g5>t22 S 100\n",    /* and from this host's own address */
	};
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		struct handshakes *handshakes = script_table();
		struct handshake_report report = script_report_after(handshakes, ASKED);
		handshake_report_clear(&report);
		report = after(handshakes, ways[i], 1);
		assert_true(report.unanswered[0].left);
		assert_int_equal(report.unanswered[0].target_port, i ? 22 : 80);
		handshake_report_clear(&report);
		handshakes_free(handshakes);
	}
}

static void it_is_forgotten_after_a_minute(void **state)
{
	(void)state;
	expect(ASKED "wait 61.9\n", 1);
	expect(ASKED "wait 62\n", 0);
}

/* A request a minute later is the first again. */
static void what_was_forgotten_begins_anew(void **state)
{
	(void)state;
	static const char *const later[] = { "61.8 1 in d7>s80 S 9\n61.9 1 in d7>s80 S 9\n",
		"61.9 1 in d7>s80 S 9\n62 1 in d7>s80 S 9\n" };
	for (size_t i = 0; i < 2; i++) {
		struct handshakes *handshakes = script_table();
		script_feed(handshakes, ASKED, AF_INET);
		struct handshake_report report = after(handshakes, later[i], 1);
		assert_int_equal(report.unanswered[0].repeats, i ? 1 : 3);
		assert_int_equal(
			report.unanswered[0].since_ns, SCRIPT_START_NS + (i ? INT64_C(61900000000) : 0));
		assert_int_equal(report.unanswered[0].repeated_ns,
			SCRIPT_START_NS + INT64_C(1000000000) * (i ? 62 : 1));
		handshake_report_clear(&report);
		handshakes_free(handshakes);
	}
}

static void devices_are_kept_apart(void **state)
{
	(void)state;
	expect(ASKED "3 2 in d7>s80 S 900\n4 2 in d7>s80 S 900\n", 2);
	/* one below the other: the device that routes */
	struct handshakes *handshakes = script_table();
	struct handshake_report report = after(handshakes,
		"0 1 in c1000>s80 S 100\n0 2 in c1000>s80 S 100\n1 1 in c1000>s80 S 100\n1 2 in c1000>s80 S "
		"100\n",
		1);
	assert_int_equal(report.unanswered[0].device, 2);
	assert_int_equal(report.unanswered[0].repeats, 1);
	handshake_report_clear(&report);
	handshakes_free(handshakes);
}

static void rows_are_bounded(void **state)
{
	(void)state;
	struct handshakes *handshakes = script_table();
	for (unsigned port = 1; port <= 2 * UNANSWERED_MOST; port++) {
		char packets[128];
		double time = port * 0.1;
		snprintf(packets, sizeof(packets), "%.2f 1 in c9>s%u S 1\n%.2f 1 in c9>s%u S 1\n", time, port,
			time + 0.05, port);
		script_feed(handshakes, packets, AF_INET);
	}
	struct handshake_report report = after(handshakes, "", UNANSWERED_MOST);
	for (size_t i = 0; i < report.unanswered_count; i++) /* the latest ones */
		assert_true(report.unanswered[i].port > UNANSWERED_MOST);
	handshake_report_clear(&report);
	handshakes_free(handshakes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_repeated_syn_without_answer_is_reported),
		cmocka_unit_test(what_is_answered_is_none),
		cmocka_unit_test(repeats_of_all_clients_count),
		cmocka_unit_test(a_syn_that_leaves_is_marked),
		cmocka_unit_test(it_is_forgotten_after_a_minute),
		cmocka_unit_test(what_was_forgotten_begins_anew),
		cmocka_unit_test(devices_are_kept_apart),
		cmocka_unit_test(rows_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
