/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* All that is known of one thing, in rows that are appended to a paper. */

#include "exporter/watch/events.h"
#include "exporter/watch/model.h"
#include "exporter/watch/paper.h"

void watch_finding_details(struct paper *paper, const struct watch_model *model,
	const struct watch_finding *finding, int64_t now_ns);
void watch_place_details(
	struct paper *paper, const struct watch_model *model, const struct watch_place *place);
/* A row of the matrix: how the handshakes whose SYN took this device ended. */
void watch_syn_details(struct paper *paper, const struct watch_model *model, const char *syn);

#define WATCH_SPAN_SIZE 32
/* "12 s", "2 min", "3 h", "4 d"; "" if since_ns is 0. Returns text. */
const char *watch_span(int64_t since_ns, int64_t now_ns, char text[static WATCH_SPAN_SIZE]);
#define WATCH_CLOCK_SIZE 32
/* "03:04:05" in UTC. Returns text. */
const char *watch_clock(int64_t time_ns, char text[static WATCH_CLOCK_SIZE]);
enum paper_style watch_severity_style(enum severity severity);
const char *watch_device(const char *name);
