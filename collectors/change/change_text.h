/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What changed, in the language of iproute2, sysctl and nft: one line. Each returns a malloc'd text, or NULL
 * when memory is out. `was` is NULL for what came, `is` for what went. */

#include "collectors/facts.h"

/* `ip rule add` or `del`, as a shell takes it; without selectors of an opaque rule that are not known here.
 */
char *change_text_rule_command(const struct rule *rule, bool add);

char *change_text_rule(const struct rule *was, const struct rule *is);
char *change_text_address(
	const char *device, const struct local_address *was, const struct local_address *is);
char *change_text_device(const struct facts *before, const struct device *was, const struct facts *now,
	const struct device *is);
char *change_text_rp_filter(const struct device *was, const struct device *is);
/* IPv6 forwards as a host, not by device. */
char *change_text_forwarding(const struct device *is, uint8_t family);
/* The reply of `is`, which was looked up both times. */
char *change_text_reply(
	const struct facts *before, const struct path *was, const struct facts *now, const struct path *is);
/* kind: CHANGE_TRANSLATION, CHANGE_ELEMENT or CHANGE_TARGET. */
char *change_text_translation(enum change_kind kind, const struct nat_rule *was, const struct nat_rule *is);
