// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/metrics/coverage.h"

#include <errno.h>
#include <stdlib.h>

void coverage_clear(struct coverage *coverage)
{
	free(coverage->paths);
	free(coverage->services);
	*coverage = (struct coverage){ 0 };
}

static enum verdict *verdicts_new(size_t count)
{
	return calloc(count ? count : 1, sizeof(enum verdict));
}

/* For each service and verdict, one more than the position of a path that has it, or 0. */
struct representatives {
	size_t paths[VERDICTS];
};

static void represent(const struct facts *facts, const enum verdict *verdicts, struct representatives *out)
{
	for (size_t i = 0; i < facts->path_count; i++)
		out[facts->paths[i].service].paths[verdicts[i]] = i + 1;
}

/* service_verdict() takes a look at every path there is, which is too much for thousands of services. It is
 * shown facts with one path for each verdict among the service's own: the worst of them is the same. */
static enum verdict judge_service(const struct settings *settings, const struct facts *facts,
	const struct representatives *representatives, size_t service)
{
	struct path some[VERDICTS];
	struct facts view = *facts;
	view.paths = some;
	view.path_count = 0;
	for (size_t i = 0; i < VERDICTS; i++)
		if (representatives->paths[i] > 0)
			some[view.path_count++] = facts->paths[representatives->paths[i] - 1];
	return service_verdict(settings, &view, service);
}

static int judge_services(
	const struct settings *settings, const struct facts *facts, const struct coverage *coverage)
{
	struct representatives *all = calloc(facts->service_count + 1, sizeof(*all));
	if (!all)
		return -ENOMEM;
	represent(facts, coverage->paths, all);
	for (size_t i = 0; i < facts->service_count; i++)
		coverage->services[i] = judge_service(settings, facts, &all[i], i);
	free(all);
	return 0;
}

int coverage_make(const struct settings *settings, const struct facts *facts, struct coverage *out)
{
	struct coverage coverage = { verdicts_new(facts->path_count), verdicts_new(facts->service_count) };
	int result = coverage.paths && coverage.services ? 0 : -ENOMEM;
	for (size_t i = 0; result == 0 && i < facts->path_count; i++)
		coverage.paths[i] = path_verdict(settings, facts, &facts->paths[i]);
	if (result == 0)
		result = judge_services(settings, facts, &coverage);
	if (result == 0)
		*out = coverage;
	else
		coverage_clear(&coverage);
	return result;
}
