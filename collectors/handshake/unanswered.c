// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/handshake/unanswered.h"

static bool unanswered_is(const struct unanswered_row *row, const struct address *server, uint16_t port)
{
	return row->service.port == port && address_equal(&row->service.server, server);
}

void unanswered_note(
	struct unanswered_table *table, const struct unanswered_service *service, uint32_t sequence)
{
	struct unanswered_row *known = NULL, *oldest = &table->rows[0];
	for (unsigned i = 0; i < table->count && !known; i++) {
		struct unanswered_row *row = &table->rows[i];
		if (row->service.device == service->device &&
			unanswered_is(row, &service->server, service->port))
			known = row;
		else if (row->service.last_ns < oldest->service.last_ns)
			oldest = row;
	}
	struct unanswered_row fresh = { .service = *service, .sequence = sequence };
	fresh.service.repeats = 1;
	fresh.service.repeated_ns = service->last_ns;
	if (known && service->last_ns - known->service.last_ns < HANDSHAKE_RECENT_NS) {
		fresh.service.repeats = known->service.repeats + 1;
		fresh.service.repeated_ns = known->service.repeated_ns;
		fresh.service.since_ns = known->service.since_ns;
	}
	if (!known)
		known = table->count < UNANSWERED_MOST ? &table->rows[table->count++] : oldest;
	*known = fresh;
}

void unanswered_end(struct unanswered_table *table, const struct address *server, uint16_t port)
{
	for (unsigned i = table->count; i-- > 0;)
		if (unanswered_is(&table->rows[i], server, port))
			table->rows[i] = table->rows[--table->count];
}
