// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/trace/trace_schedule.h"

#include "collectors/firewall/translation.h"

/* Somebody who gave up sends nothing that could be traced: Linux repeats its SYN every second at first, and
 * waits 32 s for the last. */
#define PATIENCE_NS (20 * INT64_C(1000000000))

static struct trace_subject subject_of(const struct handshake_silence *silence)
{
	return (struct trace_subject){
		.address = silence->server, .port = silence->port, .arrival = silence->device
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

/* Its silence may have begun anew: it was answered in between, or nobody asked for a minute. */
static int64_t pause_of(
	const struct trace_turn *turn, const struct handshake_silence *silence, uint32_t ruleset)
{
	if (!turn->seen || silence->repeated_ns > turn->asked_ns)
		return TRACE_SOON_NS;
	return ruleset && ruleset != turn->ruleset ? TRACE_RULESET_NS : TRACE_AGAIN_NS;
}

static bool is_due(const struct trace_schedule *schedule, const struct handshake_silence *silence,
	uint32_t ruleset, int64_t now_ns)
{
	const struct trace_subject subject = subject_of(silence);
	const struct trace_turn *turn = find_turn(schedule, &subject);
	return !turn || now_ns - turn->ended_ns >= pause_of(turn, silence, ruleset);
}

static bool is_doubtful_due(const struct trace_schedule *schedule, int64_t now_ns)
{
	return schedule->doubtful_ns == 0 || now_ns - schedule->doubtful_ns >= TRACE_DOUBTFUL_NS;
}

static enum translation_basis basis_of(const struct facts *facts, const struct handshake_silence *silence)
{
	return translation_of(facts, &silence->server, silence->port, silence->device).basis;
}

static bool may_be_traced(const struct trace_schedule *schedule, const struct facts *facts,
	const struct handshake_silence *silence, uint32_t ruleset)
{
	if (silence->left || silence->device <= 0 || facts->time_ns - silence->last_ns > PATIENCE_NS ||
		!is_due(schedule, silence, ruleset, facts->monotonic_ns))
		return false;
	switch (basis_of(facts, silence)) {
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
	const struct facts *facts, const struct handshake_silence *a, const struct handshake_silence *b)
{
	bool a_sure = basis_of(facts, a) > TRANSLATION_POSSIBLE;
	bool b_sure = basis_of(facts, b) > TRANSLATION_POSSIBLE;
	return a_sure != b_sure ? a_sure : a->repeated_ns < b->repeated_ns;
}

bool trace_schedule_next(const struct trace_schedule *schedule, const struct facts *facts, uint32_t ruleset,
	struct trace_subject *out)
{
	const struct handshake_report *report = facts->handshakes;
	const struct handshake_silence *best = NULL;
	for (size_t i = 0; report && i < report->silence_count; i++) {
		const struct handshake_silence *silence = &report->silences[i];
		if (may_be_traced(schedule, facts, silence, ruleset) &&
			(!best || comes_before(facts, silence, best)))
			best = silence;
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
