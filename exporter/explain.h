/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The explanation of one connection: the request's way in and the reply's way out, step by step, and where it
 * breaks. explain_path() is pure; explain_choose() names the path that has to be asked for before.
 */

#include <jansson.h>

#include "alerts/finding.h"
#include "alerts/settings.h"
#include "collectors/facts.h"
#include "exporter/explain_trace.h"

enum step_kind {
	STEP_ARRIVAL,     /* by which device the request comes */
	STEP_TRANSLATION, /* to which target */
	STEP_SOURCE,      /* source validation (rp_filter) */
	STEP_DELIVERY,    /* to this host, or forwarded to a device */
	STEP_REPLY,       /* rule, table and route of the reply */
	STEP_LEAVING,     /* by which device the reply leaves, compared with the arrival */
	STEPS
};

enum step_outcome { STEP_PASSES, STEP_BREAKS, STEP_OPEN /* cannot be known from configuration */ };

struct step {
	bool present;
	enum step_outcome outcome;
	char *text;
};

struct explanation {
	struct address client;
	struct address service;
	struct address target; /* as service if not translated */
	uint16_t port;
	char device[IF_NAMESIZE]; /* of arrival; "" if unknown */
	struct step steps[STEPS];
	struct explain_trace *trace; /* of a request, or NULL */
	char *rule;                  /* that translates, if one is known: table, chain and handle; or NULL */
	char *flow;                  /* a connection of the service as conntrack(8) prints it, or NULL */
	char *conclusion;
	struct findings
		*findings; /* what the judge says of this path, with the remedy; the first is the cause */
};

/* What is to be explained. */
struct explain_question {
	struct address client;
	struct address service;
	uint16_t port;      /* 0: not given */
	const char *device; /* of arrival, or NULL */
};

/* "192.0.2.1", "192.0.2.1:22", "2001:db8::1", "[2001:db8::1]:22". 0 or -EINVAL. */
int explain_parse_service(const char *text, struct address *address, uint16_t *port);

/* Finds the service asked for, or adds one that is merely forwarded, and the device by which the client's
 * requests come; *reason is a static text saying why that one. 0, -ENODEV if the named device does not exist,
 * -EAFNOSUPPORT if client and service are not of one family, or -ENOMEM. */
int explain_choose(
	struct facts *facts, const struct explain_question *question, struct path *path, const char **reason);

/* path: answered by survey_path(). *out is the caller's. 0 or -ENOMEM. */
int explain_path(const struct settings *settings, const struct facts *facts, const struct path *path,
	const char *reason, struct explanation *out);
void explanation_clear(struct explanation *explanation);
/* The step at which it breaks, or STEPS. */
enum step_kind explanation_break(const struct explanation *explanation);

const char *step_name(enum step_kind kind);
const char *step_outcome_name(enum step_outcome outcome);
