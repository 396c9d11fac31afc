/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What is to be shown, from the JSON that an exporter answers and that a look at this host makes alike. The
 * JSON may be anything: what is not there, or of another type, is empty or 0. Immutable once made.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "alerts/finding.h"

struct watch_finding {
	const json_t *json;
	const char *id, *condition, *summary;
	enum severity severity;
	int64_t since_ns; /* CLOCK_REALTIME; 0: not known */
	unsigned depth;   /* as finding_row of alerts/finding_tree.h has it */
	bool intended;
};

/* A row of the map: a device, and beneath it each service whose requests come by it. */
struct watch_place {
	const char *device;    /* "" if nobody knows by which one they come */
	const json_t *service; /* NULL: the device itself */
	bool line;             /* the device is one */
	size_t services;       /* the device's */
	size_t wrong;          /* of these: replies leave by another device, or have no route */
	unsigned rank;         /* of the service's verdict: 0 is worst, and below 2 wrong */
};

struct watch_names {
	const char **items; /* distinct and sorted, "" last */
	size_t count;
};

struct watch_model {
	json_t *report, *addresses, *handshakes; /* the documents; all else is lent from them */
	int64_t time_ns;                         /* CLOCK_REALTIME of the judgement; 0: not told */
	struct watch_finding *findings;          /* nested as everywhere, intended ones last */
	size_t finding_count;
	const struct watch_finding **by_id;
	size_t incidents[SEVERITIES]; /* findings that are nobody's symptom and not intended */
	struct watch_place *places;   /* lines first, bad verdicts first */
	size_t place_count;
	struct watch_names syn, synack; /* the sides of the matrix */
};

/* /api/v1/findings, /api/v1/addresses and /api/v1/handshakes; the last two, or NULL where there are none.
 * They are taken over, whatever happens. 0, -EINVAL if report is no object with findings, -ENOMEM. */
int watch_model_make(json_t *report, json_t *addresses, json_t *handshakes, struct watch_model **out);
/* Accepts NULL. */
void watch_model_free(struct watch_model *model);

/* "" and 0 where there is none. */
const char *watch_text(const json_t *object, const char *key);
int64_t watch_time(const json_t *object, const char *key);
/* Adds the outcomes of the pairs with these devices, where NULL is any. */
void watch_outcomes(const struct watch_model *model, const char *syn, const char *synack,
	uint64_t counts[static HANDSHAKE_OUTCOMES]);
/* Devices or routes could not be read: finding nothing means nothing. */
bool watch_could_not_look(const struct watch_model *model);
const struct watch_finding *watch_find(const struct watch_model *model, const char *id);
