// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>

#include "collectors/collector.h"
#include "collectors/drop_ledger.h"
#include "collectors/drop_program.h"

struct dropping {
	struct drop_program *program;
	struct drop_ledger ledger;
};

static void drops_destroy(void *context)
{
	struct dropping *dropping = context;
	if (!dropping)
		return;
	drop_program_close(dropping->program);
	drop_ledger_clear(&dropping->ledger);
	free(dropping);
}

static int drops_init(const struct collector_settings *settings, void **context)
{
	(void)settings;
	struct dropping *dropping = calloc(1, sizeof(*dropping));
	if (!dropping)
		return -ENOMEM;
	int error = drop_program_open(&dropping->program);
	if (error < 0) {
		drops_destroy(dropping);
		return error;
	}
	*context = dropping;
	return 0;
}

static void forget_gone(struct dropping *dropping)
{
	struct drop_meter meter;
	while (drop_ledger_retire(&dropping->ledger, &meter))
		drop_program_forget(dropping->program, meter.ifindex, meter.reason);
}

static int drops_collect(void *context, const struct collector_settings *settings, struct facts *facts)
{
	(void)settings;
	struct dropping *dropping = context;
	struct drop_counts counts;
	uint64_t uncounted;
	int error = drop_program_read(dropping->program, &counts, &uncounted);
	if (error < 0)
		return error;
	error = drop_ledger_enter(&dropping->ledger, &counts, facts);
	free(counts.items);
	if (error == 0)
		error = drop_ledger_give(&dropping->ledger, facts);
	if (error < 0)
		return error;
	forget_gone(dropping);
	facts->device_drops_known = true;
	facts->drop_reasons = drop_program_reasons(dropping->program);
	facts->device_drops_uncounted = uncounted + dropping->ledger.omitted;
	return 0;
}

const struct collector drops_collector = {
	.name = "drops",
	.summary = "packets that the kernel drops, by device and reason, counted by a BPF program",
	.needs = "CAP_BPF and CAP_PERFMON, or CAP_SYS_ADMIN",
	.init = drops_init,
	.collect = drops_collect,
	.destroy = drops_destroy,
	.lacks = drop_program_lacks,
};
