// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/conntrack/conntrack_dump.h"

#define ENTRY    (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW)
#define SEQUENCE 7

/* A message with an int behind its header: an entry's own bytes do not matter here. */
struct message {
	uint16_t type, flags;
	uint32_t sequence;
	int value;
};

static size_t append(uint8_t *piece, size_t size, const struct message *message)
{
	const struct nlmsghdr header = { NLMSG_LENGTH(sizeof(int)), message->type, message->flags,
		message->sequence, 0 };
	memcpy(piece + size, &header, sizeof(header));
	memcpy(piece + size + NLMSG_HDRLEN, &message->value, sizeof(int));
	return size + NLMSG_SPACE(sizeof(int));
}

static void count(const struct nlmsghdr *header, void *argument)
{
	unsigned *entries = argument;
	assert_int_equal(header->nlmsg_type, ENTRY);
	(*entries)++;
}

#define MESSAGES 4
static const struct {
	struct message messages[MESSAGES]; /* up to one of type 0 */
	int result;
	unsigned entries;
	int spoiled;
} pieces[] = {
	{ { { ENTRY, 0, SEQUENCE, 0 }, { ENTRY, 0, SEQUENCE, 0 } }, 0, 2, 0 },
	{ { { ENTRY, 0, SEQUENCE, 0 }, { NLMSG_DONE, 0, SEQUENCE, 0 } }, 1, 1, 0 },
	{ { { NLMSG_DONE, 0, SEQUENCE, 0 }, { ENTRY, 0, SEQUENCE, 0 } }, 1, 0, 0 },
	{ { { ENTRY, 0, SEQUENCE - 1, 0 }, { ENTRY, 0, SEQUENCE, 0 } }, 0, 1, 0 },
	{ { { NLMSG_DONE, 0, SEQUENCE - 1, 0 }, { ENTRY, 0, SEQUENCE, 0 } }, 0, 1, 0 },
	{ { { NLMSG_ERROR, 0, SEQUENCE - 1, -EBUSY }, { ENTRY, 0, SEQUENCE, 0 } }, 0, 1, 0 },
	{ { { NLMSG_ERROR, 0, SEQUENCE, -EPERM } }, -EPERM, 0, 0 },
	{ { { NLMSG_ERROR, 0, SEQUENCE, -EBUSY } }, -EBUSY, 0, 0 },
	{ { { NLMSG_ERROR, 0, SEQUENCE, 0 } }, -EPROTO, 0, 0 },
	{ { { ENTRY, 0, SEQUENCE, 0 }, { NLMSG_DONE, 0, SEQUENCE, -ENOMEM } }, -ENOMEM, 1, 0 },
	{ { { ENTRY, NLM_F_DUMP_INTR, SEQUENCE, 0 } }, 0, 1, -EINTR },
	{ { { ENTRY, NLM_F_DUMP_INTR, SEQUENCE, 0 }, { NLMSG_DONE, 0, SEQUENCE, 0 } }, -EINTR, 1, -EINTR },
	{ { { NLMSG_DONE, NLM_F_DUMP_INTR, SEQUENCE, 0 } }, -EINTR, 0, -EINTR },
	{ { { NLMSG_OVERRUN, 0, SEQUENCE, 0 }, { ENTRY, 0, SEQUENCE, 0 }, { NLMSG_DONE, 0, SEQUENCE, 0 } },
		-ENOBUFS, 1, -ENOBUFS },
	{ { { NLMSG_NOOP, 0, SEQUENCE, 0 }, { ENTRY + 1, 0, SEQUENCE, 0 } }, 0, 0, 0 },
};

static void messages_are_told_apart(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		alignas(struct nlmsghdr) uint8_t piece[256];
		struct conntrack_dump dump = { .sequence = SEQUENCE };
		unsigned entries = 0;
		size_t size = 0;
		for (int j = 0; j < MESSAGES && pieces[i].messages[j].type; j++)
			size = append(piece, size, &pieces[i].messages[j]);
		assert_int_equal(conntrack_dump_read(&dump, piece, size, count, &entries), pieces[i].result);
		assert_int_equal(entries, pieces[i].entries);
		assert_int_equal(dump.spoiled, pieces[i].spoiled);
	}
}

static void a_spoiled_dump_stays_spoiled_to_its_end(void **state)
{
	(void)state;
	alignas(struct nlmsghdr) uint8_t piece[64];
	struct conntrack_dump dump = { .sequence = SEQUENCE };
	unsigned entries = 0;
	dump.spoiled = -ENOBUFS;
	size_t size = append(piece, 0, &(struct message){ ENTRY, 0, SEQUENCE, 0 });
	assert_int_equal(conntrack_dump_read(&dump, piece, size, count, &entries), 0);
	size = append(piece, 0, &(struct message){ NLMSG_DONE, 0, SEQUENCE, 0 });
	assert_int_equal(conntrack_dump_read(&dump, piece, size, count, &entries), -ENOBUFS);
}

static void cut_pieces_spoil(void **state)
{
	(void)state;
	uint8_t whole[128];
	size_t size = append(whole, 0, &(struct message){ ENTRY, 0, SEQUENCE, 0 });
	const size_t first = size;
	size = append(whole, size, &(struct message){ ENTRY, 0, SEQUENCE, 0 });
	for (size_t cut = 0; cut < size; cut++) {
		struct conntrack_dump dump = { .sequence = SEQUENCE };
		unsigned entries = 0;
		uint8_t *piece = malloc(cut ? cut : 1); /* for the sanitizer's sake */
		assert_non_null(piece);
		memcpy(piece, whole, cut);
		assert_int_equal(conntrack_dump_read(&dump, piece, cut, count, &entries), 0);
		assert_int_equal(dump.spoiled, cut == 0 || cut == first ? 0 : -EBADMSG);
		assert_int_equal(entries, cut >= first);
		free(piece);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_are_told_apart),
		cmocka_unit_test(a_spoiled_dump_stays_spoiled_to_its_end),
		cmocka_unit_test(cut_pieces_spoil),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
