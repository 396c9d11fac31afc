// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/trace/trace_schedule.h"

#include "collectors/firewall/translation.h"

/* Somebody who gave up sends nothing that could be traced: Linux repeats its SYN every second at first, and
 * waits 32 s for the last. */
#define PATIENCE_NS (20 * INT64_C(1000000000))

static struct trace_subject subject_of(const struct unanswered_service *unanswered)
{
	return (struct trace_subject){
		.address = unanswered->server, .port = unanswered->port, .arrival = unanswered->device
	};
}

static const struct trace_turn *find_turn(
	const struct trace_schedule *schedule, const struct trace_subject *subject)
{
	for (unsigned i = 0; i < schedule->count; i++)
		if (trace_subject_equal(&schedule->turns[i].subject, subject))
			return &schedule->turns[i];
	return NULL;
}

static enum translation_basis basis_of(const struct facts *facts, const struct unanswered_service *unanswered)
{
	return translation_of(facts, &unanswered->server, unanswered->port, unanswered->device).basis;
}

static bool may_be_traced(const struct trace_schedule *schedule, const struct facts *facts,
	const struct unanswered_service *unanswered, uint32_t ruleset)
{
	const struct trace_subject subject = subject_of(unanswered);
	const struct trace_turn *turn = find_turn(schedule, &subject);
	int64_t now_ns = facts->monotonic_ns, pause_ns = TRACE_AGAIN_NS;
	/* It may be unanswered anew: it was answered in between, or nobody asked for a minute. */
	if (turn && (!turn->seen || unanswered->repeated_ns > turn->asked_ns))
		pause_ns = TRACE_SOON_NS;
	else if (turn && ruleset && ruleset != turn->ruleset)
		pause_ns = TRACE_RULESET_NS;
	if (unanswered->left || unanswered->device <= 0 ||
		facts->time_ns - unanswered->last_ns > PATIENCE_NS ||
		(turn && now_ns - turn->ended_ns < pause_ns))
		return false;
	switch (basis_of(facts, unanswered)) {
	case TRANSLATION_NONE:
		return false;
	case TRANSLATION_POSSIBLE:
		return schedule->doubtful_ns == 0 || now_ns - schedule->doubtful_ns >= TRACE_DOUBTFUL_NS;
	case TRANSLATION_RULE:
	case TRANSLATION_SEEN:
		break;
	}
	return true;
}

/* Those that are translated for certain first, then those that wait longest. */
static bool comes_before(
	const struct facts *facts, const struct unanswered_service *a, const struct unanswered_service *b)
{
	bool a_sure = basis_of(facts, a) > TRANSLATION_POSSIBLE;
	bool b_sure = basis_of(facts, b) > TRANSLATION_POSSIBLE;
	return a_sure != b_sure ? a_sure : a->repeated_ns < b->repeated_ns;
}

bool trace_schedule_next(const struct trace_schedule *schedule, const struct facts *facts, uint32_t ruleset,
	struct trace_subject *out)
{
	const struct handshake_report *report = facts->handshakes;
	const struct unanswered_service *best = NULL;
	for (size_t i = 0; report && i < report->unanswered_count; i++) {
		const struct unanswered_service *unanswered = &report->unanswered[i];
		if (may_be_traced(schedule, facts, unanswered, ruleset) &&
			(!best || comes_before(facts, unanswered, best)))
			best = unanswered;
	}
	if (best)
		*out = subject_of(best);
	return best != NULL;
}

void trace_schedule_note(
	struct trace_schedule *schedule, const struct facts *facts, const struct trace_turn *turn)
{
	const struct trace_subject *subject = &turn->subject;
	struct trace_turn *place = (struct trace_turn *)find_turn(schedule, subject);
	if (!place && schedule->count < TRACE_MEMORY)
		place = &schedule->turns[schedule->count++];
	if (!place) {
		place = &schedule->turns[0]; /* the oldest */
		for (unsigned i = 1; i < TRACE_MEMORY; i++)
			if (schedule->turns[i].ended_ns < place->ended_ns)
				place = &schedule->turns[i];
	}
	*place = *turn;
	if (translation_of(facts, &subject->address, subject->port, subject->arrival).basis ==
		TRANSLATION_POSSIBLE)
		schedule->doubtful_ns = turn->ended_ns;
}
