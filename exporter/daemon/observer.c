// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/daemon/observer.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/array.h"
#include "collectors/base/clock.h"
#include "collectors/base/procfs.h"

#define INIT_RETRY_NS (60 * SECOND_NS)

struct slot {
	const struct collector *collector;
	bool enabled;
	bool open;
	void *context;
	int64_t retry_ns; /* while not open: when init is tried again */
	bool complete;    /* its part of the facts is to be completed */
	bool blind;       /* error is that of PROCFS, which it reads */
	int error;        /* of the last init, collect or complete, negative; 0 */
	int advance_error;
};

struct observer {
	const struct log *log;
	char *procfs;
	size_t slot_count;
	struct slot slots[];
};

size_t observer_collector_count(void)
{
	size_t count = 0;
	while (observer_collectors[count])
		count++;
	return count;
}

/* ---- what is said about failures, once for each change ---- */

static const struct collector_lack common_lacks[] = {
	{ -EOPNOTSUPP, "kernel", "this kernel or network namespace has no such source" },
	{ -EMFILE, "descriptors", NULL },
	{ -ENFILE, "descriptors", NULL },
	{ -ENOMEM, "memory", NULL },
	{ -ENOBUFS, "memory", NULL },
	{ -EPERM, "permission", NULL },
	{ -EACCES, "permission", NULL },
	{ 0, "error", NULL },
};

static const struct collector_lack *find_lack(const struct slot *slot, int error)
{
	const struct collector_lack *own = slot->collector->lacks, *lack = common_lacks;
	for (; own && own->error; own++)
		if (own->error == error)
			return own;
	while (lack->error && lack->error != error)
		lack++;
	return lack;
}

/* Why, in one word and in more; NULL and "" for no error. */
static const char *describe(const struct observer *observer, const struct slot *slot, int error,
	char text[static COLLECTOR_ERROR_SIZE])
{
	const struct collector_lack *lack = find_lack(slot, error);
	text[0] = '\0';
	if (!error)
		return NULL;
	if (slot->blind) {
		snprintf(text, COLLECTOR_ERROR_SIZE, "cannot read all of %s: %s", observer->procfs,
			strerror(-error));
		return "procfs";
	}
	if ((error == -EPERM || error == -EACCES) && slot->collector->needs)
		snprintf(text, COLLECTOR_ERROR_SIZE, "not permitted: needs %s", slot->collector->needs);
	else
		snprintf(text, COLLECTOR_ERROR_SIZE, "%s", lack->text ? lack->text : strerror(-error));
	return lack->reason;
}

static void say(const struct observer *observer, const struct slot *slot, int error, int before,
	const char *fails, const char *works)
{
	char text[COLLECTOR_ERROR_SIZE];
	if (error == before)
		return;
	if (error) {
		describe(observer, slot, error, text);
		log_warn(observer->log, fails, { "collector", slot->collector->name }, { "error", text });
	} else {
		log_info(observer->log, works, { "collector", slot->collector->name });
	}
}

/* A collector that could not read all it reads has not looked, whatever it says itself. */
static void set_error(const struct observer *observer, struct slot *slot, int error)
{
	int unreadable = slot->collector->procfs ? procfs_check(observer->procfs) : 0;
	slot->blind = unreadable < 0;
	if (slot->blind)
		error = unreadable;
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
	if (slot->open && slot->collector->describe) {
		char text[COLLECTOR_ERROR_SIZE];
		slot->collector->describe(slot->context, text);
		log_info(observer->log, "Collector looks", { "collector", slot->collector->name },
			{ "by", text });
	}
}

int observer_open(const bool *enabled, const struct collector_settings *settings, const struct log *log,
	struct observer **out)
{
	size_t count = observer_collector_count();
	struct observer *observer = calloc(1, sizeof(*observer) + count * sizeof(observer->slots[0]));
	char *procfs = strdup(settings->procfs);
	if (!observer || !procfs) {
		free(procfs);
		free(observer);
		return -ENOMEM;
	}
	observer->log = log;
	observer->procfs = procfs;
	observer->slot_count = count;
	for (size_t i = 0; i < observer->slot_count; i++) {
		struct slot *slot = &observer->slots[i];
		slot->collector = observer_collectors[i];
		slot->enabled = enabled[i];
		if (slot->enabled)
			try_init(observer, slot, settings, clock_ns(CLOCK_MONOTONIC));
	}
	malloc_trim(0); /* loading programs for the kernel needs megabytes, once */
	*out = observer;
	return 0;
}

void observer_close(struct observer *observer)
{
	if (!observer)
		return;
	for (size_t i = observer->slot_count; i-- > 0;)
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

int observer_advance(
	struct observer *observer, size_t collector, int64_t now_ns, struct collector_schedule *schedule)
{
	struct slot *slot = &observer->slots[collector];
	*schedule = (struct collector_schedule){ .due_ns = COLLECTOR_NEVER };
	if (!slot->enabled || !slot->collector->advance)
		return 0;
	if (!slot->open) { /* asked again after collect has tried to start it */
		schedule->due_ns =
			slot->retry_ns == INT64_MAX ? COLLECTOR_NEVER : slot->retry_ns + 2 * SECOND_NS;
		return 0;
	}
	int error = slot->collector->advance(slot->context, now_ns, schedule);
	say(observer, slot, error, slot->advance_error, "Collector fails to follow changes",
		"Collector follows changes again");
	slot->advance_error = error;
	return error;
}

/* ---- collect ---- */

static void set_status(const struct observer *observer, const struct slot *slot, int64_t start_ns,
	struct collector_status *status)
{
	status->success = slot->error == 0;
	status->seconds += (double)(clock_ns(CLOCK_MONOTONIC) - start_ns) / (double)SECOND_NS;
	status->reason = describe(observer, slot, slot->error, status->error);
}

int observer_collect(struct observer *observer, const struct collector_settings *settings, struct facts **out)
{
	struct facts *facts = facts_new();
	if (!facts)
		return -ENOMEM;
	facts->time_ns = clock_ns(CLOCK_REALTIME);
	facts->monotonic_ns = clock_ns(CLOCK_MONOTONIC);
	for (size_t i = 0; i < observer->slot_count; i++) {
		struct slot *slot = &observer->slots[i];
		int64_t start = clock_ns(CLOCK_MONOTONIC);
		slot->complete = false;
		if (!slot->enabled)
			continue;
		if (!slot->open && start >= slot->retry_ns)
			try_init(observer, slot, settings, start);
		if (slot->open) {
			int error = slot->collector->collect(slot->context, settings, facts);
			slot->complete = error == 0 && slot->collector->complete;
			if (!slot->complete)
				set_error(observer, slot, error);
		}
		struct collector_status *status = ARRAY_ADD(facts->collectors, facts->collector_count);
		if (!status) {
			facts_free(facts);
			return -ENOMEM;
		}
		status->name = slot->collector->name;
		set_status(observer, slot, start, status);
	}
	*out = facts;
	return 0;
}

int observer_complete(
	struct observer *observer, const struct collector_settings *settings, struct facts *facts)
{
	struct collector_status *status = facts->collectors;
	int result = facts_index(facts);
	for (size_t i = 0; result == 0 && i < observer->slot_count; i++) {
		struct slot *slot = &observer->slots[i];
		int64_t start = clock_ns(CLOCK_MONOTONIC);
		if (!slot->enabled)
			continue;
		if (slot->complete) {
			set_error(observer, slot, slot->collector->complete(slot->context, settings, facts));
			set_status(observer, slot, start, status);
		}
		status++;
	}
	return result;
}

bool observer_is_settled(const struct observer *observer)
{
	const struct collector_settings settings = { .procfs = observer->procfs };
	bool settled = true;
	struct facts *facts = facts_new();
	for (size_t i = 0; facts && i < observer->slot_count; i++) {
		const struct slot *slot = &observer->slots[i];
		if (slot->open && slot->collector->settled &&
			slot->collector->collect(slot->context, &settings, facts) == 0)
			settled &= slot->collector->settled(slot->context);
	}
	facts_free(facts);
	return settled;
}
