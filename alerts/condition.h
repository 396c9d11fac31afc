/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * A condition is one object, at the end of its own file, and one row in alerts/condition/conditions.h. It
 * only says what holds now, and which other conditions may be its cause; when a finding opens and closes is
 * the judge's business.
 */

#include <stdbool.h>

struct finding;
struct findings;
struct judge_context;

/* A finding of `cause` explains the symptom, if `explains` says so. */
struct explanation_rule {
	const struct condition *cause;
	bool (*explains)(const struct judge_context *context, const struct finding *cause,
		const struct finding *symptom);
};

#define EXPLANATIONS_MOST 3

struct condition {
	const char *name; /* public: "reply_wrong_device" */
	const char *help; /* when it holds: a sentence without capital and full stop, for the documentation */
	const char *severity; /* how bad it is, and when: likewise */
	/* Its subject is the address, whoever serves there: origin and target only describe it, and stay what
	 * they were when it opened. */
	bool any_target;
	/* Adds a candidate for each subject of which the condition holds: subject, severity, intended, texts,
	 * evidence and remedy filled in, `held` and `undecided` where they apply; everything else is left
	 * alone. */
	void (*find)(const struct judge_context *context, struct findings *candidates);
	/* Whether the wire shows that what it was about works since it last held; NULL: it never does. See
	 * alerts/recovered.h for what conditions have in common. */
	bool (*recovered)(const struct judge_context *context, const struct finding *finding);
	/* Ends with one without cause. Of several causes the first in this order is the finding's. */
	struct explanation_rule explained_by[EXPLANATIONS_MOST + 1];
};

/* All that is looked for, in this order; ends with NULL. */
extern const struct condition *const conditions[];
