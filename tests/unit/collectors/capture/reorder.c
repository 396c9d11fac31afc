// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include <string.h>

#include "collectors/capture/reorder.h"

#define ROOM 64

struct taken {
	int64_t times[1024];
	uint16_t ports[1024];
	size_t count;
};

static void note(void *argument, const struct packet *packet, const struct sighting *sighting)
{
	struct taken *taken = argument;
	assert_memory_equal(sighting->frame, &sighting->time_ns, sizeof(sighting->time_ns));
	taken->times[taken->count] = sighting->time_ns;
	taken->ports[taken->count++] = packet->source_port;
}

static void put_at(struct reorder *reorder, int64_t time_ns, int device, uint16_t port, struct taken *taken)
{
	uint8_t frame[FRAME_BYTES + 64] = { 0 };
	memcpy(frame, &time_ns, sizeof(time_ns));
	const struct packet packet = { .source_port = port };
	const struct sighting sighting = { .time_ns = time_ns,
		.device = device,
		.direction = DIRECTION_IN,
		.frame = frame,
		.size = sizeof(frame) };
	reorder_put(reorder, &packet, &sighting, note, taken);
}

static void put(struct reorder *reorder, int64_t time_ns, uint16_t port, struct taken *taken)
{
	put_at(reorder, time_ns, 1, port, taken);
}

static void packets_come_out_in_the_order_of_their_time(void **state)
{
	(void)state;
	struct reorder reorder;
	struct taken taken = { 0 };
	assert_int_equal(reorder_init(&reorder, ROOM), 0);
	for (unsigned i = 0; i < ROOM; i++)
		put(&reorder, (i * 37) % ROOM, (uint16_t)i, &taken);
	assert_int_equal(taken.count, 0);
	reorder_release(&reorder, ROOM / 2, SIZE_MAX, note, &taken);
	assert_int_equal(taken.count, ROOM / 2);
	reorder_release(&reorder, INT64_MAX, SIZE_MAX, note, &taken);
	assert_int_equal(taken.count, ROOM);
	for (unsigned i = 0; i < ROOM; i++)
		assert_int_equal(taken.times[i], i);
	reorder_destroy(&reorder);
}

static void those_of_one_time_keep_their_order(void **state)
{
	(void)state;
	struct reorder reorder;
	struct taken taken = { 0 };
	assert_int_equal(reorder_init(&reorder, ROOM), 0);
	for (unsigned i = 0; i < ROOM; i++)
		put(&reorder, 5, (uint16_t)i, &taken);
	reorder_release(&reorder, 6, SIZE_MAX, note, &taken);
	for (unsigned i = 0; i < ROOM; i++)
		assert_int_equal(taken.ports[i], i);
	reorder_destroy(&reorder);
}

static void a_packet_passes_lower_devices_first(void **state)
{
	(void)state;
	struct reorder reorder;
	struct taken taken = { 0 };
	assert_int_equal(reorder_init(&reorder, ROOM), 0);
	for (uint16_t device = ROOM; device > 0; device--)
		put_at(&reorder, 5, device, device, &taken);
	reorder_release(&reorder, 6, SIZE_MAX, note, &taken);
	for (unsigned i = 0; i < ROOM; i++)
		assert_int_equal(taken.ports[i], i + 1);
	reorder_destroy(&reorder);
}

static void without_room_the_earliest_goes_first_and_none_is_lost(void **state)
{
	(void)state;
	struct reorder reorder;
	struct taken taken = { 0 };
	assert_int_equal(reorder_init(&reorder, ROOM), 0);
	for (unsigned i = 0; i < 1000; i++)
		put(&reorder, i ^ 7, (uint16_t)i, &taken); /* out of order by up to 7 */
	assert_int_equal(taken.count, 1000 - ROOM);
	reorder_release(&reorder, INT64_MAX, SIZE_MAX, note, &taken);
	assert_int_equal(taken.count, 1000);
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(taken.times[i], i);
	reorder_destroy(&reorder);
	reorder_destroy(&reorder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_come_out_in_the_order_of_their_time),
		cmocka_unit_test(those_of_one_time_keep_their_order),
		cmocka_unit_test(a_packet_passes_lower_devices_first),
		cmocka_unit_test(without_room_the_earliest_goes_first_and_none_is_lost),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
