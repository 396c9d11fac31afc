/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* One row for each condition, in the order in which they are looked for and listed. */

#include "alerts/condition.h"

#define CONDITIONS(ROW)                         \
	ROW(reply_wrong_device_condition)       \
	ROW(no_reply_route_condition)           \
	ROW(rp_filter_drops_condition)          \
	ROW(handshake_one_way_condition)        \
	ROW(reply_ignored_condition)            \
	ROW(reply_from_other_address_condition) \
	ROW(foreign_source_condition)           \
	ROW(return_only_condition)              \
	ROW(forward_drop_condition)             \
	ROW(half_open_nat_condition)

#define CONDITION_DECLARATION(name) extern const struct condition name;
CONDITIONS(CONDITION_DECLARATION)

/* Explanations that conditions have in common: by the devices, by the addresses whatever the devices, by
 * both. */
bool explains_on_device(
	const struct judge_context *context, const struct finding *cause, const struct finding *symptom);
bool explains_at_address(
	const struct judge_context *context, const struct finding *cause, const struct finding *symptom);
bool explains_at_vantage(
	const struct judge_context *context, const struct finding *cause, const struct finding *symptom);
