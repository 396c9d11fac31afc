/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "collectors/facts.h"

#define NAT_RULE_TEXT_SIZE 640

/* "ip", "ip6", "inet": a table's family as nft writes it. */
const char *table_family_name(uint8_t family);
/* "table ip nat, chain prerouting, handle 5"; returns text. */
const char *nat_rule_text(const struct nat_rule *rule, char text[static NAT_RULE_TEXT_SIZE]);
