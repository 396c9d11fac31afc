/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The life of a finding: what its condition said at each judgement goes in, whether it is shown, how severe
 * it is and whose symptom comes out. Pure; used by judge() alone. A finding is known by its id, a hash of its
 * subject.
 *
 *  - *Pending*: its condition held in too few judgements, or it is undecided how severe it is, or what would
 *    explain it is pending too. Not shown. Forgotten when the condition was false for pending_seconds.
 *  - *Open*: shown, as one series and one alert. Its severity may rise and never falls; it stays what it was
 * when it opened, a cause or a symptom.
 *  - *Fading*: open, while its condition is false. It keeps all it had, and closes when that lasted
 * close_seconds; after RECOVERY_SECONDS where the wire showed it to work again.
 *    At once where another finding tells more of the same by now.
 *  - *Relapsed*: it held again after that: some connections work and some fail. From then on success closes
 *    nothing early. A finding that recovered is remembered for close_seconds more, not shown, to tell a
 * relapse.
 *
 * A life also ends when the finding is not what it was any more, though the condition holds: all that failed
 * was seen to work for close_seconds, so that it is no more than info; or its cause is gone for
 * CAUSE_SECONDS. What is left begins a new life, pending. Only what is declared as intended, or no longer is,
 * takes its severity at once.
 */

#include "alerts/finding.h"
#include "alerts/judge_context.h"

#define RECOVERY_SECONDS 3
/* What the wire showed is remembered for so long, after the cause has gone as well. */
#define CAUSE_SECONDS 60
/* A client that waits for an answer shows within so long that it gets none. */
#define UNDECIDED_SECONDS 4

/* The condition holds. finding: as the condition left it; was: the same in the last judgement, or NULL.
 * Whether it opens is left to finding_life_open(). */
void finding_life_hold(
	const struct judge_context *context, const struct finding *was, struct finding *finding);
/* The condition does not hold. recovered: the wire shows that it works since. Fills the life's part of
 * *finding, a copy of `was`; false: it is forgotten. */
bool finding_life_fade(const struct judge_context *context, const struct finding *was, bool recovered,
	struct finding *finding);

/* It is open, or held in so many judgements that it will be while it holds. */
bool finding_life_is_settled(const struct judge_context *context, const struct finding *finding);
/* It is open, or is to open now. */
bool finding_life_is_ripe(const struct judge_context *context, const struct finding *finding);
/* It holds and is ripe: shown from now on, as a symptom of `cause` unless that is NULL. */
void finding_life_open(struct finding *finding, const struct finding *cause);
/* It fades and is nobody's symptom. cause: what explains it now, or NULL. If that is open, it closes. */
void finding_life_yield(struct finding *finding, const struct finding *cause);
/* An open symptom. cause: what explains it now, its former cause if that is still open, or NULL. */
void finding_life_explain(
	const struct judge_context *context, const struct finding *cause, struct finding *symptom);
