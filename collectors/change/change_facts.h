/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What changed while somebody watched: see collectors/change/changes.h. */

#include <net/if.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "collectors/base/address.h"
#include "collectors/route/route_facts.h"

enum change_kind {
	CHANGE_RULE,        /* of `ip rule` */
	CHANGE_REPLY_ROUTE, /* a lookup for the same reply is answered otherwise */
	CHANGE_DEVICE,
	CHANGE_ADDRESS,
	CHANGE_RP_FILTER, /* as it takes effect */
	CHANGE_FORWARDING,
	CHANGE_TRANSLATION, /* a rule of the firewall that translates destinations */
	CHANGE_ELEMENT,     /* what such a rule translates, by a set or map that it asks */
	CHANGE_TARGET,      /* to what it translates the same */
	CHANGE_KINDS
};

enum change_event { CHANGE_CAME, CHANGE_WENT, CHANGE_CHANGED };

/* Immutable and shared by reference; any thread. */
struct change {
	atomic_uint holders;
	enum change_kind kind;
	enum change_event event;
	int64_t time_ns;      /* CLOCK_REALTIME and CLOCK_MONOTONIC of the facts that first show it */
	int64_t monotonic_ns; /* all of the same two facts have the same */
	char *text;           /* in the language of iproute2 or nft; one line */

	/* What it touches. */
	uint8_t family;       /* AF_UNSPEC: both */
	int ifindex;          /* its device; of a reply route that of the request's arrival; 0: of none */
	struct prefix prefix; /* of a rule: the sources that it selects; an address of this host; of a reply
				 route: its source; of a translation: the destinations. none: any */
	struct address target[2]; /* of a translation: before, now; none: not changed, or not there */

	struct rule rule[2];   /* of CHANGE_RULE: before (not CAME), now (not WENT) */
	struct device_set led; /* of a reply route: by which devices it led before; of a rule: by which the
				  default route of its table led before, as far as lookups ended in it */
};

#define CHANGES_KEPT 1024

/* The last ones, oldest first; of the kind that has the most the oldest give way, so that a ruleset that
 * never rests does not push out the rest. Immutable and shared by reference; any thread. */
struct change_history {
	atomic_uint holders;
	int64_t began_ns;              /* CLOCK_REALTIME of the first facts */
	uint64_t totals[CHANGE_KINDS]; /* since then, also of those that are not kept */
	uint64_t untold;               /* of these, those that were too many at once to be told each */
	struct change **items;
	size_t count;
};

struct change_facts {
	const struct change_history *changes; /* up to these facts; NULL: nobody compares */
};

const char *change_kind_name(enum change_kind kind);    /* "rule" */
const char *change_event_name(enum change_event event); /* "came" */

/* One more holder, one less; the last one frees it. Both accept NULL. */
const struct change *change_share(const struct change *change);
void change_release(const struct change *change);
const struct change_history *change_history_share(const struct change_history *history);
void change_history_release(const struct change_history *history);

static inline void change_facts_clear(struct change_facts *own)
{
	change_history_release(own->changes);
}
