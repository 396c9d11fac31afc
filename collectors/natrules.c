// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The rules that translate destinations. The kernel announces each change of the ruleset; when it has been
 * quiet for a moment, or half a minute is over, the ruleset's generation tells whether there is anything new,
 * and only then is it read, a few milliseconds at a time. What was read last stays until then.
 */
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "collectors/collector.h"
#include "collectors/ip_tables_read.h"
#include "collectors/kernel_module.h"
#include "collectors/nat_list.h"
#include "collectors/nat_walk.h"
#include "collectors/netlink.h"
#include "collectors/nft_reader.h"

#define MILLISECOND_NS INT64_C(1000000)
#define SECOND_NS      (1000 * MILLISECOND_NS)
#define QUIET_NS       (200 * MILLISECOND_NS) /* after a change; more may follow */
#define PATIENCE_NS    (2 * SECOND_NS)        /* with changes that do not end */
#define TURN_NS        (2 * MILLISECOND_NS)   /* of reading in one advance() */
#define PERIOD_NS      (30 * SECOND_NS)
#define COST_SHARE     20 /* readings take at most 1/20 of the time while the ruleset keeps changing */
#define TRIES_MAX      8

struct natrules {
	struct nft_reader *reader; /* NULL: nf_tables is not loaded; there are legacy tables only */
	struct netlink *events;
	bool known;
	bool reading;
	bool changed;         /* announced, not read yet */
	int64_t announced_ns; /* the first change since the last reading */
	int64_t due_ns;
	int64_t began_ns, cost_ns; /* of the last reading */
	unsigned tries;            /* readings that met a change */
	int error;                 /* of the last reading, negative; 0 */
	uint32_t generation;
	uint64_t version;
	char *procfs;
	bool stale;                /* a legacy table has changed since the list was made */
	struct ip_table legacy[2]; /* as read last, [0] IPv4, [1] IPv6; no bytes: there is none */
	struct nat_list list;
};

static int64_t monotonic_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * SECOND_NS + now.tv_nsec;
}

/* ---- when to read */

/* The time, or when the last reading is paid for. */
static int64_t affordable(const struct natrules *natrules, int64_t time_ns)
{
	int64_t paid_ns = natrules->began_ns + COST_SHARE * natrules->cost_ns;
	return time_ns > paid_ns ? time_ns : paid_ns;
}

/* 0, or a negative errno: nothing is announced any more, but for what time tells. */
static int note_changes(struct natrules *natrules, int64_t now_ns)
{
	int some = netlink_drain(natrules->events, NULL, NULL);
	if (some <= 0)
		return some;
	if (!natrules->changed)
		natrules->announced_ns = now_ns;
	natrules->changed = true;
	int64_t latest_ns = natrules->announced_ns + PATIENCE_NS, due_ns = now_ns + QUIET_NS;
	if (!natrules->reading)
		natrules->due_ns = affordable(natrules, due_ns < latest_ns ? due_ns : latest_ns);
	return 0;
}

/* A ruleset that changes all the time is tried again a little later, then much later. */
static void fail(struct natrules *natrules, int error, int64_t now_ns)
{
	natrules->reading = false;
	natrules->tries++;
	bool again = error == -EINTR && natrules->tries < TRIES_MAX;
	natrules->due_ns = affordable(natrules, now_ns + (again ? natrules->tries * QUIET_NS : PERIOD_NS));
	if (again)
		return;
	natrules->tries = 0;
	natrules->error = error;
}

static void rest(struct natrules *natrules, int64_t now_ns)
{
	natrules->reading = false;
	natrules->tries = 0;
	natrules->error = 0;
	natrules->due_ns = now_ns + PERIOD_NS;
}

/* ---- reading */

static bool is_same(const struct ip_table *a, const struct ip_table *b)
{
	return a->size == b->size && a->entry == b->entry && !a->bytes == !b->bytes &&
	       (a->size == 0 || memcmp(a->bytes, b->bytes, a->size) == 0);
}

/* Nobody announces that a table of legacy iptables has changed. One that cannot be read stays as it was. */
static void read_legacy(struct natrules *natrules)
{
	static const uint8_t families[2] = { AF_INET, AF_INET6 };
	for (unsigned i = 0; i < 2; i++) {
		struct ip_table table = { .family = families[i] };
		if (ip_table_read(natrules->procfs, families[i], &table) < 0)
			continue;
		natrules->stale |= !is_same(&table, &natrules->legacy[i]);
		free((void *)natrules->legacy[i].bytes);
		natrules->legacy[i] = table;
	}
}

static bool has_legacy(struct natrules *natrules)
{
	read_legacy(natrules);
	return natrules->legacy[0].bytes || natrules->legacy[1].bytes;
}

/* 0 or negative errno; -EOPNOTSUPP also if asking would load nf_tables. */
static int open_reader(struct natrules *natrules)
{
	struct nft_reader *reader;
	if (!kernel_module_is_there(natrules->procfs, "nf_tables"))
		return -EOPNOTSUPP;
	int error = nft_reader_open(&reader);
	if (error < 0)
		return error;
	error = netlink_join(natrules->events, NFNLGRP_NFTABLES);
	if (error < 0)
		nft_reader_close(reader);
	else
		natrules->reader = reader;
	return error;
}

/* 0, or a negative errno; begins to read if there is anything new. */
static int look_at_nftables(struct natrules *natrules, int64_t now_ns)
{
	uint32_t generation;
	int error = nft_reader_generation(natrules->reader, &generation);
	if (error == 0 && natrules->known && !natrules->stale && generation == natrules->generation) {
		rest(natrules, now_ns);
		return 0;
	}
	natrules->began_ns = now_ns;
	natrules->cost_ns = 0;
	if (error == 0)
		error = nft_reader_begin(natrules->reader);
	natrules->reading = error == 0;
	return error;
}

static int make_list(const struct natrules *natrules, struct nat_list *list)
{
	int error = natrules->reader ? nat_walk(nft_reader_ruleset(natrules->reader), list) : 0;
	for (unsigned i = 0; i < 2; i++)
		if (natrules->legacy[i].bytes)
			ip_table_walk(&natrules->legacy[i], list);
	return error == 0 && list->failed ? -ENOMEM : error;
}

static int take_over(struct natrules *natrules)
{
	struct nat_list list = { 0 };
	int error = make_list(natrules, &list);
	if (natrules->reader) {
		natrules->generation = nft_reader_read_generation(natrules->reader);
		nft_reader_drop(natrules->reader);
	}
	if (error < 0) {
		nat_list_clear(&list);
		return error;
	}
	nat_list_clear(&natrules->list);
	natrules->list = list;
	natrules->known = true;
	natrules->stale = false;
	natrules->version++;
	return 0;
}

/* nf_tables may be loaded later. */
static int look(struct natrules *natrules, int64_t now_ns, bool *changed)
{
	natrules->changed = false;
	read_legacy(natrules);
	int error = natrules->reader ? 0 : open_reader(natrules);
	if (natrules->reader)
		return look_at_nftables(natrules, now_ns);
	if (error < 0 && error != -EOPNOTSUPP)
		return error;
	*changed = natrules->stale || !natrules->known;
	error = *changed ? take_over(natrules) : 0;
	rest(natrules, now_ns);
	return error;
}

/* True if there are new rules. */
static bool read_on(struct natrules *natrules)
{
	int64_t start = monotonic_ns(), now = start, until = now + TURN_NS;
	int result = 0;
	while (result == 0 && now < until) {
		result = nft_reader_go_on(natrules->reader);
		now = monotonic_ns();
	}
	if (result > 0)
		result = take_over(natrules) < 0 ? -ENOMEM : 1;
	now = monotonic_ns();
	natrules->cost_ns += now - start;
	if (result < 0)
		fail(natrules, result, now);
	else if (result > 0)
		rest(natrules, now);
	return result > 0;
}

static int natrules_advance(void *context, int64_t now_ns, struct collector_wish *wish)
{
	struct natrules *natrules = context;
	int result = note_changes(natrules, now_ns);
	if (!natrules->reading && now_ns >= natrules->due_ns) {
		int error = look(natrules, now_ns, &wish->changed);
		if (error < 0)
			fail(natrules, error, now_ns);
	}
	if (natrules->reading)
		wish->changed = read_on(natrules);
	/* What was announced while it was being read. */
	if (!natrules->reading && natrules->changed &&
		natrules->due_ns > affordable(natrules, now_ns + QUIET_NS))
		natrules->due_ns = affordable(natrules, now_ns + QUIET_NS);
	wish->due_ns = natrules->reading ? now_ns : natrules->due_ns;
	return result;
}

static int natrules_collect(void *context, const struct collector_settings *settings, struct facts *facts)
{
	(void)settings;
	struct natrules *natrules = context;
	int error = natrules->known ? nat_list_copy(&natrules->list, facts) : 0;
	facts->nat_rules_known = natrules->known && error == 0;
	facts->nat_rules_version = natrules->version;
	return error < 0 ? error : natrules->error;
}

/* ---- the collector */

static int natrules_descriptor(const void *context)
{
	const struct natrules *natrules = context;
	return netlink_descriptor(natrules->events);
}

static void natrules_destroy(void *context)
{
	struct natrules *natrules = context;
	if (!natrules)
		return;
	nft_reader_close(natrules->reader);
	netlink_close(natrules->events);
	nat_list_clear(&natrules->list);
	for (unsigned i = 0; i < 2; i++)
		free((void *)natrules->legacy[i].bytes);
	free(natrules->procfs);
	free(natrules);
}

static int natrules_init(const struct collector_settings *settings, void **context)
{
	struct natrules *natrules = calloc(1, sizeof(*natrules));
	if (!natrules)
		return -ENOMEM;
	natrules->procfs = strdup(settings->procfs);
	int error = natrules->procfs ? netlink_open(NETLINK_NETFILTER, &natrules->events) : -ENOMEM;
	if (error == 0)
		error = open_reader(natrules);
	if (error == -EOPNOTSUPP && has_legacy(natrules))
		error = 0;
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
	return natrules->known;
}

/* ---- metrics ---- */

static void emit_nat_rules(struct metric_sink *sink, const struct facts *facts)
{
	size_t redirects = 0;
	if (!facts->nat_rules_known)
		return;
	for (size_t i = 0; i < facts->nat_rule_count; i++)
		redirects += facts->nat_rules[i].redirect;
	metric_add(sink, (double)(facts->nat_rule_count - redirects), "dnat");
	metric_add(sink, (double)redirects, "redirect");
}

static void emit_nat_rules_unread(struct metric_sink *sink, const struct facts *facts)
{
	if (facts->nat_rules_known)
		metric_add(sink, (double)facts->nat_rules_unread);
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
	.destroy = natrules_destroy,
	.descriptor = natrules_descriptor,
	.advance = natrules_advance,
	.settled = natrules_settled,
	.families = natrules_metrics,
};
