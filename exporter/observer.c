// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/observer.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/growth.h"
#include "exporter/clock.h"
#include "exporter/schedule.h"

#define INIT_RETRY_NS (60 * SECOND_NS)

struct slot {
	const struct collector *collector;
	bool enabled;
	bool open;
	void *context;
	int64_t retry_ns; /* while not open: when init is tried again */
	int error;        /* of the last init or collect, negative; 0 */
	int advance_error;
};

struct observer {
	const struct log *log;
	char *procfs;
	struct slot slots[OBSERVER_COLLECTORS];
};

/* ---- what is said about failures, once for each change ---- */

static const char *describe(const struct slot *slot, int error, char text[static COLLECTOR_ERROR_SIZE])
{
	if ((error == -EPERM || error == -EACCES) && slot->collector->needs)
		snprintf(text, COLLECTOR_ERROR_SIZE, "not permitted: needs %s", slot->collector->needs);
	else if (error == -EOPNOTSUPP && slot->collector->lacks)
		snprintf(text, COLLECTOR_ERROR_SIZE, "%s", slot->collector->lacks);
	else if (error == -EOPNOTSUPP)
		snprintf(text, COLLECTOR_ERROR_SIZE, "this kernel or network namespace has no such source");
	else
		snprintf(text, COLLECTOR_ERROR_SIZE, "%s", error ? strerror(-error) : "");
	return text;
}

static void say(const struct observer *observer, const struct slot *slot, int error, int before,
	const char *fails, const char *works)
{
	char text[COLLECTOR_ERROR_SIZE];
	if (error == before)
		return;
	if (error)
		log_warn(observer->log, fails, { "collector", slot->collector->name },
			{ "error", describe(slot, error, text) });
	else
		log_info(observer->log, works, { "collector", slot->collector->name });
}

static void set_error(const struct observer *observer, struct slot *slot, int error)
{
	say(observer, slot, error, slot->error, "Collector cannot look", "Collector can look again");
	slot->error = error;
}

/* ---- init ---- */

/* Privileges do not come back; a module may be loaded, memory be freed. */
static bool may_heal(int error)
{
	return error != -EPERM && error != -EACCES;
}

static void try_init(struct observer *observer, struct slot *slot, const struct collector_settings *settings,
	int64_t now_ns)
{
	int error = slot->collector->init(settings, &slot->context);
	slot->open = error == 0;
	slot->retry_ns = may_heal(error) ? now_ns + INIT_RETRY_NS : INT64_MAX;
	set_error(observer, slot, error);
}

int observer_open(const bool enabled[static OBSERVER_COLLECTORS], const struct collector_settings *settings,
	const struct log *log, struct observer **out)
{
	struct observer *observer = calloc(1, sizeof(*observer));
	char *procfs = strdup(settings->procfs);
	if (!observer || !procfs) {
		free(procfs);
		free(observer);
		return -ENOMEM;
	}
	observer->log = log;
	observer->procfs = procfs;
	for (size_t i = 0; i < OBSERVER_COLLECTORS; i++) {
		struct slot *slot = &observer->slots[i];
		slot->collector = observer_collectors[i];
		slot->enabled = enabled[i];
		if (slot->enabled)
			try_init(observer, slot, settings, clock_ns(CLOCK_MONOTONIC));
	}
	*out = observer;
	return 0;
}

void observer_close(struct observer *observer)
{
	if (!observer)
		return;
	for (size_t i = OBSERVER_COLLECTORS; i-- > 0;)
		if (observer->slots[i].open)
			observer->slots[i].collector->destroy(observer->slots[i].context);
	free(observer->procfs);
	free(observer);
}

/* ---- the collectors' own work ---- */

int observer_descriptor(const struct observer *observer, size_t collector)
{
	const struct slot *slot = &observer->slots[collector];
	if (!slot->open || !slot->collector->descriptor)
		return -1;
	return slot->collector->descriptor(slot->context);
}

int observer_advance(struct observer *observer, size_t collector, int64_t now_ns, struct collector_wish *wish)
{
	struct slot *slot = &observer->slots[collector];
	*wish = (struct collector_wish){ .due_ns = COLLECTOR_NEVER };
	if (!slot->enabled || !slot->collector->advance)
		return 0;
	if (!slot->open) { /* asked again after collect has tried to start it */
		wish->due_ns = slot->retry_ns == INT64_MAX ? COLLECTOR_NEVER : slot->retry_ns + 2 * SECOND_NS;
		return 0;
	}
	int error = slot->collector->advance(slot->context, now_ns, wish);
	say(observer, slot, error, slot->advance_error, "Collector fails to follow changes",
		"Collector follows changes again");
	slot->advance_error = error;
	return error;
}

/* ---- collect ---- */

static int add_status(const struct slot *slot, double seconds, struct facts *facts)
{
	struct collector_status *status = GROW(facts->collectors, facts->collector_count);
	if (!status)
		return -ENOMEM;
	status->name = slot->collector->name;
	status->success = slot->error == 0;
	status->seconds = seconds;
	describe(slot, slot->error, status->error);
	return 0;
}

static int collect_slot(struct observer *observer, struct slot *slot,
	const struct collector_settings *settings, struct facts *facts)
{
	int64_t start = clock_ns(CLOCK_MONOTONIC);
	if (!slot->open && start >= slot->retry_ns)
		try_init(observer, slot, settings, start);
	if (slot->open)
		set_error(observer, slot, slot->collector->collect(slot->context, settings, facts));
	return add_status(slot, (double)(clock_ns(CLOCK_MONOTONIC) - start) / (double)SECOND_NS, facts);
}

int observer_collect(struct observer *observer, const struct collector_settings *settings, struct facts **out)
{
	struct facts *facts = facts_new();
	if (!facts)
		return -ENOMEM;
	facts->time_ns = clock_ns(CLOCK_REALTIME);
	facts->monotonic_ns = clock_ns(CLOCK_MONOTONIC);
	for (size_t i = 0; i < OBSERVER_COLLECTORS; i++) {
		struct slot *slot = &observer->slots[i];
		if (slot->enabled && collect_slot(observer, slot, settings, facts) < 0) {
			facts_free(facts);
			return -ENOMEM;
		}
	}
	*out = facts;
	return 0;
}

/* ---- without a loop ---- */

struct turn {
	int64_t due_ns[OBSERVER_COLLECTORS];
	unsigned failures[OBSERVER_COLLECTORS];
	bool changed;
};

static int64_t earliest(const struct turn *turn, int64_t until_ns)
{
	int64_t due = until_ns;
	for (size_t i = 0; i < OBSERVER_COLLECTORS; i++)
		if (turn->due_ns[i] < due)
			due = turn->due_ns[i];
	return due;
}

/* A collector whose calls fail is not polled until its pause is over. */
static void wait_for_work(const struct observer *observer, const struct turn *turn, int64_t until_ns,
	struct pollfd polled[static OBSERVER_COLLECTORS])
{
	for (size_t i = 0; i < OBSERVER_COLLECTORS; i++)
		polled[i] =
			(struct pollfd){ .fd = turn->failures[i] > 1 ? -1 : observer_descriptor(observer, i),
				.events = POLLIN };
	int64_t wait = earliest(turn, until_ns) - clock_ns(CLOCK_MONOTONIC);
	struct timespec timeout = { 0 };
	if (wait > 0)
		timeout = (struct timespec){ wait / SECOND_NS, wait % SECOND_NS };
	if (ppoll(polled, OBSERVER_COLLECTORS, &timeout, NULL) < 0)
		for (size_t i = 0; i < OBSERVER_COLLECTORS; i++)
			polled[i].revents = 0;
}

static void take_turn(struct observer *observer, struct turn *turn, int64_t until_ns)
{
	struct pollfd polled[OBSERVER_COLLECTORS];
	wait_for_work(observer, turn, until_ns, polled);
	turn->changed = false;
	for (size_t i = 0; i < OBSERVER_COLLECTORS; i++) {
		int64_t now = clock_ns(CLOCK_MONOTONIC);
		struct collector_wish wish;
		if (!polled[i].revents && turn->due_ns[i] > now)
			continue;
		bool failed = observer_advance(observer, i, now, &wish) < 0;
		turn->failures[i] = failed ? turn->failures[i] + 1 : 0;
		int64_t backoff_ns = schedule_backoff(turn->failures[i]);
		turn->due_ns[i] = backoff_ns ? now + backoff_ns : wish.due_ns;
		turn->changed |= wish.changed;
	}
}

void observer_run(struct observer *observer, int64_t duration_ns)
{
	struct turn turn = { 0 }; /* everything is due at once: each collector says what it wants next */
	int64_t until_ns = clock_ns(CLOCK_MONOTONIC) + duration_ns;
	while (clock_ns(CLOCK_MONOTONIC) < until_ns)
		take_turn(observer, &turn, until_ns);
}

/* Work that ends: conntrack's first sweep, which waits for the addresses that link gives, and the first
 * reading of the firewall's rules. They are asked for what they have; the facts are thrown away. */
static bool is_settled(const struct observer *observer)
{
	const struct collector_settings settings = { .procfs = observer->procfs };
	bool settled = true;
	struct facts *facts = facts_new();
	for (size_t i = 0; facts && i < OBSERVER_COLLECTORS; i++) {
		const struct slot *slot = &observer->slots[i];
		bool wanted = slot->collector == &link_collector || slot->collector == &conntrack_collector ||
			      slot->collector == &natrules_collector;
		if (!slot->open || !wanted || slot->collector->collect(slot->context, &settings, facts) < 0)
			continue;
		if (slot->collector == &conntrack_collector)
			settled &= facts->conntrack.known || !facts->conntrack.in_use;
		if (slot->collector == &natrules_collector)
			settled &= facts->nat_rules_known;
	}
	facts_free(facts);
	return settled;
}

#define SETTLED_CHECK_NS (50 * MILLISECOND_NS)

void observer_settle(struct observer *observer, int64_t timeout_ns)
{
	struct turn turn = { 0 };
	int64_t until_ns = clock_ns(CLOCK_MONOTONIC) + timeout_ns, check_ns = 0;
	for (int64_t now = 0; now < until_ns; now = clock_ns(CLOCK_MONOTONIC)) {
		int64_t wake_ns = clock_ns(CLOCK_MONOTONIC) + SETTLED_CHECK_NS;
		take_turn(observer, &turn, wake_ns < until_ns ? wake_ns : until_ns);
		if (!turn.changed && now < check_ns)
			continue;
		if (is_settled(observer))
			return;
		check_ns = now + SETTLED_CHECK_NS;
	}
}
