/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The way of one connection: its request's way in and its reply's way out, step by step, and where it breaks.
 * connection_path_of() makes it from the facts and the lookups' answers in them, connection_path_filter()
 * adds what the firewall's rules do; they are pure, like all here. connection_question_choose() says before
 * which path has to be asked for.
 */

#include "alerts/finding.h"
#include "alerts/settings.h"
#include "collectors/facts.h"
#include "collectors/firewall/filter.h"
#include "collectors/trace/trace.h"

enum step_kind {
	STEP_ARRIVAL,     /* by which device the request comes */
	STEP_TRANSLATION, /* to which target */
	STEP_SOURCE,      /* source validation (rp_filter) */
	STEP_DELIVERY,    /* to this host, or forwarded to a device */
	STEP_RULES,       /* of the firewall, for the request */
	STEP_REPLY,       /* rule, table and route of the reply */
	STEP_LEAVING,     /* by which device the reply leaves, compared with the arrival */
	STEP_REPLY_RULES, /* of the firewall, for the reply */
	STEPS
};

enum step_outcome { STEP_PASSES, STEP_BREAKS, STEP_OPEN /* cannot be known from configuration */ };

/* What happens at a step; each is of one kind and has one outcome (step_table). */
enum step {
	STEP_ABSENT, /* the connection does not come so far, or there is nothing to tell */
	ARRIVES_ANYWHERE,
	ARRIVES_ON_DOWN,
	ARRIVES,
	TRANSLATED_SEEN, /* by a connection in conntrack */
	TRANSLATED_SEEN_BY_RULE,
	TRANSLATED_BY_RULE,
	TRANSLATED_PERHAPS, /* the rule is conditional */
	REDIRECTED,
	REDIRECTED_PERHAPS,
	TRANSLATION_UNKNOWN,
	NOT_TRANSLATED, /* neither seen nor by a rule */
	NOT_SEEN_TRANSLATED,
	NOT_TRANSLATED_BY_RULE,
	SOURCE_IPV6,
	SOURCE_FILTERED,
	SOURCE_MARTIAN,
	SOURCE_UNKNOWN,
	SOURCE_ACCEPTED,
	DELIVERY_LOOPBACK, /* to a loopback address, from another host */
	DELIVERY_FOREIGN,  /* this host neither has the address nor translates it, and does not forward */
	DELIVERY_NOT_FORWARDED,
	DELIVERY_FAILS, /* path.request says why */
	DELIVERED,
	DELIVERED_TO_NOBODY, /* no socket listens */
	FORWARDED,
	TARGET_WITHOUT_ROUTE,
	REPLY_MARKED,
	REPLY_FAILS, /* path.reply says why */
	REPLY_LOCAL,
	REPLY_UNKNOWN,
	REPLY_ROUTED,
	LEAVES,
	LEAVES_AS_IT_CAME,
	LEAVES_BY_HASH,
	LEAVES_AS_INTENDED,
	LEAVES_ELSEWHERE,
	/* of both STEP_RULES and STEP_REPLY_RULES */
	RULES_UNREAD,
	RULES_FORBIDDEN, /* to be read */
	RULES_TOO_MANY,
	RULES_VRF, /* are asked there more than once, and not followed */
	RULES_PASS,
	RULES_PASS_BY,  /* one that accepts it */
	RULES_PASS_BUT, /* others are not read */
	RULES_DROP,
	RULES_DROP_ONE_OF, /* that one, or another before it */
	RULES_UNKNOWN,
	RULES_UNKNOWN_AT, /* that one */
};

struct connection_path {
	const struct facts *facts; /* lent, as all pointers here */
	const struct path *path;
	const struct service *service;
	const char *reason;                 /* why it is thought to arrive there; static */
	const struct nat_rule *translation; /* the rule that translates the request, or NULL */
	const struct rule *rule;            /* that gave the reply's route; NULL if it cannot be told */
	enum step steps[STEPS];
	/* [0] of the request, [1] of the reply: who accepts or drops it, or cannot be followed, if the step
	 * names one. */
	struct filter_place rules[2];
	struct filter_end_point dropped; /* whereto the request was under way when it was dropped */
	const char *rule_texts[2];       /* as nft prints them, or NULL; not filled in here */
};

/* path: answered by reply_path_find(), its service there; reason: of connection_question_choose(). */
struct connection_path connection_path_of(const struct settings *settings, const struct facts *facts,
	const struct path *path, const char *reason);
/* Adds the steps that the rules decide, as they were read, or why they were not: error, negative; then rules
 * is NULL. The rules must stay as long as the connection's places are looked at. */
void connection_path_filter(struct connection_path *connection, const struct filter_rules *rules, int error);
/* What drops the request, as a trace that ended there; nothing does: TRACE_PASSED. 0 or -ENOMEM. */
int connection_path_trace(const struct connection_path *connection, struct trace *out);
/* The step at which it breaks, or STEPS. */
enum step_kind connection_path_break(const struct connection_path *connection);
/* What the judge says of this path alone, and at once: no waiting for a second judgement. The first is the
 * cause. 0 or -ENOMEM. */
int connection_path_judge(const struct settings *settings, const struct connection_path *connection,
	struct findings **findings);

/* ---- in words ---- */

const char *step_name(enum step_kind kind);
const char *step_outcome_name(enum step_outcome outcome);
enum step_outcome step_outcome_of(enum step step);
/* The step in a clause, NULL if it is absent; the caller's. 0 or -ENOMEM. */
int connection_path_text(const struct connection_path *connection, enum step_kind kind, char **text);
const char *connection_path_conclusion(const struct connection_path *connection);

/* ---- what to ask for ---- */

struct connection_question {
	struct address client;
	struct address service;
	uint16_t port;      /* 0: not given */
	const char *device; /* of arrival, or NULL */
};

/* Finds the service asked for, or adds one that is merely forwarded, and the device by which the client's
 * requests come; *reason is a static text saying why that one. 0, -ENODEV if the named device does not exist,
 * -EAFNOSUPPORT if client and service are not of one family, or -ENOMEM. */
int connection_question_choose(struct facts *facts, const struct connection_question *question,
	struct path *path, const char **reason);
