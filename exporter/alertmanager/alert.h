/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Alerts made of findings, as the rules of alerts/rules/ make them of metrics: the same labels, so that
 * Alertmanager takes those that come both ways for one, and the same annotations, with the commands that heal
 * as one more. Fleet rules and those about the watching itself stay Prometheus' own.
 */

#include <jansson.h>

#include "alerts/finding.h"
#include "exporter/base/text.h"
#include "exporter/metrics/selection.h"

/* What all alerts of this exporter have in common. */
struct alert_sender {
	json_t *labels;          /* job, instance, and what else Prometheus adds */
	const char *instance;    /* of these; "" if it is left out */
	char *generator;         /* where people look further, a JSON string */
	const char *runbook_url; /* before the name of a page; lent */
};

/* What is written down by hand; texts are lent, runbook_url for as long as the sender lives. */
struct alert_sender_options {
	struct text_list labels; /* NAME=VALUE; one without value is left out, as an empty label is none */
	const char *instance;    /* where no label says another; job is oneway */
	const char *generator_url, *runbook_url;
};

/* 0; -ENOMEM; -EINVAL; with a message that names the flag. */
int alert_sender_make(
	const struct alert_sender_options *options, struct alert_sender *out, char *message, size_t size);
void alert_sender_clear(struct alert_sender *sender);

struct alert {
	char *labels;      /* JSON object with its keys sorted: alerts with the same are the same */
	char *annotations; /* JSON object */
	int64_t since_ns;  /* CLOCK_REALTIME */
};

/* Sorted by labels, each once. */
struct alert_list {
	struct alert *items;
	size_t count;
};

void alert_clear(struct alert *alert);
void alert_list_clear(struct alert_list *list);

/* One for each series of oneway_finding with cause="true", and one for each condition that is met only where
 * no label may name it. 0 or -ENOMEM. */
int alert_list_make(const struct findings *findings, const struct selection *shown,
	const struct alert_sender *sender, struct alert_list *out);

#define ALERT_NAME_SIZE 64

/* "OnewayReplyWrongDevice" of reply_wrong_device; returns name. */
const char *alert_name(const struct condition *condition, char name[static ALERT_NAME_SIZE]);
