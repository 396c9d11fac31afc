// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/drop/drop_ledger.h"
#include "tests/support/facts_builder.h"

/* One reading after the other; facts hold the rows after the last. */
struct book {
	struct drop_ledger ledger;
	struct facts *facts;
	struct drop_count counts[DROP_ACCOUNTS_MAX + 8];
	size_t count;
};

static void book_open(struct book *book)
{
	memset(book, 0, sizeof(*book));
	book->facts = build_facts();
	build_device(book->facts, "eth0");
	build_device(book->facts, "eth1");
}

static void book_close(struct book *book)
{
	drop_ledger_clear(&book->ledger);
	facts_free(book->facts);
}

static void count_drops(struct book *book, int ifindex, enum drop_reason reason, uint64_t packets)
{
	book->counts[book->count++] = (struct drop_count){ ifindex, reason, packets };
}

static void book_read(struct book *book)
{
	const struct drop_counts counts = { .items = book->counts, .count = book->count };
	struct facts *facts = book->facts;
	assert_int_equal(drop_ledger_enter(&book->ledger, &counts, facts), 0);
	free(facts->device_drops);
	facts->device_drops = NULL;
	facts->device_drop_count = 0;
	assert_int_equal(drop_ledger_give(&book->ledger, facts), 0);
	book->count = 0;
	build_later(facts, 1);
}

static const struct device_drop *row(const struct book *book, const char *name, enum drop_reason reason)
{
	for (size_t i = 0; i < book->facts->device_drop_count; i++)
		if (strcmp(book->facts->device_drops[i].name, name) == 0 &&
			book->facts->device_drops[i].reason == reason)
			return &book->facts->device_drops[i];
	return NULL;
}

static void assert_row(const struct book *book, const char *name, uint64_t packets, uint64_t recent)
{
	const struct device_drop *found = row(book, name, DROP_IP_RPFILTER);
	assert_non_null(found);
	assert_int_equal(found->packets, packets);
	assert_int_equal(found->recent, recent);
}

static void counts_go_to_devices_and_reasons(void **state)
{
	(void)state;
	struct book book;
	book_open(&book);
	count_drops(&book, 2, DROP_IP_RPFILTER, 5);
	count_drops(&book, 3, DROP_IP_RPFILTER, 1);
	count_drops(&book, 3, DROP_NETFILTER_DROP, 9);
	book_read(&book);
	count_drops(&book, 2, DROP_IP_RPFILTER, 12);
	count_drops(&book, 3, DROP_IP_RPFILTER, 1);
	book_read(&book);
	assert_int_equal(book.facts->device_drop_count, 3);
	assert_row(&book, "eth0", 12, 12);
	assert_row(&book, "eth1", 1, 1);
	assert_int_equal(row(&book, "eth1", DROP_NETFILTER_DROP)->packets, 9);
	assert_int_equal(row(&book, "eth1", DROP_NETFILTER_DROP)->ifindex, 3);
	assert_true(row(&book, "eth0", DROP_IP_RPFILTER)->risen_ns >
		    row(&book, "eth1", DROP_IP_RPFILTER)->risen_ns);
	build_later(book.facts, 70);
	book_read(&book);
	assert_row(&book, "eth0", 12, 0);
	book_close(&book);
}

static void a_port_counts_as_its_bridge(void **state)
{
	(void)state;
	struct book book;
	book_open(&book);
	struct device *bridge = build_device(book.facts, "br0");
	book.facts->devices[1].port = true;
	book.facts->devices[1].master = bridge->ifindex;
	count_drops(&book, 3, DROP_IP_RPFILTER, 2);
	count_drops(&book, bridge->ifindex, DROP_IP_RPFILTER, 3);
	book_read(&book);
	assert_int_equal(book.facts->device_drop_count, 1);
	assert_row(&book, "br0", 5, 5);
	book_close(&book);
}

static void a_renamed_device_goes_on_under_its_new_name(void **state)
{
	(void)state;
	struct book book;
	book_open(&book);
	count_drops(&book, 2, DROP_IP_RPFILTER, 5);
	book_read(&book);
	strcpy(book.facts->devices[0].name, "wan");
	count_drops(&book, 2, DROP_IP_RPFILTER, 7);
	book_read(&book);
	assert_row(&book, "eth0", 5, 5);
	assert_int_equal(row(&book, "eth0", DROP_IP_RPFILTER)->ifindex, 0);
	assert_row(&book, "wan", 2, 2);
	assert_int_equal(row(&book, "wan", DROP_IP_RPFILTER)->ifindex, 2);
	book_close(&book);
}

static void what_has_gone_keeps_its_row_and_goes_on_when_it_is_back(void **state)
{
	(void)state;
	struct book book;
	struct drop_meter meter;
	book_open(&book);
	count_drops(&book, 3, DROP_IP_RPFILTER, 5);
	book_read(&book);
	assert_false(drop_ledger_retire(&book.ledger, &meter));
	book.facts->device_count = 1;
	count_drops(&book, 3, DROP_IP_RPFILTER, 6); /* dropped just before it went */
	book_read(&book);
	assert_row(&book, "eth1", 6, 6);
	assert_true(drop_ledger_retire(&book.ledger, &meter));
	assert_int_equal(meter.ifindex, 3);
	assert_int_equal(meter.reason, DROP_IP_RPFILTER);
	assert_false(drop_ledger_retire(&book.ledger, &meter));
	build_device(book.facts, "eth1")->ifindex = 9;
	count_drops(&book, 9, DROP_IP_RPFILTER, 4);
	book_read(&book);
	assert_row(&book, "eth1", 10, 10);
	assert_int_equal(row(&book, "eth1", DROP_IP_RPFILTER)->ifindex, 9);
	book_close(&book);
}

static void an_unknown_device_is_waited_for(void **state)
{
	(void)state;
	struct book book;
	book_open(&book);
	count_drops(&book, 4, DROP_IP_RPFILTER, 5);
	count_drops(&book, 77, DROP_IP_RPFILTER, 1);
	book_read(&book);
	assert_int_equal(book.facts->device_drop_count, 0);
	build_device(book.facts, "eth2");
	count_drops(&book, 4, DROP_IP_RPFILTER, 6);
	count_drops(&book, 77, DROP_IP_RPFILTER, 1);
	book_read(&book);
	assert_int_equal(book.facts->device_drop_count, 1);
	assert_row(&book, "eth2", 6, 6);
	build_later(book.facts, 10);
	count_drops(&book, 77, DROP_IP_RPFILTER, 2);
	book_read(&book);
	assert_row(&book, "", 2, 2);
	struct drop_meter meter;
	assert_true(drop_ledger_retire(&book.ledger, &meter));
	assert_int_equal(meter.ifindex, 77);
	book_close(&book);
}

static void packets_without_a_device_stay_without(void **state)
{
	(void)state;
	struct book book;
	struct drop_meter meter;
	book_open(&book);
	count_drops(&book, 0, DROP_IP_RPFILTER, 3);
	book_read(&book);
	assert_row(&book, "", 3, 3);
	assert_int_equal(row(&book, "", DROP_IP_RPFILTER)->ifindex, 0);
	assert_false(drop_ledger_retire(&book.ledger, &meter));
	assert_null(facts_device_drop(book.facts, 0, DROP_IP_RPFILTER));
	book_close(&book);
}

static void name_many(struct book *book, int first)
{
	for (int i = 0; i < DROP_ACCOUNTS_MAX; i++) {
		char name[IF_NAMESIZE];
		snprintf(name, sizeof(name), "v%d", first + i);
		build_device(book->facts, name)->ifindex = first + i;
		count_drops(book, first + i, DROP_IP_RPFILTER, 1);
	}
}

static void accounts_are_bounded_and_those_of_the_gone_give_way(void **state)
{
	(void)state;
	struct book book;
	book_open(&book);
	name_many(&book, 100);
	count_drops(&book, 2, DROP_IP_RPFILTER, 6);
	book_read(&book);
	assert_int_equal(book.facts->device_drop_count, DROP_ACCOUNTS_MAX);
	assert_int_equal(book.ledger.omitted, 6);
	book.facts->device_count--; /* the last of the many */
	count_drops(&book, 2, DROP_IP_RPFILTER, 8);
	book_read(&book);
	assert_int_equal(book.facts->device_drop_count, DROP_ACCOUNTS_MAX);
	assert_int_equal(book.ledger.omitted, 6);
	assert_row(&book, "eth0", 2, 2);
	book_close(&book);
}

static void without_devices_nothing_is_named(void **state)
{
	(void)state;
	struct book book;
	struct drop_meter meter;
	book_open(&book);
	book.facts->device_count = 0;
	for (int i = 0; i < 10; i++) {
		count_drops(&book, 2, DROP_IP_RPFILTER, 6);
		book_read(&book);
	}
	assert_int_equal(book.facts->device_drop_count, 0);
	assert_false(drop_ledger_retire(&book.ledger, &meter));
	book_close(&book);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_go_to_devices_and_reasons),
		cmocka_unit_test(a_port_counts_as_its_bridge),
		cmocka_unit_test(a_renamed_device_goes_on_under_its_new_name),
		cmocka_unit_test(what_has_gone_keeps_its_row_and_goes_on_when_it_is_back),
		cmocka_unit_test(an_unknown_device_is_waited_for),
		cmocka_unit_test(packets_without_a_device_stay_without),
		cmocka_unit_test(accounts_are_bounded_and_those_of_the_gone_give_way),
		cmocka_unit_test(without_devices_nothing_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
