// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/clock.h"
#include "exporter/alertmanager/alert_book.h"

/* 2026-01-02T03:04:05.678Z; the monotonic clock is another. */
#define EPOCH_NS INT64_C(1767323045678000000)

/* Seconds since both clocks began. */
static void fire(struct alert_book *book, const char *const *names, int seconds)
{
	struct alert items[8];
	struct alert_list list = { items, 0 };
	for (; names && names[list.count]; list.count++) {
		char labels[64];
		snprintf(labels, sizeof(labels), "{\"alertname\":\"%s\"}", names[list.count]);
		items[list.count] = (struct alert){ strdup(labels), strdup("{}"), EPOCH_NS - 10 * SECOND_NS };
	}
	assert_int_equal(
		alert_book_update(book, &list, EPOCH_NS + seconds * SECOND_NS, seconds * SECOND_NS), 0);
	for (size_t i = 0; i < list.count; i++)
		alert_clear(&items[i]);
}

/* "A 03:04:05-03:08:05 …": name, start and end of each alert in one request. */
static void write_book(struct alert_book *book, int seconds, char *text, size_t size)
{
	struct buffer body = { 0 };
	size_t used = 0;
	size_t count = alert_book_write(
		book, "\"http://gw/\"", EPOCH_NS + seconds * SECOND_NS, seconds * SECOND_NS, &body);
	text[0] = '\0';
	if (count == 0) {
		assert_int_equal(body.size, 0);
		return;
	}
	json_t *array = json_loadb(body.data, body.size, 0, NULL);
	assert_int_equal(json_array_size(array), count);
	for (size_t i = 0; i < count; i++) {
		const char *name, *starts, *ends, *generator;
		json_t *annotations;
		assert_int_equal(json_unpack(json_array_get(array, i), "{s{ss}soss ssss!}", "labels",
					 "alertname", &name, "annotations", &annotations, "startsAt", &starts,
					 "endsAt", &ends, "generatorURL", &generator),
			0);
		assert_string_equal(generator, "http://gw/");
		used += (size_t)snprintf(text + used, size - used, "%s%s %.8s-%.8s", i ? " " : "", name,
			starts + 11, ends + 11);
	}
	json_decref(array);
	buffer_clear(&body);
}

static void tell(struct alert_book *book, int seconds, const char *expected, bool taken)
{
	char text[512];
	write_book(book, seconds, text, sizeof(text));
	assert_string_equal(text, expected);
	alert_book_told(book, taken, seconds * SECOND_NS);
}

static const char *const none[] = { NULL }, *const a[] = { "A", NULL }, *const both[] = { "A", "B", NULL };

static void an_alert_is_told_at_once_again_each_minute_and_when_it_ends(void **state)
{
	(void)state;
	struct alert_book book = { 0 };
	fire(&book, none, 0);
	assert_true(alert_book_next_ns(&book) == INT64_MAX);
	fire(&book, a, 1);
	assert_int_equal(alert_book_due(&book, SECOND_NS), 1);
	tell(&book, 1, "A 03:03:55-03:08:06", true);
	assert_int_equal(alert_book_due(&book, 2 * SECOND_NS), 0);
	assert_true(alert_book_next_ns(&book) == 61 * SECOND_NS);
	fire(&book, a, 2);
	tell(&book, 60, "", true);
	fire(&book, both, 60); /* the new one alone */
	tell(&book, 60, "B 03:03:55-03:09:05", true);
	tell(&book, 61, "A 03:03:55-03:09:06", true);
	fire(&book, none, 70);
	tell(&book, 70, "A 03:03:55-03:05:15 B 03:03:55-03:05:15", true);
	fire(&book, none, 71);
	assert_int_equal(book.count, 0);
	alert_book_clear(&book);
}

static void what_was_never_told_ends_in_silence(void **state)
{
	(void)state;
	struct alert_book book = { 0 };
	fire(&book, a, 0);
	fire(&book, none, 5);
	assert_int_equal(book.count, 0);
	alert_book_clear(&book);
}

static void what_was_not_taken_stays_due(void **state)
{
	(void)state;
	struct alert_book book = { 0 };
	fire(&book, a, 0);
	tell(&book, 0, "A 03:03:55-03:08:05", false);
	tell(&book, 30, "A 03:03:55-03:08:35", false);
	fire(&book, none, 40); /* it may have been taken, though no answer came */
	tell(&book, 40, "A 03:03:55-03:04:45", false);
	fire(&book, none, 279);
	tell(&book, 279, "A 03:03:55-03:04:45", false);
	fire(&book, none, 280); /* by now it has ended there by itself */
	assert_int_equal(book.count, 0);
	alert_book_clear(&book);
}

static void what_changes_during_a_request_is_told_by_the_next(void **state)
{
	(void)state;
	struct alert_book book = { 0 };
	char text[512];
	fire(&book, a, 0);
	write_book(&book, 0, text, sizeof(text));
	assert_int_equal(alert_book_due(&book, 0), 1); /* nobody has taken it yet */
	assert_true(alert_book_next_ns(&book) == INT64_MAX);
	fire(&book, none, 1);
	write_book(&book, 1, text, sizeof(text));
	assert_string_equal(text, ""); /* one request at a time */
	alert_book_told(&book, true, 2 * SECOND_NS);
	write_book(&book, 2, text, sizeof(text));
	assert_string_equal(text, "A 03:03:55-03:04:06");
	fire(&book, a, 3);
	alert_book_told(&book, true, 4 * SECOND_NS);
	tell(&book, 4, "A 03:03:55-03:08:09", true);
	alert_book_clear(&book);
}

static void an_alert_that_comes_again_fires(void **state)
{
	(void)state;
	struct alert_book book = { 0 };
	fire(&book, a, 0);
	tell(&book, 0, "A 03:03:55-03:08:05", true);
	fire(&book, none, 10);
	fire(&book, a, 11); /* its end was not told yet */
	tell(&book, 11, "A 03:03:55-03:08:16", true);
	assert_true(alert_book_next_ns(&book) == 71 * SECOND_NS);
	alert_book_clear(&book);
}

/* Alertmanager refuses what ends before it starts. */
static void a_clock_that_is_set_back_makes_no_alert_invalid(void **state)
{
	(void)state;
	struct alert_book book = { 0 };
	fire(&book, a, 0);
	tell(&book, -3600, "", false);
	struct buffer body = { 0 };
	assert_int_equal(alert_book_write(&book, "\"\"", EPOCH_NS - 3600 * SECOND_NS, 0, &body), 1);
	buffer_add(&body, "", 1);
	assert_non_null(strstr(body.data, "\"startsAt\":\"2026-01-02T02:04:05.678Z\""));
	assert_non_null(strstr(body.data, "\"endsAt\":\"2026-01-02T02:08:05.678Z\""));
	buffer_clear(&body);
	alert_book_clear(&book);
}

static void fire_many(struct alert_book *book, size_t count)
{
	struct alert *items = calloc(count, sizeof(*items));
	assert_non_null(items);
	for (size_t i = 0; i < count; i++) {
		char labels[64];
		snprintf(labels, sizeof(labels), "{\"alertname\":\"A%05zu\"}", i);
		items[i] = (struct alert){ strdup(labels), strdup("{}"), EPOCH_NS };
	}
	const struct alert_list list = { items, count };
	assert_int_equal(alert_book_update(book, &list, EPOCH_NS, 0), 0);
	for (size_t i = 0; i < count; i++)
		alert_clear(&items[i]);
	free(items);
}

static void memory_and_requests_are_bounded(void **state)
{
	(void)state;
	struct alert_book book = { 0 };
	fire_many(&book, ALERTS_MOST + 5);
	fire_many(&book, ALERTS_MOST + 5);
	assert_int_equal(book.count, ALERTS_MOST);
	assert_int_equal(book.dropped, 5); /* each once */
	fire_many(&book, ALERTS_MOST + 7);
	assert_int_equal(book.dropped, 7);
	size_t told = 0, requests = 0;
	for (size_t count = 1; count; requests += count > 0) {
		struct buffer body = { 0 };
		count = alert_book_write(&book, "\"\"", EPOCH_NS, 0, &body);
		assert_true(count <= ALERTS_BATCH_MOST);
		alert_book_told(&book, true, 0);
		buffer_clear(&body);
		told += count;
	}
	assert_int_equal(told, ALERTS_MOST);
	assert_int_equal(requests, ALERTS_MOST / ALERTS_BATCH_MOST);
	alert_book_clear(&book);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_alert_is_told_at_once_again_each_minute_and_when_it_ends),
		cmocka_unit_test(what_was_never_told_ends_in_silence),
		cmocka_unit_test(what_was_not_taken_stays_due),
		cmocka_unit_test(what_changes_during_a_request_is_told_by_the_next),
		cmocka_unit_test(an_alert_that_comes_again_fires),
		cmocka_unit_test(a_clock_that_is_set_back_makes_no_alert_invalid),
		cmocka_unit_test(memory_and_requests_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
