// SPDX-License-Identifier: GPL-2.0-or-later
/* A piece of a conntrack dump, of which the first message is also read as one that claims all the bytes. */
#include <stdlib.h>
#include <string.h>

#include "collectors/conntrack/conntrack_dump.h"
#include "collectors/conntrack/conntrack_message.h"
#include "collectors/conntrack/conntrack_sweep.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct table {
	struct conntrack_sweep *sweep;
	struct address_set *local;
};

static void fold(const struct nlmsghdr *header, void *argument)
{
	const struct table *table = argument;
	struct conntrack_flow flow;
	if (conntrack_message_parse(header, &flow) == 0)
		conntrack_sweep_add(table->sweep, table->local, &flow);
}

static void read_piece(struct nlmsghdr *piece, size_t size, struct table *table)
{
	struct conntrack_dump dump = { .sequence = piece->nlmsg_seq };
	conntrack_dump_read(&dump, piece, size, fold, table);
	piece->nlmsg_len = (uint32_t)size;
	fold(piece, table);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct table table; /* kept, so that endpoints meet each other */
	if (!table.sweep)
		table = (struct table){ conntrack_sweep_new(), address_set_new(NULL, 0) };
	if (size < sizeof(struct nlmsghdr) || size > UINT32_MAX)
		return 0;
	struct nlmsghdr *piece = malloc(size);
	if (!piece || !table.sweep || !table.local)
		abort();
	memcpy(piece, data, size);
	read_piece(piece, size, &table);
	free(piece);
	return 0;
}
