// SPDX-License-Identifier: GPL-2.0-or-later
#include "alerts/condition.h"

const struct condition_kind condition_table[CONDITIONS] = {
	[CONDITION_REPLY_WRONG_DEVICE] = {
		.name = "reply_wrong_device",
		.help = "Requests for a service address arrive on one device, and their replies leave by another",
		.yield = reply_wrong_device,
	},
	[CONDITION_NO_REPLY_ROUTE] = {
		.name = "no_reply_route",
		.help = "Requests for a service address arrive, and this host has no route for their replies",
		.yield = no_reply_route,
	},
	[CONDITION_RP_FILTER_DROPS] = {
		.name = "rp_filter_drops",
		.help = "Packets that arrive on a device are dropped by reverse-path filtering",
		.yield = rp_filter_drops,
	},
	[CONDITION_HANDSHAKE_ONE_WAY] = {
		.name = "handshake_one_way",
		.help = "Clients repeat their SYN although it was answered, and no handshake completes there",
		.yield = handshake_one_way,
	},
	[CONDITION_REPLY_IGNORED] = {
		.name = "reply_ignored",
		.help = "Answers to this host arrive on a device, and it goes on asking as if they had not",
		.yield = reply_ignored,
	},
	[CONDITION_REPLY_FROM_OTHER_ADDRESS] = {
		.name = "reply_from_other_address",
		.help = "What this host asked of one address is answered by another",
		.yield = reply_from_other_address,
	},
	[CONDITION_FOREIGN_SOURCE] = {
		.name = "foreign_source",
		.help = "Replies leave by a device with a source address that belongs to another device of this host",
		.yield = foreign_source,
	},
	[CONDITION_RETURN_ONLY] = {
		.name = "return_only",
		.help = "SYN-ACKs pass through this host whose SYN never did",
		.yield = return_only,
	},
	[CONDITION_FORWARD_DROP] = {
		.name = "forward_drop",
		.help = "Requests for a translated service arrive, do not leave, and nothing answers",
		.yield = forward_drop,
	},
	[CONDITION_HALF_OPEN_NAT] = {
		.name = "half_open_nat",
		.help = "Translated connections are answered and stay unacknowledged, far more than elsewhere on this host",
		.yield = half_open_nat,
	},
};

static bool explains_on_device(
	const struct scene *scene, const struct finding *cause, const struct finding *symptom)
{
	(void)scene;
	return cause->device != 0 && cause->device == symptom->device;
}

/* Whatever their devices. */
static bool explains_at_address(
	const struct scene *scene, const struct finding *cause, const struct finding *symptom)
{
	(void)scene;
	return cause->has_service && symptom->has_service && cause->intended == symptom->intended &&
	       address_equal(&cause->address, &symptom->address);
}

static bool explains_at_place(
	const struct scene *scene, const struct finding *cause, const struct finding *symptom)
{
	return explains_on_device(scene, cause, symptom) && explains_at_address(scene, cause, symptom);
}

/* The answers that are ignored come from the device behind which the cause's target lives. */
static bool no_route_explains_ignored(
	const struct scene *scene, const struct finding *cause, const struct finding *symptom)
{
	for (size_t i = 0; i < scene->now->service_count; i++) {
		const struct service *service = &scene->now->services[i];
		if (symptom->device && service->target_ifindex == symptom->device &&
			address_equal(&service->address, &cause->address) &&
			address_equal(&service->target, &cause->target))
			return true;
	}
	return false;
}

const struct explanation_rule explanation_table[] = {
	{ CONDITION_RP_FILTER_DROPS, CONDITION_REPLY_WRONG_DEVICE, rp_filter_explains_reply },
	{ CONDITION_RP_FILTER_DROPS, CONDITION_NO_REPLY_ROUTE, rp_filter_explains_reply },
	{ CONDITION_RP_FILTER_DROPS, CONDITION_RP_FILTER_DROPS, rp_filter_explains_itself },
	{ CONDITION_RP_FILTER_DROPS, CONDITION_REPLY_IGNORED, explains_on_device },
	{ CONDITION_RP_FILTER_DROPS, CONDITION_FORWARD_DROP, rp_filter_explains_forward_drop },
	{ CONDITION_REPLY_WRONG_DEVICE, CONDITION_HANDSHAKE_ONE_WAY, explains_at_place },
	{ CONDITION_REPLY_WRONG_DEVICE, CONDITION_FOREIGN_SOURCE, explains_at_address },
	{ CONDITION_NO_REPLY_ROUTE, CONDITION_HANDSHAKE_ONE_WAY, explains_at_address },
	{ CONDITION_NO_REPLY_ROUTE, CONDITION_REPLY_IGNORED, no_route_explains_ignored },
	{ CONDITION_FOREIGN_SOURCE, CONDITION_RETURN_ONLY, explains_on_device },
	{ CONDITION_REPLY_WRONG_DEVICE, CONDITION_HALF_OPEN_NAT, explains_at_address },
	{ CONDITION_NO_REPLY_ROUTE, CONDITION_HALF_OPEN_NAT, explains_at_address },
	{ CONDITION_HANDSHAKE_ONE_WAY, CONDITION_HALF_OPEN_NAT, explains_at_address },
};

const size_t explanation_count = sizeof(explanation_table) / sizeof(*explanation_table);

const char *condition_name(enum condition condition)
{
	return condition_table[condition].name;
}

const char *condition_help(enum condition condition)
{
	return condition_table[condition].help;
}
