// SPDX-License-Identifier: GPL-2.0-or-later
/* The host's connected networks, each once: ten thousand addresses may stand in one. */
#include <errno.h>

#include "collectors/growth.h"
#include "collectors/service.h"
#include "collectors/survey.h"

static bool is_known_network(const struct survey *survey, const struct prefix *prefix, int ifindex)
{
	for (size_t i = 0; i < survey->network_count; i++)
		if (survey->networks[i].ifindex == ifindex &&
			survey->networks[i].prefix.length == prefix->length &&
			address_equal(&survey->networks[i].prefix.address, &prefix->address))
			return true;
	return false;
}

static int note_network(struct survey *survey, const struct local_address *local)
{
	const struct prefix prefix = prefix_network(&local->prefix);
	const struct line *line = facts_line(survey->facts, local->ifindex, prefix.address.family);
	const struct address none = { 0 };
	if (is_known_network(survey, &prefix, local->ifindex))
		return 0;
	struct survey_network *network = GROW(survey->networks, survey->network_count);
	if (!network)
		return -ENOMEM;
	*network = (struct survey_network){ .prefix = prefix, .ifindex = local->ifindex };
	if (!service_neighbour(survey->facts, local, line ? &line->gateway : &none, &network->neighbour))
		network->neighbour = none;
	return 0;
}

int survey_networks(struct survey *survey)
{
	const struct facts *facts = survey->facts;
	int result = 0;
	for (size_t i = 0; result == 0 && i < facts->address_count; i++) {
		const struct prefix *prefix = &facts->addresses[i].prefix;
		if (prefix->length < address_size(prefix->address.family) * 8)
			result = note_network(survey, &facts->addresses[i]);
	}
	return result;
}
