// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/page/picture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exporter/page/svg.h"
#include "tests/support/facts_builder.h"
#include "tests/support/unit.h"

static char *drawn(const struct round_trip *trip, enum diagram_shape shape)
{
	struct diagram diagram;
	struct buffer out = { 0 };
	picture_of(trip, &diagram);
	diagram_write(&out, &diagram, shape);
	buffer_add(&out, "", 1);
	assert_false(out.failed);
	return out.data;
}

static struct round_trip translated(void)
{
	static const struct route_answer reply = {
		.result = ROUTE_FOUND, .table = 254, .gateway = { AF_INET, { 198, 51, 100, 1 } }
	};
	static const struct rule rule = { .priority = 32766 };
	struct round_trip trip = { .client = build_address("203.0.113.2"),
		.service = build_address("198.51.100.18"),
		.target = build_address("10.8.20.2"),
		.port = 2222,
		.target_port = 22,
		.outer = { "wan2", "wan1" },
		.inner = { "dock0", "dock0" },
		.reply = &reply,
		.rule = &rule,
		.fault = "wrong device",
		.fault_way = WAY_REPLY,
		.fault_leg = PLACE_OUTER,
		.connections = 23,
		.clients = 3,
		.syns = 23,
		.syn_repeats = 60,
		.synacks = 23 };
	for (int leg = 0; leg < PLACES - 1; leg++)
		trip.legs[WAY_REQUEST][leg] = trip.legs[WAY_REPLY][leg] = LEG_SEEN;
	trip.legs[WAY_REPLY][PLACE_OUTER] = LEG_WRONG;
	trip.legs[WAY_REPLY][PLACE_CLIENT] = LEG_LOST;
	return trip;
}

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("missing: %s in %s", part, text);
}

static unsigned occurrences(const char *text, const char *part)
{
	unsigned count = 0;
	for (; (text = strstr(text, part)); text++)
		count++;
	return count;
}

static void a_translated_connection(void **state)
{
	(void)state;
	static const char *const words[] = { ">203.0.113.2<", ">and 2 more clients<", ">23 SYN<",
		">60 repeated<", ">wan2<", ">198.51.100.18:2222<", ">→ 10.8.20.2:22<", ">dock0<",
		">10.8.20.2:22<", ">rule 32766, table main<", ">default via 198.51.100.1<", ">23 SYN-ACK<",
		">wrong device<", ">wan1<", ">never acknowledged<" };
	const struct round_trip trip = translated();
	for (int shape = DIAGRAM_WIDE; shape <= DIAGRAM_TALL; shape++) {
		char *text = drawn(&trip, (enum diagram_shape)shape);
		for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
			assert_has(text, words[i]);
		assert_has(text,
			"aria-label=\"Request: 203.0.113.2, wan2, 198.51.100.18:2222, dock0, 10.8.20.2:22. "
			"Reply: 10.8.20.2:22, dock0, rule 32766, table main, not as it should (wrong device) to "
			"wan1, not as it should (never acknowledged) to 203.0.113.2.\"");
		/* Four arrows each way; only the last two back are bad, and one ends in a cross. */
		assert_int_equal(occurrences(text, "<path class=\"head "), 8);
		assert_int_equal(occurrences(text, "<path class=\"head bad"), 2);
		assert_int_equal(occurrences(text, "l12 12m0 -12l-12 12"), 1);
		free(text);
	}
}

static void a_local_service_has_no_inside(void **state)
{
	(void)state;
	struct round_trip trip = translated();
	trip.target = (struct address){ 0 };
	trip.delivered = true;
	memset(trip.inner, 0, sizeof(trip.inner));
	char *text = drawn(&trip, DIAGRAM_WIDE);
	assert_has(text,
		"Request: 203.0.113.2, wan2, 198.51.100.18:2222. Reply: 198.51.100.18:2222, rule 32766");
	assert_int_equal(occurrences(text, "<path class=\"head "), 5);
	assert_has(text, ">service<");
	assert_null(strstr(text, "→"));
	free(text);
}

static void ipv6_is_written_in_brackets_and_squeezed(void **state)
{
	(void)state;
	struct round_trip trip = translated();
	trip.client = build_address("2001:db8:1111:2222:3333:4444:5555:6666");
	trip.service = build_address("2001:db8::18");
	char *text = drawn(&trip, DIAGRAM_WIDE);
	assert_has(text, ">[2001:db8::18]:2222<");
	assert_has(text,
		"textLength=\"126\" lengthAdjust=\"spacingAndGlyphs\">2001:db8:1111:2222:3333:4444:5555:6666<");
	free(text);
}

static void several_lines_are_named(void **state)
{
	(void)state;
	struct round_trip trip = translated();
	snprintf(trip.outer[WAY_REPLY], DEVICE_NAMES_SIZE, "wan1,wan3,wan4");
	char *text = drawn(&trip, DIAGRAM_TALL);
	assert_has(text, ">wan1,wan3,wan4<");
	free(text);
}

/* This host asks, and somebody else answers. */
static void a_connection_that_this_host_opens(void **state)
{
	(void)state;
	struct round_trip trip = translated();
	trip.opened_here = true;
	trip.target = (struct address){ 0 };
	trip.answerer = build_address("192.0.2.77");
	memset(trip.inner, 0, sizeof(trip.inner));
	snprintf(trip.outer[WAY_REPLY], DEVICE_NAMES_SIZE, "wan2");
	char *text = drawn(&trip, DIAGRAM_WIDE);
	assert_has(text,
		"Request: this host, wan2, 198.51.100.18:2222. Reply: 192.0.2.77:2222, not as it should");
	assert_has(text, "<rect class=\"box bad\"");
	free(text);
}

static void nothing_known_is_a_drawing_all_the_same(void **state)
{
	(void)state;
	const struct round_trip trip = { 0 };
	for (int shape = DIAGRAM_WIDE; shape <= DIAGRAM_TALL; shape++) {
		char *text = drawn(&trip, (enum diagram_shape)shape);
		assert_has(text, ">clients<");
		assert_int_equal(occurrences(text, "<path"), 0);
		assert_has(text, "</svg>");
		free(text);
	}
}

/* Anybody with a namespace names devices as he likes. */
static void hostile_names_stay_text(void **state)
{
	(void)state;
	static const char *const names[][2] = {
		{ "\"><script>x", "&quot;&gt;&lt;script&gt;x" },
		{ "a'--></svg>", "a&#39;--&gt;&lt;/svg&gt;" },
		{ "\xe2\x80\xae"
		  "evil\x1b[2J",
			"%E2%80%AEevil%1B[2J" }, /* right to left */
		{ "\xff\xfe", "%FF%FE" },
		{ "&lt;", "&amp;lt;" },
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct round_trip trip = translated();
		snprintf(trip.outer[WAY_REPLY], DEVICE_NAMES_SIZE, "%s", names[i][0]);
		snprintf(trip.inner[WAY_REPLY], DEVICE_NAMES_SIZE, "%s", names[i][0]);
		for (int shape = DIAGRAM_WIDE; shape <= DIAGRAM_TALL; shape++) {
			char *text = drawn(&trip, (enum diagram_shape)shape);
			assert_int_equal(
				occurrences(text, names[i][1]), 4); /* two boxes, and twice in the label */
			assert_int_equal(occurrences(text, "</svg>"), 1);
			assert_null(strstr(text, "<script"));
			free(text);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_translated_connection),
		cmocka_unit_test(a_local_service_has_no_inside),
		cmocka_unit_test(ipv6_is_written_in_brackets_and_squeezed),
		cmocka_unit_test(several_lines_are_named),
		cmocka_unit_test(a_connection_that_this_host_opens),
		cmocka_unit_test(nothing_known_is_a_drawing_all_the_same),
		cmocka_unit_test(hostile_names_stay_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
