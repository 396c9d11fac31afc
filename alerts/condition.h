/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The conditions: one row each in condition_table, one file for each family. A condition only says what holds
 * now; when a finding opens and closes, and which explains which, is the judge's business.
 */

#include "alerts/finding.h"
#include "alerts/scene.h"

struct condition_kind {
	const char *name;
	const char *help;
	/* Adds a candidate for each subject of which the condition holds: subject, severity, intended, texts,
	 * evidence and remedy filled in; everything else is left alone. 0 or -ENOMEM. */
	int (*yield)(const struct scene *scene, struct findings *candidates);
};

extern const struct condition_kind condition_table[CONDITIONS];

int reply_wrong_device(const struct scene *scene, struct findings *candidates);
int no_reply_route(const struct scene *scene, struct findings *candidates);
int rp_filter_drops(const struct scene *scene, struct findings *candidates);
int handshake_one_way(const struct scene *scene, struct findings *candidates);
int reply_ignored(const struct scene *scene, struct findings *candidates);
int reply_from_other_address(const struct scene *scene, struct findings *candidates);
int foreign_source(const struct scene *scene, struct findings *candidates);
int return_only(const struct scene *scene, struct findings *candidates);
int forward_drop(const struct scene *scene, struct findings *candidates);
int half_open_nat(const struct scene *scene, struct findings *candidates);

/* `cause` explains `symptom`, if `explains` says so; both hold. */
struct explanation_rule {
	enum condition cause, symptom;
	bool (*explains)(
		const struct scene *scene, const struct finding *cause, const struct finding *symptom);
};

extern const struct explanation_rule explanation_table[];
extern const size_t explanation_count;

/* All that goes wrong with the symptom's replies is about requests which rp_filter drops on arrival. */
bool rp_filter_explains_reply(
	const struct scene *scene, const struct finding *cause, const struct finding *symptom);
/* The drops on an untold device are those on the one that is told. */
bool rp_filter_explains_itself(
	const struct scene *scene, const struct finding *cause, const struct finding *symptom);
/* The requests that do not get through are those which rp_filter drops. */
bool rp_filter_explains_forward_drop(
	const struct scene *scene, const struct finding *cause, const struct finding *symptom);
