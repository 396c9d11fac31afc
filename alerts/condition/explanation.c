// SPDX-License-Identifier: GPL-2.0-or-later
#include "alerts/condition/explanation.h"

bool explains_on_device(const struct scene *scene, const struct finding *cause, const struct finding *symptom)
{
	(void)scene;
	return cause->device != 0 && cause->device == symptom->device;
}

bool explains_at_address(
	const struct scene *scene, const struct finding *cause, const struct finding *symptom)
{
	(void)scene;
	return cause->has_service && symptom->has_service && cause->intended == symptom->intended &&
	       address_equal(&cause->address, &symptom->address);
}

bool explains_at_vantage(
	const struct scene *scene, const struct finding *cause, const struct finding *symptom)
{
	return explains_on_device(scene, cause, symptom) && explains_at_address(scene, cause, symptom);
}
