/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Which service addresses become label values when there are more than the limit: those with the worst
 * verdict, then the lowest. The same facts give the same choice, so series do not come and go.
 */

#include <stdbool.h>
#include <stddef.h>

#include "alerts/finding.h"
#include "collectors/facts.h"

struct selection {
	struct candidate {
		struct address address;
		unsigned rank; /* low ones are kept first */
	} * kept;              /* in the order of address_compare() */
	size_t count;
	size_t omitted; /* addresses that were not */
};

/* 0 or -ENOMEM. */
int selection_make(
	const struct facts *facts, const struct findings *findings, size_t most, struct selection *out);
void selection_clear(struct selection *selection);
bool selection_has(const struct selection *selection, const struct address *address);
