// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/drop/drop_ledger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/array.h"

void drop_ledger_clear(struct drop_ledger *ledger)
{
	free(ledger->meters);
	free(ledger->accounts);
	*ledger = (struct drop_ledger){ 0 };
}

/* ---- meters ---- */

static struct drop_meter *meter_of(struct drop_ledger *ledger, const struct drop_count *count, int64_t now)
{
	for (size_t i = 0; i < ledger->meter_count; i++)
		if (ledger->meters[i].ifindex == count->ifindex && ledger->meters[i].reason == count->reason)
			return &ledger->meters[i];
	struct drop_meter *meter = ARRAY_ADD(ledger->meters, ledger->meter_count);
	if (meter)
		*meter = (struct drop_meter){
			.ifindex = count->ifindex, .reason = count->reason, .met_ns = now
		};
	return meter;
}

/* A port is named as its bridge or bond. */
static void name_meter(struct drop_meter *meter, const struct facts *facts)
{
	const struct device *device = facts_device(facts, meter->ifindex);
	const struct device *master = device && device->port ? facts_device(facts, device->master) : NULL;
	bool waited = facts->monotonic_ns - meter->met_ns >= DROP_NAME_PATIENCE_NS;
	if (device)
		memcpy(meter->name, (master ? master : device)->name, sizeof(meter->name));
	meter->named |= device || meter->ifindex == 0;
	meter->gone = !device && meter->ifindex != 0 && (meter->named || waited) && facts->device_count > 0;
}

bool drop_ledger_retire(struct drop_ledger *ledger, struct drop_meter *out)
{
	for (size_t i = 0; i < ledger->meter_count; i++)
		if (ledger->meters[i].gone) {
			*out = ledger->meters[i];
			ledger->meters[i] = ledger->meters[--ledger->meter_count];
			return true;
		}
	return false;
}

/* ---- accounts ---- */

/* Of those whose device has gone, the one that did not rise for longest; NULL if there is none. */
static struct drop_account *stale_account(struct drop_ledger *ledger, const struct facts *facts)
{
	struct drop_account *stale = NULL;
	for (size_t i = 0; i < ledger->account_count; i++) {
		struct drop_account *account = &ledger->accounts[i];
		bool gone = account->name[0] != '\0' && !facts_device_named(facts, account->name);
		if (gone && (!stale || account->history.risen_ns < stale->history.risen_ns))
			stale = account;
	}
	return stale;
}

/* 0 or -ENOMEM. */
static int charge_account(struct drop_ledger *ledger, const struct drop_meter *meter, uint64_t packets,
	const struct facts *facts)
{
	struct drop_account *account = NULL;
	for (size_t i = 0; i < ledger->account_count && !account; i++)
		if (ledger->accounts[i].reason == meter->reason &&
			strcmp(ledger->accounts[i].name, meter->name) == 0)
			account = &ledger->accounts[i];
	if (!account) {
		bool full = ledger->account_count == DROP_ACCOUNTS_MAX;
		account = full ? stale_account(ledger, facts)
			       : ARRAY_ADD(ledger->accounts, ledger->account_count);
		if (!account && !full)
			return -ENOMEM;
		if (!account) {
			ledger->omitted += packets;
			return 0;
		}
		*account = (struct drop_account){ .reason = meter->reason };
		memcpy(account->name, meter->name, sizeof(account->name));
		history_add(&account->history, facts->monotonic_ns, 0);
	}
	account->packets += packets;
	history_add(&account->history, facts->monotonic_ns, account->packets);
	return 0;
}

/* ---- the ledger ---- */

int drop_ledger_enter(struct drop_ledger *ledger, const struct drop_counts *counts, const struct facts *facts)
{
	for (size_t i = 0; i < counts->count; i++) {
		const struct drop_count *count = &counts->items[i];
		struct drop_meter *meter = meter_of(ledger, count, facts->monotonic_ns);
		if (!meter)
			return -ENOMEM;
		name_meter(meter, facts);
		if (count->packets == meter->last || (!meter->named && !meter->gone))
			continue;
		int error = charge_account(ledger, meter, count->packets - meter->last, facts);
		if (error < 0)
			return error;
		meter->last = count->packets;
	}
	return 0;
}

int drop_ledger_give(const struct drop_ledger *ledger, struct facts *facts)
{
	for (size_t i = 0; i < ledger->account_count; i++) {
		const struct drop_account *account = &ledger->accounts[i];
		const struct device *device =
			account->name[0] ? facts_device_named(facts, account->name) : NULL;
		struct device_drop *row = ARRAY_ADD(facts->device_drops, facts->device_drop_count);
		if (!row)
			return -ENOMEM;
		*row = (struct device_drop){ .ifindex = device ? device->ifindex : 0,
			.reason = account->reason,
			.packets = account->packets,
			.risen_ns = account->history.risen_ns,
			.recent = history_recent(&account->history, facts->monotonic_ns) };
		memcpy(row->name, account->name, sizeof(row->name));
	}
	return 0;
}
