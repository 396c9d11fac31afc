// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/drop_families.h"

#include "collectors/drop_reason.h"

/* NULL unless drops are counted. */
static const struct facts *counted(const struct exposition *exposition)
{
	const struct facts *facts = exposition->facts;
	return facts && facts->device_drops_known ? facts : NULL;
}

void emit_device_drops(struct metrics *metrics, const struct exposition *exposition)
{
	const struct facts *facts = counted(exposition);
	for (size_t i = 0; facts && i < facts->device_drop_count; i++)
		metrics_add(metrics, (double)facts->device_drops[i].packets, facts->device_drops[i].name,
			drop_reason_name(facts->device_drops[i].reason));
}

void emit_device_drops_uncounted(struct metrics *metrics, const struct exposition *exposition)
{
	const struct facts *facts = counted(exposition);
	if (facts)
		metrics_add(metrics, (double)facts->device_drops_uncounted);
}

void emit_drop_reasons(struct metrics *metrics, const struct exposition *exposition)
{
	const struct facts *facts = counted(exposition);
	for (unsigned i = 0; facts && i < DROP_REASONS; i++)
		metrics_add(metrics, facts->drop_reasons >> i & 1, drop_reason_name((enum drop_reason)i));
}

/* 0 for devices that filter or could: a counter that is there before it rises shows its first rise. */
static void emit_untouched(struct metrics *metrics, const struct facts *facts)
{
	for (size_t i = 0; i < facts->device_count; i++) {
		const struct device *device = &facts->devices[i];
		if (!device->port && device->rp_filter_effective != RP_FILTER_UNKNOWN &&
			!facts_device_drop(facts, device->ifindex, DROP_IP_RPFILTER))
			metrics_add(metrics, 0, device->name);
	}
}

void emit_rp_filter_device_drops(struct metrics *metrics, const struct exposition *exposition)
{
	const struct facts *facts = counted(exposition);
	if (!facts || !(facts->drop_reasons >> DROP_IP_RPFILTER & 1))
		return;
	for (size_t i = 0; i < facts->device_drop_count; i++)
		if (facts->device_drops[i].reason == DROP_IP_RPFILTER)
			metrics_add(
				metrics, (double)facts->device_drops[i].packets, facts->device_drops[i].name);
	emit_untouched(metrics, facts);
}
