// SPDX-License-Identifier: GPL-2.0-or-later
#include "alerts/verdict.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	unsigned char weight; /* how bad it is for the service that has it */
} verdict_table[VERDICTS] = {
	[VERDICT_COVERED] = { "covered", 0 },
	[VERDICT_UNKNOWN] = { "unknown", 1 },
	[VERDICT_INTENDED] = { "intended", 2 },
	[VERDICT_PARTLY] = { "partly", 3 },
	[VERDICT_NO_ROUTE] = { "no_route", 4 },
	[VERDICT_UNCOVERED] = { "uncovered", 5 },
};

const char *verdict_name(enum verdict verdict)
{
	return verdict_table[verdict].name;
}

static enum verdict devices_verdict(const struct service *service, const struct path *path)
{
	const struct device_set *devices = &path->reply.devices;
	unsigned covered = 0;
	for (unsigned i = 0; i < devices->count; i++)
		covered += devices->ifindex[i] == path->arrival ||
			   device_set_contains(&service->arrival, devices->ifindex[i]);
	if (devices->count == 0)
		return VERDICT_UNKNOWN;
	if (devices->more || (covered > 0 && covered < devices->count))
		return VERDICT_PARTLY;
	return covered ? VERDICT_COVERED : VERDICT_UNCOVERED;
}

static enum verdict answer_verdict(const struct service *service, const struct path *path)
{
	switch (path->reply.result) {
	case ROUTE_FOUND:
		return devices_verdict(service, path);
	case ROUTE_NONE:
	case ROUTE_UNREACHABLE:
	case ROUTE_PROHIBIT:
	case ROUTE_BLACKHOLE:
	case ROUTE_NOT_FORWARDED:
		return VERDICT_NO_ROUTE;
	case ROUTE_NOT_ASKED:
	case ROUTE_LOCAL:
	case ROUTE_RP_FILTER:
	case ROUTE_MARTIAN:
	case ROUTE_FAILED:
		return VERDICT_UNKNOWN;
	}
	return VERDICT_UNKNOWN;
}

enum verdict path_verdict_undeclared(const struct facts *facts, const struct path *path)
{
	if (path->service >= facts->service_count || path->mark_decides || path->arrival == 0 ||
		path->basis == PATH_POSSIBLE || path->answers)
		return VERDICT_UNKNOWN;
	return answer_verdict(&facts->services[path->service], path);
}

static bool fits_name(const char *wanted, const char *name)
{
	return wanted[0] == '\0' || strcmp(wanted, name) == 0;
}

bool intended_covers(const struct settings *settings, const struct address *address,
	const struct address *target, const char *arrival, const char *reply)
{
	for (size_t i = 0; i < settings->intended_count; i++) {
		const struct intended *intended = &settings->intended[i];
		if ((prefix_contains(&intended->address, address) ||
			    prefix_contains(&intended->address, target)) &&
			fits_name(intended->arrival, arrival) && fits_name(intended->reply, reply))
			return true;
	}
	return false;
}

static enum verdict declared_verdict(const struct settings *settings, const struct facts *facts,
	const struct path *path, enum verdict verdict)
{
	if (verdict != VERDICT_UNCOVERED && verdict != VERDICT_PARTLY && verdict != VERDICT_NO_ROUTE)
		return verdict;
	const struct service *service = &facts->services[path->service];
	const struct device_set *devices = &path->reply.devices;
	bool one = path->reply.result == ROUTE_FOUND && devices->count == 1 && !devices->more;
	return intended_covers(settings, &service->address, &service->target,
		       facts_device_name(facts, path->arrival),
		       one ? facts_device_name(facts, devices->ifindex[0]) : "")
		       ? VERDICT_INTENDED
		       : verdict;
}

enum verdict path_verdict(const struct settings *settings, const struct facts *facts, const struct path *path)
{
	return declared_verdict(settings, facts, path, path_verdict_undeclared(facts, path));
}

enum verdict reply_verdict(
	const struct settings *settings, const struct facts *facts, const struct path *path)
{
	return declared_verdict(settings, facts, path, answer_verdict(&facts->services[path->service], path));
}

int verdicts_make(const struct settings *settings, const struct facts *facts, struct verdicts *out)
{
	struct verdicts verdicts = { calloc(facts->path_count + 1, sizeof(enum verdict)),
		calloc(facts->service_count + 1, sizeof(enum verdict)) };
	if (!verdicts.paths || !verdicts.services) {
		verdicts_clear(&verdicts);
		return -ENOMEM;
	}
	for (size_t i = 0; i < facts->service_count; i++)
		verdicts.services[i] = VERDICTS; /* none yet */
	for (size_t i = 0; i < facts->path_count; i++) {
		enum verdict verdict = path_verdict(settings, facts, &facts->paths[i]);
		size_t service = facts->paths[i].service;
		verdicts.paths[i] = verdict;
		if (service < facts->service_count &&
			(verdicts.services[service] == VERDICTS ||
				verdict_table[verdict].weight >
					verdict_table[verdicts.services[service]].weight))
			verdicts.services[service] = verdict;
	}
	for (size_t i = 0; i < facts->service_count; i++)
		if (verdicts.services[i] == VERDICTS)
			verdicts.services[i] = VERDICT_UNKNOWN;
	*out = verdicts;
	return 0;
}

void verdicts_clear(struct verdicts *verdicts)
{
	free(verdicts->paths);
	free(verdicts->services);
	*verdicts = (struct verdicts){ 0 };
}
