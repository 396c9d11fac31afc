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

/* It may be unanswered anew: it was answered in between, or nobody asked for a minute. */
static int64_t pause_of(
	const struct trace_turn *turn, const struct unanswered_service *unanswered, uint32_t ruleset)
{
	if (!turn->seen || unanswered->repeated_ns > turn->asked_ns)
		return TRACE_SOON_NS;
	return ruleset && ruleset != turn->ruleset ? TRACE_RULESET_NS : TRACE_AGAIN_NS;
}

static bool is_due(const struct trace_schedule *schedule, const struct unanswered_service *unanswered,
	uint32_t ruleset, int64_t now_ns)
{
	const struct trace_subject subject = subject_of(unanswered);
	const struct trace_turn *turn = find_turn(schedule, &subject);
	return !turn || now_ns - turn->ended_ns >= pause_of(turn, unanswered, ruleset);
}

static bool is_doubtful_due(const struct trace_schedule *schedule, int64_t now_ns)
{
	return schedule->doubtful_ns == 0 || now_ns - schedule->doubtful_ns >= TRACE_DOUBTFUL_NS;
}

static enum translation_basis basis_of(const struct facts *facts, const struct unanswered_service *unanswered)
{
	return translation_of(facts, &unanswered->server, unanswered->port, unanswered->device).basis;
}

static bool may_be_traced(const struct trace_schedule *schedule, const struct facts *facts,
	const struct unanswered_service *unanswered, uint32_t ruleset)
{
	if (unanswered->left || unanswered->device <= 0 ||
		facts->time_ns - unanswered->last_ns > PATIENCE_NS ||
		!is_due(schedule, unanswered, ruleset, facts->monotonic_ns))
		return false;
	switch (basis_of(facts, unanswered)) {
	case TRANSLATION_NONE:
		return false;
	case TRANSLATION_POSSIBLE:
		return is_doubtful_due(schedule, facts->monotonic_ns);
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

static struct trace_turn *make_turn(struct trace_schedule *schedule, const struct trace_subject *subject)
{
	struct trace_turn *known = (struct trace_turn *)find_turn(schedule, subject);
	struct trace_turn *oldest = &schedule->turns[0];
	if (known)
		return known;
	if (schedule->count < TRACE_MEMORY)
		return &schedule->turns[schedule->count++];
	for (unsigned i = 1; i < TRACE_MEMORY; i++)
		if (schedule->turns[i].ended_ns < oldest->ended_ns)
			oldest = &schedule->turns[i];
	return oldest;
}

void trace_schedule_note(
	struct trace_schedule *schedule, const struct facts *facts, const struct trace_turn *turn)
{
	*make_turn(schedule, &turn->subject) = *turn;
	const struct trace_subject *subject = &turn->subject;
	if (translation_of(facts, &subject->address, subject->port, subject->arrival).basis ==
		TRANSLATION_POSSIBLE)
		schedule->doubtful_ns = turn->ended_ns;
}
