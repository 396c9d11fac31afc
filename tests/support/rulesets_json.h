/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <jansson.h>

#include "collectors/firewall/nat_list.h"

/* The translating rules, in order, and those that were not read; as in tests/data/rulesets. To be released.
 */
json_t *rulesets_json(const struct nat_list *list);
