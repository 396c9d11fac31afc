/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Whether requests for a service are translated, as far as the facts tell: by the rules that were read, or by
 * connections seen in conntrack. Pure. */

#include "collectors/facts.h"

enum translation_basis {
	TRANSLATION_NONE,     /* all rules are known, and none translates it */
	TRANSLATION_POSSIBLE, /* not all are known, or one asks for more than is known here */
	TRANSLATION_RULE,     /* a rule does */
	TRANSLATION_SEEN,     /* conntrack shows that connections were */
};

struct translation {
	enum translation_basis basis;
	struct address target;       /* none: not known, or one of several */
	uint16_t port;               /* 0: not known */
	const struct nat_rule *rule; /* of TRANSLATION_RULE */
};

/* device: ifindex by which the requests come. */
struct translation translation_of(
	const struct facts *facts, const struct address *address, uint16_t port, int device);
/* Conntrack shows a connection to the service that was let through but not answered: its entry is made behind
 * all rules. */
bool translation_is_let_through(const struct facts *facts, const struct address *address, uint16_t port);
/* It is translated, and its requests get no further: conntrack was gone through since they were repeated, and
 * has no entry of one that waits. */
bool translation_is_held_back(const struct facts *facts, const struct unanswered_service *unanswered);
