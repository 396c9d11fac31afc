/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * From the program's counts by interface number to counts by device name: ports count as their bridge or
 * bond, a device that is renamed goes on under its new name, and what one that has gone was charged with
 * stays. All-zero is empty. Pure, bounded.
 */

#include "collectors/base/history.h"
#include "collectors/drop/drop_program.h"

#define DROP_ACCOUNTS_MAX     512
#define DROP_NAME_PATIENCE_NS (5 * INT64_C(1000000000))

/* What is known of one of the program's counts. */
struct drop_meter {
	int ifindex;
	enum drop_reason reason;
	uint64_t last; /* packets that were charged to an account */
	int64_t met_ns;
	char name[IF_NAMESIZE]; /* of its device, or of that above it */
	bool named;
	bool gone; /* the device was there, or was waited for in vain, and is not there now */
};

struct drop_account {
	char name[IF_NAMESIZE];
	enum drop_reason reason;
	uint64_t packets;
	struct history history;
};

struct drop_ledger {
	struct drop_meter *meters;
	size_t meter_count;
	struct drop_account *accounts;
	size_t account_count;
	uint64_t omitted; /* packets for which there was no account left */
};

void drop_ledger_clear(struct drop_ledger *ledger);

/* Charges what has risen since the last call. `facts` has the devices. A device that is not among them is
 * waited for, DROP_NAME_PATIENCE_NS at most; then its packets go to the name "". 0 or -ENOMEM: then some are
 * charged the next time. */
int drop_ledger_enter(
	struct drop_ledger *ledger, const struct drop_counts *counts, const struct facts *facts);

/* Takes a meter out whose device has gone: its count can be forgotten. False if there is none. */
bool drop_ledger_retire(struct drop_ledger *ledger, struct drop_meter *out);

/* Adds a row for each account to the facts. 0 or -ENOMEM. */
int drop_ledger_give(const struct drop_ledger *ledger, struct facts *facts);
