/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What remedies a finding: commands for this host's names and numbers, checked against the facts before they
 * are given. What cannot be checked is not given; then the obstacle says why.
 *
 * Replies from one source are led out of one device by two policy rules: the first keeps the connected
 * networks and all other specific routes of the main table (in a VRF of the VRF's), the second looks up a
 * table that leads out of the device: one whose best route does, else one that is made for it. The plan is
 * tried as a whole: for each reply it is known what either table answers to the lookup that the rule makes.
 * Where the peer is on the device's own link and another device is in the same network, a third rule before
 * them leads to that network. Several findings may need the same rules: they share one plan, so commands of
 * different findings never stand in each other's way.
 */

#include "alerts/finding.h"
#include "alerts/judge_context.h"
#include "alerts/remedy/priorities.h"
#include "alerts/remedy/rule_match.h"

#define PLAN_NETWORKS 4
#define REMEDY_TABLES 253 /* the range of facts.free_tables ends there */

struct plan {
	struct address source; /* whose replies are led: service address or DNAT target */
	int device;            /* by which they shall leave */
	const char *device_name;

	struct prefix networks[PLAN_NETWORKS]; /* of the device, in which offending peers are */
	unsigned network_count;
	bool far;               /* offending peers are beyond the device's link */
	uint32_t table;         /* that leads out of the device */
	bool makes_table;       /* it is empty so far and gets a default route */
	uint32_t kept_table;    /* whose specific routes are kept */
	uint32_t new_table;     /* the one to be made, for this or for the networks; 0 if none is */
	struct address gateway; /* for a table to be made: none for a device route */
	bool by_neighbour;      /* the gateway is in no route: it is the only neighbour there */
	bool onlink;            /* the gateway is in none of the device's networks */
	uint32_t priority;      /* the first of the rules' */
	char obstacle[256];     /* why there are no commands, a sentence; "" if there are */
	char doubt[256];        /* why nobody knows whether they heal, a sentence; "" if they do */
	size_t next; /* kept with the plans: one more than the position of another with the same hash */
};

/* The plans of one judgement. */
struct remedies {
	struct plan *plans;
	size_t plan_count;
	size_t *heads, mask; /* by hash of source and device: one more than a plan's position, or 0 */
	size_t *makers;      /* positions of plans that make a table, of those that share one the first */
	size_t maker_count;
	bool taken[2][REMEDY_TABLES]; /* these two IPv4, IPv6: tables that are used, or made by a plan */
	struct priorities priorities[2];
	struct rule_index rules;
	bool failed;       /* memory ran out: something is missing */
	struct plan spare; /* written in place of those that there was no memory for */
};

/* 0 or -ENOMEM. */
int remedies_open(struct remedies *remedies, const struct facts *facts);
void remedies_close(struct remedies *remedies);

/* Does the path call for rules: certain, and its reply leaves wrongly, has no route, or its request is
 * dropped by rp_filter, and none of it is declared as intended? Not if the reply goes straight to a neighbour
 * on another device's link. */
bool remedy_concerns(const struct judge_context *context, size_t path);
/* The plan for all paths to this target by this device; made when first asked for. It is valid until the next
 * one is asked for. */
const struct plan *remedy_plan(const struct judge_context *context, const struct address *source, int device);

/* Adds the plan's commands to the finding, and what is in doubt about them. */
void remedy_write_plan(const struct facts *facts, const struct plan *plan, struct finding *finding);
/* Adds the command that makes rp_filter loose on the device. */
void remedy_write_loose(const struct device *device, struct finding *finding);
/* Says why there are no commands. */
void remedy_refuse(const char *obstacle, struct finding *finding);
