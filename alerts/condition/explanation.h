/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "alerts/finding.h"
#include "alerts/judge_context.h"

/* Explanations that conditions have in common: by the devices, by the addresses whatever the devices, by
 * both.
 */
bool explains_on_device(
	const struct judge_context *context, const struct finding *cause, const struct finding *symptom);
bool explains_at_address(
	const struct judge_context *context, const struct finding *cause, const struct finding *symptom);
bool explains_at_vantage(
	const struct judge_context *context, const struct finding *cause, const struct finding *symptom);
