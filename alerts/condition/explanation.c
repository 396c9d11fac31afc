// SPDX-License-Identifier: GPL-2.0-or-later
#include "alerts/condition/conditions.h"

#include "alerts/finding.h"

bool explains_on_device(
	const struct judge_context *context, const struct finding *cause, const struct finding *symptom)
{
	(void)context;
	return cause->device != 0 && cause->device == symptom->device;
}

bool explains_at_address(
	const struct judge_context *context, const struct finding *cause, const struct finding *symptom)
{
	(void)context;
	return cause->has_service && symptom->has_service && cause->intended == symptom->intended &&
	       address_equal(&cause->address, &symptom->address);
}

bool explains_at_vantage(
	const struct judge_context *context, const struct finding *cause, const struct finding *symptom)
{
	return explains_on_device(context, cause, symptom) && explains_at_address(context, cause, symptom);
}
