// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/metrics/families.h"

#include <errno.h>

int exposition_make(const struct snapshot *snapshot, const struct process_stats *process,
	size_t max_addresses, struct exposition *out)
{
	struct exposition exposition = { 0 };
	if (process)
		exposition.process = *process;
	if (snapshot) {
		exposition.facts = snapshot->facts;
		exposition.findings = snapshot->findings;
		int result = selection_make(
			snapshot->facts, snapshot->findings, max_addresses, &exposition.addresses);
		if (result < 0)
			return result;
	}
	*out = exposition;
	return 0;
}

void exposition_clear(struct exposition *exposition)
{
	selection_clear(&exposition->addresses);
}
