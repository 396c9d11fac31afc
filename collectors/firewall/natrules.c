// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The rules that translate destinations. The kernel announces each change of the ruleset; when it has been
 * quiet for a moment, or half a minute is over, the ruleset's generation tells whether there is anything new,
 * and only then is it read, followed, and freed again, a few milliseconds at a time. What was read last stays
 * until then.
 *
 * Where nf_tables is a module that is not loaded there are no rules of it, and none of its sockets is opened,
 * which would load it.
 */
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/clock.h"
#include "collectors/base/kernel_module.h"
#include "collectors/base/netlink.h"
#include "collectors/collector.h"
#include "collectors/firewall/ip_tables.h"
#include "collectors/firewall/nat_eval.h"
#include "collectors/firewall/nat_list.h"
#include "collectors/firewall/nft_reader.h"
#include "collectors/firewall/rule_reading.h"

#define QUIET_NS    (200 * MILLISECOND_NS) /* after a change; more may follow */
#define PATIENCE_NS (2 * SECOND_NS)        /* with changes that do not end */
#define TURN_NS     (2 * MILLISECOND_NS)   /* of reading in one advance() */
#define TABLES_NS   (2 * MILLISECOND_NS)   /* between two looks whether the legacy tables are read */
#define PERIOD_NS   (30 * SECOND_NS)
#define LOADED_NS   (2 * SECOND_NS) /* between two looks whether nf_tables is loaded */
#define COST_SHARE  20 /* readings take at most 1/20 of the time while the ruleset keeps changing */
#define TRIES_MAX   8

/* What advance() is at: rest, or a piece of work at a time. */
enum phase { PHASE_REST, PHASE_TABLES, PHASE_READ, PHASE_EVALUATE, PHASE_FREE };

struct natrules {
	struct nft_reader *reader; /* NULL: nf_tables is not loaded, so there are legacy tables at most */
	struct netlink *events;    /* NULL without it */
	enum phase phase;
	bool changed;         /* announced, not read yet */
	int64_t announced_ns; /* the first change since the last reading */
	int64_t due_ns, look_ns;
	int64_t began_ns, cost_ns; /* of the last reading */
	unsigned tries;            /* readings that met a change */
	int error;                 /* of the last reading, negative; 0 */
	uint32_t generation;
	uint64_t version;
	char *procfs;
	struct ip_tables legacy;      /* changed: since the list was made */
	const struct nat_list *rules; /* NULL: not known */

	struct nat_list *made; /* while they are followed */
	struct nat_eval *eval;
	unsigned evaluated; /* sources: the ruleset, the legacy tables */
	int result;         /* of the reading or following, told when all is freed */

	struct rule_reading reading; /* of the thread that completes */
};

/* ---- when to read */

/* The time, or when the last reading is paid for. */
static int64_t natrules_affordable(const struct natrules *natrules, int64_t time_ns)
{
	int64_t paid_ns = natrules->began_ns + COST_SHARE * natrules->cost_ns;
	return time_ns > paid_ns ? time_ns : paid_ns;
}

/* 0, or a negative errno: nothing is announced any more, but for what time tells. */
static int natrules_note_changes(struct natrules *natrules, int64_t now_ns)
{
	int some = natrules->events ? netlink_drain(natrules->events, NULL, NULL) : 0;
	if (some <= 0)
		return some;
	if (!natrules->changed)
		natrules->announced_ns = now_ns;
	natrules->changed = true;
	int64_t latest_ns = natrules->announced_ns + PATIENCE_NS, due_ns = now_ns + QUIET_NS;
	if (natrules->phase == PHASE_REST)
		natrules->due_ns = natrules_affordable(natrules, due_ns < latest_ns ? due_ns : latest_ns);
	return 0;
}

/* A ruleset that changes all the time is tried again a little later, then much later. */
static void natrules_fail(struct natrules *natrules, int error, int64_t now_ns)
{
	natrules->phase = PHASE_REST;
	natrules->tries++;
	bool again = error == -EINTR && natrules->tries < TRIES_MAX;
	natrules->due_ns =
		natrules_affordable(natrules, now_ns + (again ? natrules->tries * QUIET_NS : PERIOD_NS));
	if (again)
		return;
	natrules->tries = 0;
	natrules->error = error;
}

static void natrules_rest(struct natrules *natrules, int64_t now_ns)
{
	natrules->phase = PHASE_REST;
	natrules->tries = 0;
	natrules->error = 0;
	natrules->due_ns = now_ns + PERIOD_NS;
}

/* ---- reading */

/* 0: nf_tables is not there, which asking would load, or the reader is open; or negative errno. */
static int natrules_open_reader(struct natrules *natrules)
{
	struct nft_reader *reader = NULL;
	struct netlink *events = NULL;
	if (!kernel_module_is_there(natrules->procfs, "nf_tables"))
		return 0;
	int error = nft_reader_open(&reader);
	if (error == 0)
		error = netlink_open(NETLINK_NETFILTER, &events);
	if (error == 0)
		error = netlink_join(events, NFNLGRP_NFTABLES);
	if (error < 0) {
		nft_reader_close(reader);
		netlink_close(events);
		return error == -EOPNOTSUPP ? 0 : error;
	}
	natrules->reader = reader;
	natrules->events = events;
	return 0;
}

/* ---- evaluation */

static int natrules_begin_evaluation(struct natrules *natrules)
{
	natrules->made = nat_list_new();
	natrules->evaluated = 0;
	natrules->phase = PHASE_EVALUATE;
	return natrules->made ? 0 : -ENOMEM;
}

/* 0: there is more; 1: all sources were followed; or -ENOMEM. */
static int natrules_evaluate(struct natrules *natrules)
{
	const struct ip_table *table =
		natrules->evaluated ? &natrules->legacy.tables[natrules->evaluated - 1] : NULL;
	if (!natrules->eval && (table ? table->bytes != NULL : natrules->reader != NULL)) {
		natrules->eval =
			table ? nat_eval_table(table, natrules->made)
			      : nat_eval_ruleset(nft_reader_ruleset(natrules->reader), natrules->made);
		return natrules->eval ? 0 : -ENOMEM;
	}
	int result = natrules->eval ? nat_eval_step(natrules->eval) : 1;
	if (result <= 0)
		return result;
	nat_eval_free(natrules->eval);
	natrules->eval = NULL;
	return ++natrules->evaluated == 3;
}

static void natrules_publish(struct natrules *natrules)
{
	nat_list_release(natrules->rules);
	natrules->made->version = ++natrules->version;
	natrules->rules = natrules->made;
	natrules->made = NULL;
	natrules->legacy.changed = false;
	if (natrules->reader)
		natrules->generation = nft_reader_read_generation(natrules->reader);
}

/* 0, or a negative errno; begins to read if there is anything new. nf_tables may be loaded later. */
static int natrules_begin_reading(struct natrules *natrules, int64_t now_ns)
{
	uint32_t generation = natrules->generation;
	natrules->changed = false;
	int error = natrules->reader ? 0 : natrules_open_reader(natrules);
	if (natrules->reader)
		error = nft_reader_generation(natrules->reader, &generation);
	else if (error < 0)
		return error;
	bool read = error == 0 || !natrules->reader;
	if (read && natrules->rules && !natrules->legacy.changed && generation == natrules->generation) {
		natrules_rest(natrules, now_ns);
		return 0;
	}
	natrules->began_ns = now_ns;
	natrules->cost_ns = 0;
	if (!natrules->reader)
		return natrules_begin_evaluation(natrules);
	if (error == 0)
		error = nft_reader_begin(natrules->reader, NFT_SCOPE_NAT);
	if (error == 0)
		natrules->phase = PHASE_READ;
	return error;
}

/* A piece. True if there are new rules. */
static bool natrules_step(struct natrules *natrules)
{
	int result = 0;
	switch (natrules->phase) {
	case PHASE_REST:
	case PHASE_TABLES:
		return false;
	case PHASE_READ:
		result = nft_reader_step(natrules->reader);
		if (result > 0)
			result = natrules_begin_evaluation(natrules);
		break;
	case PHASE_EVALUATE:
		result = natrules_evaluate(natrules);
		break;
	case PHASE_FREE:
		if (natrules->reader && !nft_reader_drop(natrules->reader))
			return false;
		if (natrules->result < 0)
			natrules_fail(natrules, natrules->result, clock_ns(CLOCK_MONOTONIC));
		else
			natrules_rest(natrules, clock_ns(CLOCK_MONOTONIC));
		return false;
	}
	if (result == 0)
		return false;
	if (result > 0)
		natrules_publish(natrules);
	nat_eval_free(natrules->eval);
	nat_list_release(natrules->made);
	natrules->eval = NULL;
	natrules->made = NULL;
	natrules->result = result;
	natrules->phase = PHASE_FREE;
	return result > 0;
}

static bool natrules_take_turn(struct natrules *natrules)
{
	int64_t start = clock_ns(CLOCK_MONOTONIC), now = start, until = now + TURN_NS;
	bool fresh = false;
	while (natrules->phase > PHASE_TABLES && now < until) {
		fresh |= natrules_step(natrules);
		int64_t before = now;
		now = clock_ns(CLOCK_MONOTONIC);
		natrules->cost_ns += now - before;
	}
	return fresh;
}

static int natrules_advance(void *context, int64_t now_ns, struct collector_schedule *schedule)
{
	struct natrules *natrules = context;
	int result = natrules_note_changes(natrules, now_ns);
	int error = 0;
	if (!natrules->reader && natrules->phase == PHASE_REST && now_ns >= natrules->look_ns) {
		natrules->look_ns = now_ns + LOADED_NS;
		if (natrules->error == 0 && kernel_module_is_there(natrules->procfs, "nf_tables"))
			natrules->due_ns = now_ns;
	}
	/* Nobody announces that a table of legacy iptables has changed: they are read each time. */
	if (natrules->phase == PHASE_REST && now_ns >= natrules->due_ns) {
		error = ip_tables_begin(&natrules->legacy);
		if (error == 0)
			natrules->phase = PHASE_TABLES;
	}
	if (natrules->phase == PHASE_TABLES && ip_tables_end(&natrules->legacy))
		error = natrules_begin_reading(natrules, now_ns);
	if (error < 0)
		natrules_fail(natrules, error, now_ns);
	schedule->changed = natrules_take_turn(natrules);
	/* What was announced while it was being read. */
	if (natrules->phase == PHASE_REST && natrules->changed &&
		natrules->due_ns > natrules_affordable(natrules, now_ns + QUIET_NS))
		natrules->due_ns = natrules_affordable(natrules, now_ns + QUIET_NS);
	bool looks = !natrules->reader && natrules->look_ns < natrules->due_ns;
	schedule->due_ns = natrules->phase == PHASE_REST     ? looks ? natrules->look_ns : natrules->due_ns
			   : natrules->phase == PHASE_TABLES ? now_ns + TABLES_NS
							     : now_ns;
	return result;
}

static int natrules_collect(void *context, const struct collector_settings *settings, struct facts *facts)
{
	(void)settings;
	const struct natrules *natrules = context;
	facts->nat_rules = nat_list_share(natrules->rules);
	facts->owner_tables = natrules->reader && nft_reader_has_owners(natrules->reader);
	return natrules->error;
}

/* Which of all rules drops what was translated. */
static int natrules_complete(void *context, const struct collector_settings *settings, struct facts *facts)
{
	struct natrules *natrules = context;
	return rule_reading_add(&natrules->reading, settings->procfs, facts);
}

/* ---- the collector */

static int natrules_descriptor(const void *context)
{
	const struct natrules *natrules = context;
	return natrules->events ? netlink_descriptor(natrules->events) : -1;
}

static void natrules_destroy(void *context)
{
	struct natrules *natrules = context;
	if (!natrules)
		return;
	nat_eval_free(natrules->eval);
	nat_list_release(natrules->made);
	nat_list_release(natrules->rules);
	nft_reader_close(natrules->reader);
	netlink_close(natrules->events);
	ip_tables_clear(&natrules->legacy);
	rule_reading_clear(&natrules->reading);
	free(natrules->procfs);
	free(natrules);
}

static int natrules_init(const struct collector_settings *settings, void **context)
{
	struct natrules *natrules = calloc(1, sizeof(*natrules));
	if (!natrules)
		return -ENOMEM;
	natrules->legacy.procfs = natrules->procfs = strdup(settings->procfs);
	int error = natrules->procfs ? natrules_open_reader(natrules) : -ENOMEM;
	if (error < 0) {
		natrules_destroy(natrules);
		return error;
	}
	*context = natrules;
	return 0;
}

static bool natrules_settled(const void *context)
{
	const struct natrules *natrules = context;
	return natrules->rules;
}

/* ---- metrics ---- */

static void emit_nat_rules(struct metric_sink *sink, const struct facts *facts)
{
	const struct nat_list *rules = facts->nat_rules;
	if (!rules)
		return;
	metric_add(sink, (double)(rules->count - rules->redirects), "dnat");
	metric_add(sink, (double)rules->redirects, "redirect");
}

static void emit_nat_rules_unread(struct metric_sink *sink, const struct facts *facts)
{
	if (facts->nat_rules)
		metric_add(sink, (double)facts->nat_rules->unread_total);
}

static const struct metric_family natrules_metrics[] = {
	{ .name = "oneway_nat_rules",
		.type = METRIC_GAUGE,
		.labels = { "kind" },
		.help = "Rules of the firewall that translate destinations, one for each target and element of a map.",
		.emit = emit_nat_rules },
	{ .name = "oneway_nat_rules_unread",
		.type = METRIC_GAUGE,
		.help = "Rules that translate destinations, but to what could not be read.",
		.emit = emit_nat_rules_unread },
	{ 0 },
};

const struct collector natrules_collector = {
	.name = "natrules",
	.summary = "firewall rules that translate destinations",
	.needs = "CAP_NET_ADMIN",
	.init = natrules_init,
	.collect = natrules_collect,
	.complete = natrules_complete,
	.destroy = natrules_destroy,
	.procfs = true,
	.descriptor = natrules_descriptor,
	.advance = natrules_advance,
	.settled = natrules_settled,
	.families = natrules_metrics,
};
