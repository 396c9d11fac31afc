/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The findings: conditions that hold, each with what it is about, how bad, since when, why, and what
 * to do. Built by judge(), immutable afterwards; any thread may read them. All texts live as long as their
 * `struct findings`.
 */

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "alerts/condition.h"
#include "alerts/verdict.h"
#include "collectors/facts.h"

enum severity { SEVERITY_INFO, SEVERITY_WARNING, SEVERITY_CRITICAL, SEVERITIES };

/* The public names: "critical", "dnat". */
const char *severity_name(enum severity severity);
const char *origin_name(enum origin origin);

/* One observation behind a finding. Items of a list stand one after the other, with the same key. */
struct evidence {
	const char *key; /* static, snake_case */
	char *text;
	bool number; /* the text is a JSON number */
	bool item;   /* of a list, which may have this item alone */
};

#define FINDING_ID_SIZE    17
#define FINDING_HANDSHAKES 32
#define FINDING_DISTINCT   8
#define FINDING_CHANGES    8

struct finding {
	/* What it is about; the id is a hash of these, so it is the same as long as the condition holds. */
	char id[FINDING_ID_SIZE]; /* 16 lower-case hexadecimal digits */
	const struct condition *condition;
	int device;                    /* ifindex, 0: none or not known */
	char device_name[IF_NAMESIZE]; /* "" for none */
	bool has_service;              /* address, origin and target mean something */
	enum origin origin;
	struct address address;
	struct address target;

	enum severity severity;
	char reply_device[DEVICE_NAMES_SIZE]; /* names joined by ",", "" if there is none */
	int64_t since_ns;                     /* CLOCK_REALTIME at which it first held */
	int64_t last_seen_ns;                 /* CLOCK_REALTIME at which it last held */
	bool open;                            /* false: not to be shown, see alerts/finding_life.h */
	bool holds;                           /* in this judgement; false: closes soon */
	int64_t changed_ns;                   /* monotonic time at which `holds` became what it is */
	unsigned held;          /* judgements in which it held, before it opened; what had lasted for seconds
				   when it was first judged begins with one */
	bool undecided;         /* clients wait for answers: what they show will soon tell how severe it is */
	bool recovered;         /* it does not hold, and the wire showed success since */
	bool relapsed;          /* it held again after that */
	int64_t refuted_ns;     /* monotonic, since when it is no more than info; 0: it is */
	int64_t unexplained_ns; /* monotonic, since when its cause is gone; 0: it is not */
	bool intended;          /* declared as meant: shown, never counted */
	char cause[FINDING_ID_SIZE]; /* id of the finding that explains it, "" if it is a cause itself */

	char *summary;     /* one line, no full stop */
	char *explanation; /* sentences */
	struct evidence *evidence;
	size_t evidence_count;
	uint64_t handshakes[FINDING_HANDSHAKES]; /* ids of those that show it, newest first */
	size_t handshake_count;
	const struct change *changed[FINDING_CHANGES]; /* what did before it held, shared: alerts/changed.h */
	unsigned changed_count;
	bool from_start; /* nothing did since watching began: it may always have been so */
	char **remedy;   /* commands, in order */
	size_t remedy_count;
	bool remedy_checked; /* by lookups and the routes of the tables it names: the whole of it leads the
				reply out of the arrival device and keeps connected networks */
	bool failed;         /* memory ran out: something is missing */
};

struct findings {
	struct finding
		*items; /* sorted: open before not, causes before symptoms, severe before mild, then by id */
	size_t count;
	struct finding **by_id;   /* findings_index(); NULL: there is none */
	struct verdicts verdicts; /* on the facts that were judged */
	bool failed;              /* memory ran out: something is missing */
	struct finding spare;     /* written in place of those that there was no memory for */
};

struct findings *findings_new(void);
void findings_free(struct findings *findings);
/* Adds an empty finding. Pointers to earlier ones become invalid. */
struct finding *findings_add(struct findings *findings, const struct condition *condition);
const struct finding *findings_find(const struct findings *findings, const char *id);
/* The first with this condition and device, and where they are given, this address and target; or NULL. */
struct finding *findings_about(const struct findings *findings, const struct condition *condition, int device,
	const struct address *address, const struct address *target);
/* Lets findings be found fast; none may be added from then on. 0 or -ENOMEM. */
int findings_index(struct findings *findings);
/* Whether memory ran out for any of them. */
bool findings_failed(const struct findings *findings);
/* Makes a service the finding's subject. */
void finding_set_service(struct finding *finding, enum origin origin, const struct address *address,
	const struct address *target);
/* Computes the id from the subject. */
void finding_identify(struct finding *finding);
/* Deep copy into an empty finding. */
void finding_copy(struct finding *to, const struct finding *from);
/* Frees what a finding owns and clears it. */
void finding_clear(struct finding *finding);

/* Each formats a text and adds it, or marks the finding as failed. */
void finding_summarise(struct finding *finding, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Appends to the explanation; what begins a sentence behind another is set apart by a space. */
void finding_explain(struct finding *finding, const char *format, ...) __attribute__((format(printf, 2, 3)));
void finding_add_evidence(struct finding *finding, const char *key, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void finding_add_item(struct finding *finding, const char *key, const char *text);
/* To a list of distinct texts, of which FINDING_DISTINCT are kept; false if this one was not. */
bool finding_add_distinct(struct finding *finding, const char *key, const char *text);
bool finding_add_address(struct finding *finding, const char *key, const struct address *address);
void finding_add_number(struct finding *finding, const char *key, double value);
void finding_add_remedy(struct finding *finding, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* One more than fit is left out. */
void finding_add_handshake(struct finding *finding, uint64_t handshake);

/* Open, not intended, and nobody's symptom: what an alarm is about. */
bool finding_is_alarm(const struct finding *finding);
