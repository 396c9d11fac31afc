// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/metrics/finding_series.h"

#include <string.h>

bool finding_is_counted(const struct finding *finding)
{
	return finding->open && !finding->intended;
}

static bool same_subject(const struct finding *a, const struct finding *b)
{
	return a->condition == b->condition && a->has_service == b->has_service &&
	       strcmp(a->device_name, b->device_name) == 0 &&
	       (!a->has_service || (a->origin == b->origin && address_equal(&a->address, &b->address)));
}

static bool same_series(const struct finding *a, const struct finding *b, bool by_subject)
{
	return same_subject(a, b) && (by_subject || (a->severity == b->severity && !*a->cause == !*b->cause));
}

static bool is_first(const struct findings *findings, size_t position, bool by_subject)
{
	const struct finding *finding = &findings->items[position];
	for (size_t i = 0; i < position; i++)
		if (finding_is_counted(&findings->items[i]) &&
			same_series(&findings->items[i], finding, by_subject))
			return false;
	return true;
}

bool finding_series_next(const struct findings *findings, const struct selection *shown, bool by_subject,
	size_t *position, struct finding_series *out)
{
	while (*position < findings->count) {
		const size_t at = (*position)++;
		const struct finding *finding = &findings->items[at];
		if (!finding_is_counted(finding) ||
			(finding->has_service && !selection_has(shown, &finding->address)) ||
			!is_first(findings, at, by_subject))
			continue;
		*out = (struct finding_series){ .finding = finding,
			.origin = finding->has_service ? origin_name(finding->origin) : "",
			.cause = *finding->cause ? "false" : "true" };
		if (finding->has_service)
			address_format(&finding->address, out->address);
		return true;
	}
	return false;
}

const struct finding *finding_of_subject(const struct findings *findings, const struct finding *finding)
{
	for (size_t i = 0; i < findings->count; i++)
		if (finding_is_counted(&findings->items[i]) && same_subject(&findings->items[i], finding))
			return &findings->items[i];
	return finding;
}
