/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * A host, written down for the tests of the writers: two uplinks; a translated address whose replies leave by
 * the wrong one, a symptom of that, an address without a route back, one that is declared, and names that
 * need escaping.
 */

#include "exporter/daemon/snapshot.h"

/* These are the caller's. Abort when memory is out. */
struct facts *sample_facts(void);
struct findings *sample_findings(void);
struct settings *sample_settings(void);
/* The verdicts by the sample's settings. */
void sample_judge(struct snapshot *snapshot);

/* A snapshot that is not counted; to be freed by sample_free(). */
struct snapshot sample_snapshot(void);
void sample_free(struct snapshot *snapshot);
