// SPDX-License-Identifier: GPL-2.0-or-later
/* rp_filter_drops where drops are counted by device. */
#include "tests/support/unit.h"

#include <stdlib.h>
#include <string.h>

#include "collectors/base/array.h"
#include "tests/support/incidents.h"

/* ---- facts ---- */

static void add_drops(struct facts *facts, const char *device, enum drop_reason reason, uint64_t recent)
{
	struct device_drop *drop = ARRAY_ADD(facts->device_drops, facts->device_drop_count);
	assert_non_null(drop);
	drop->ifindex = build_ifindex(facts, device);
	strcpy(drop->name, device);
	drop->reason = reason;
	drop->packets = recent + 100;
	drop->recent = recent;
}

static struct facts *counting(struct facts *facts)
{
	facts->device_drops_known = true;
	facts->drop_reasons = (1 << DROP_REASONS) - 1;
	return facts;
}

static struct facts *with_drops(struct facts *facts, const char *device, uint64_t recent)
{
	add_drops(counting(facts), device, DROP_IP_RPFILTER, recent);
	return facts;
}

/* eth1 strict, eth0 has the default route; the namespace's counter rises. */
static struct facts *strict(void)
{
	struct facts *facts = incident_two_nics();
	facts->devices[1].rp_filter_effective = 1;
	facts->paths[0].request = build_failed(ROUTE_RP_FILTER);
	facts->rpfilter = (struct rpfilter_counters){ .known = true, .drops = 9, .drops_recent = 9 };
	return facts;
}

static struct facts *predicted_and_counted(void)
{
	return with_drops(strict(), "eth1", 2);
}

static struct facts *counted_elsewhere(void)
{
	return with_drops(strict(), "eth0", 9);
}

static struct facts *counted_once(void)
{
	return with_drops(strict(), "eth1", 1);
}

static struct facts *nothing_counted(void)
{
	return counting(strict());
}

static struct facts *no_counter(void)
{
	struct facts *facts = predicted_and_counted();
	facts->rpfilter.known = false;
	return facts;
}

static struct facts *tunnel(void)
{
	return with_drops(incident_tunnel(), "tun_a", 2);
}

static struct facts *tunnel_told(void)
{
	struct facts *facts = tunnel();
	build_unanswered(facts, "172.16.0.1", "10.110.19.89");
	return facts;
}

static struct facts *watched(struct facts *facts)
{
	facts->handshakes = calloc(1, sizeof(*facts->handshakes));
	assert_non_null(facts->handshakes);
	return facts;
}

static struct facts *watched_tunnel(void)
{
	return watched(with_drops(incident_tunnel(), "tun_a", 8));
}

static struct facts *impatient_tunnel(void)
{
	return watched(with_drops(incident_tunnel(), "tun_a", 7));
}

static void add_tunnel(struct facts *facts)
{
	struct device *device = build_device(facts, "tun_b");
	device->rp_filter_effective = device->rp_filter_raw = 1;
	build_local(facts, "172.16.1.1/30", "tun_b");
	struct path *path =
		build_path(facts, build_service(facts, "172.16.1.1", NULL, "tun_b"), "10.110.19.89", "tun_b");
	path->basis = PATH_POSSIBLE;
	path->request = build_failed(ROUTE_RP_FILTER);
	path->reply = build_found(facts, "eth0", "10.0.0.1", 254, 0);
}

static struct facts *other_tunnel(void)
{
	struct facts *facts = incident_tunnel();
	add_tunnel(facts);
	return with_drops(facts, "tun_b", 5);
}

static struct facts *untold_reason(void)
{
	struct facts *facts = tunnel();
	facts->drop_reasons &= ~(UINT32_C(1) << DROP_IP_RPFILTER);
	return facts;
}

static struct facts *stray_on_tunnel(void)
{
	return with_drops(incident_tunnel(), "tun_a", 1);
}

static struct facts *drops_beside_tunnel(void)
{
	return with_drops(incident_tunnel(), "eth0", 50);
}

static struct facts *other_reason(void)
{
	struct facts *facts = counting(incident_tunnel());
	add_drops(facts, "tun_a", DROP_NETFILTER_DROP, 50);
	return facts;
}

static struct facts *nothing_possible(void)
{
	struct facts *facts = with_drops(incident_tunnel(), "tun_a", 50);
	facts->paths[0].request.result = ROUTE_FOUND;
	return facts;
}

/* ---- tests ---- */

static const struct row {
	const char *name;
	struct facts *(*make)(void);
	const char *device;
	enum severity severity;
	const char *recent; /* evidence */
} rows[] = {
	{ "predicted and counted", predicted_and_counted, "eth1", SEVERITY_CRITICAL, "2" },
	{ "counted elsewhere", counted_elsewhere, "eth1", SEVERITY_WARNING, "0" },
	{ "counted once", counted_once, "eth1", SEVERITY_WARNING, "1" },
	{ "nothing counted", nothing_counted, "eth1", SEVERITY_WARNING, "0" },
	{ "no counter", no_counter, "eth1", SEVERITY_CRITICAL, "2" },
	{ "tunnel", tunnel, "tun_a", SEVERITY_CRITICAL, "2" },
	{ "tunnel told", tunnel_told, "tun_a", SEVERITY_CRITICAL, "2" },
	{ "watched tunnel", watched_tunnel, "tun_a", SEVERITY_CRITICAL, "8" },
	{ "other tunnel", other_tunnel, "tun_b", SEVERITY_CRITICAL, "5" },
	{ "untold reason", untold_reason, "", SEVERITY_CRITICAL, NULL },
};

static void check_row(const struct row *row, const struct court *court)
{
	const struct finding *finding = court_find(court, &rp_filter_drops_condition);
	const char *recent = finding ? court_evidence(finding, "device_drops_recent") : NULL;
	assert_non_null(finding);
	assert_string_equal(finding->device_name, row->device);
	assert_int_equal(finding->severity, row->severity);
	assert_int_equal(recent != NULL, row->recent != NULL);
	if (recent)
		assert_string_equal(recent, row->recent);
}

static size_t count_drops(const struct court *court)
{
	size_t count = 0;
	for (size_t i = 0; i < court->findings->count; i++)
		count += court->findings->items[i].condition == &rp_filter_drops_condition;
	return count;
}

static void the_device_that_counted_is_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct court court;
		struct facts *facts = rows[i].make();
		print_message("  %s\n", rows[i].name);
		court_open(&court);
		court_settle(&court, facts);
		assert_int_equal(count_drops(&court), 1);
		check_row(&rows[i], &court);
		court_close(&court);
		facts_free(facts);
	}
}

static struct facts *(*const silent[])(
	void) = { impatient_tunnel, stray_on_tunnel, drops_beside_tunnel, other_reason, nothing_possible };

static void drops_that_nothing_foretold_are_no_finding(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(silent) / sizeof(*silent); i++) {
		struct court court;
		struct facts *facts = silent[i]();
		court_open(&court);
		court_settle(&court, facts);
		assert_int_equal(count_drops(&court), 0);
		court_close(&court);
		facts_free(facts);
	}
}

static void both_tunnels_may_drop(void **state)
{
	(void)state;
	struct court court;
	struct facts *facts = other_tunnel();
	add_drops(facts, "tun_a", DROP_IP_RPFILTER, 2);
	court_open(&court);
	court_settle(&court, facts);
	assert_int_equal(count_drops(&court), 2);
	for (size_t i = 0; i < court.findings->count; i++)
		assert_int_not_equal(court.findings->items[i].device, 0);
	court_close(&court);
	facts_free(facts);
}

static void what_was_counted_is_explained(void **state)
{
	(void)state;
	struct court court;
	struct facts *facts = tunnel();
	court_open(&court);
	court_settle(&court, facts);
	const struct finding *finding = court_find(&court, &rp_filter_drops_condition);
	assert_non_null(strstr(finding->explanation, "On tun_a 2 packets"));
	assert_non_null(strstr(finding->explanation, "10.110.19.89 say, are dropped"));
	assert_non_null(strstr(finding->explanation, "leaves by eth0"));
	assert_null(strstr(finding->explanation, "does not say on which device"));
	assert_string_equal(court_evidence(finding, "device_drops_total"), "102");
	assert_string_equal(court_evidence(finding, "drops_total"), "40");
	assert_string_equal(court_remedy(finding), "sysctl -w net.ipv4.conf.tun_a.rp_filter=2\n");
	assert_true(finding->remedy_checked);
	court_close(&court);
	facts_free(facts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_device_that_counted_is_named),
		cmocka_unit_test(drops_that_nothing_foretold_are_no_finding),
		cmocka_unit_test(both_tunnels_may_drop),
		cmocka_unit_test(what_was_counted_is_explained),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
