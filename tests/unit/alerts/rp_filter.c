// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/incidents.h"

/* eth1 strict, eth0 has the default route: requests on eth1 are dropped. */
static struct facts *strict(void)
{
	struct facts *facts = incident_two_nics();
	facts->devices[1].rp_filter_effective = 1;
	facts->paths[0].request = build_failed(ROUTE_RP_FILTER);
	return facts;
}

static struct facts *strict_and_counted(void)
{
	struct facts *facts = strict();
	facts->rpfilter = (struct rpfilter_counters){ .known = true, .drops = 9, .drops_recent = 2 };
	return facts;
}

static struct facts *below_threshold(void)
{
	struct facts *facts = strict_and_counted();
	facts->rpfilter.drops_recent = 1;
	return facts;
}

static struct facts *counter_unknown(void)
{
	struct facts *facts = strict_and_counted();
	facts->rpfilter.known = false;
	return facts;
}

static struct facts *reply_dropped(void)
{
	struct facts *facts = incident_dnat_uplinks();
	facts->devices[2].rp_filter_effective = facts->devices[2].rp_filter_raw = 1;
	facts->paths[0].reply = build_failed(ROUTE_RP_FILTER);
	return facts;
}

static struct facts *tunnel_told(void)
{
	struct facts *facts = incident_tunnel();
	build_unanswered(facts, "172.16.0.1", "10.110.19.89");
	return facts;
}

static struct facts *tunnel_asks_another(void)
{
	struct facts *facts = incident_tunnel();
	build_unanswered(facts, "172.16.0.1", "10.110.19.90");
	return facts;
}

static struct facts *tunnel_asked_from_elsewhere(void)
{
	struct facts *facts = incident_tunnel();
	build_unanswered(facts, "10.0.0.5", "10.110.19.89");
	return facts;
}

static struct facts *tunnel_answered(void)
{
	struct facts *facts = tunnel_told();
	facts->endpoints[0].half_open = 0;
	return facts;
}

static struct facts *two_tunnels(void)
{
	struct facts *facts = tunnel_told();
	struct device *tunnel = build_device(facts, "tun_b");
	tunnel->rp_filter_effective = 1;
	struct path *path =
		build_path(facts, build_service(facts, "172.16.1.1", NULL, "tun_b"), "10.110.19.89", "tun_b");
	path->basis = PATH_POSSIBLE;
	path->request = build_failed(ROUTE_RP_FILTER);
	return facts;
}

struct row {
	const char *name;
	struct facts *(*make)(void);
	const char *device;
	enum severity severity;
	const char *remedy;
};

#define RULES                                                                             \
	"ip route replace default via 198.51.100.1 dev eth1 table 100\n"                  \
	"ip rule add pref 32764 from 198.51.100.10 lookup main suppress_prefixlength 0\n" \
	"ip rule add pref 32765 from 198.51.100.10 lookup 100\n"

static const struct row rows[] = {
	{ "predicted", strict, "eth1", SEVERITY_WARNING, RULES },
	{ "counted", strict_and_counted, "eth1", SEVERITY_CRITICAL, RULES },
	{ "below threshold", below_threshold, "eth1", SEVERITY_WARNING, RULES },
	{ "counter unknown", counter_unknown, "eth1", SEVERITY_WARNING, RULES },
	{ "reply dropped", reply_dropped, "br0", SEVERITY_WARNING, "" },
	{ "tunnel", incident_tunnel, "", SEVERITY_CRITICAL, "" },
	{ "tunnel told", tunnel_told, "tun_a", SEVERITY_CRITICAL,
		"sysctl -w net.ipv4.conf.tun_a.rp_filter=2\n" },
	{ "tunnel asks another", tunnel_asks_another, "", SEVERITY_CRITICAL, "" },
	{ "asked from elsewhere", tunnel_asked_from_elsewhere, "", SEVERITY_CRITICAL, "" },
	{ "tunnel answered", tunnel_answered, "", SEVERITY_CRITICAL, "" },
	{ "two tunnels", two_tunnels, "", SEVERITY_CRITICAL, "" },
};

static void drops_are_found_where_they_are_certain(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct court court;
		struct facts *facts = rows[i].make();
		print_message("  %s\n", rows[i].name);
		court_open(&court);
		court_settle(&court, facts);
		const struct finding *finding = court_find(&court, &rp_filter_drops_condition);
		assert_non_null(finding);
		assert_string_equal(finding->device_name, rows[i].device);
		assert_int_equal(finding->severity, rows[i].severity);
		assert_string_equal(court_remedy(finding), rows[i].remedy);
		assert_int_equal(finding->remedy_checked, rows[i].remedy[0] != '\0');
		assert_false(finding->has_service);
		assert_string_equal(finding->reply_device, "");
		court_close(&court);
		facts_free(facts);
	}
}

static struct facts *only_counted(void)
{
	struct facts *facts = incident_tunnel();
	facts->paths[0].request.result = ROUTE_FOUND;
	return facts;
}

static struct facts *uncounted_tunnel(void)
{
	struct facts *facts = incident_tunnel();
	facts->rpfilter.drops_recent = 1;
	return facts;
}

static struct facts *unreadable_counter(void)
{
	struct facts *facts = incident_tunnel();
	facts->rpfilter.known = false;
	return facts;
}

static struct facts *vanished_device(void)
{
	struct facts *facts = incident_tunnel();
	facts->paths[0].arrival = 99;
	return facts;
}

static struct facts *martian(void)
{
	struct facts *facts = strict_and_counted();
	facts->paths[0].request.result = ROUTE_MARTIAN;
	return facts;
}

static struct facts *(*const silent[])(
	void) = { only_counted, uncounted_tunnel, unreadable_counter, vanished_device, martian };

static void a_filter_that_does_its_work_is_no_finding(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(silent) / sizeof(*silent); i++) {
		struct court court;
		struct facts *facts = silent[i]();
		court_open(&court);
		court_settle(&court, facts);
		assert_null(court_find(&court, &rp_filter_drops_condition));
		court_close(&court);
		facts_free(facts);
	}
}

static void an_untold_device_has_candidates(void **state)
{
	(void)state;
	struct court court;
	struct facts *facts = two_tunnels();
	court_open(&court);
	court_settle(&court, facts);
	const struct finding *finding = court_find(&court, &rp_filter_drops_condition);
	assert_int_equal(finding->device, 0);
	assert_string_equal(court_evidence(finding, "possible_devices"), "tun_a");
	assert_non_null(strstr(finding->summary, "tun_a, tun_b"));
	assert_non_null(strstr(finding->explanation, "Several devices would drop"));
	assert_non_null(strstr(
		finding->explanation, "No commands are given: nothing tells whether it was any of them."));
	assert_string_equal(court_evidence(finding, "drops_recent"), "5");
	assert_string_equal(court_evidence(finding, "drops_total"), "40");
	court_close(&court);
	facts_free(facts);
}

static void once_told_the_device_takes_the_place_of_the_untold(void **state)
{
	(void)state;
	struct court court;
	struct facts *facts = incident_tunnel();
	court_open(&court);
	court_settle(&court, facts);
	const struct finding *untold = court_find(&court, &rp_filter_drops_condition);
	assert_non_null(strstr(untold->explanation, "One device would drop"));
	assert_non_null(strstr(untold->explanation, "nothing tells whether it was that one."));
	build_unanswered(facts, "172.16.0.1", "10.110.19.89");
	court_settle(&court, facts);
	assert_int_equal(court_count(&court, true), 1);
	assert_string_equal(court_alarm(&court)->device_name, "tun_a");
	court_close(&court);
	facts_free(facts);
}

struct loose_row {
	const char *name, *remedy;
	bool address, route_back;
	int mode;
};

static const struct loose_row loose_rows[] = {
	{ "tun_a", "sysctl -w net.ipv4.conf.tun_a.rp_filter=2\n", true, true, 1 },
	{ "eth0.10", "sysctl -w net/ipv4/conf/eth0.10/rp_filter=2\n", true, true, 1 },
	{ "t;'=", "echo 2 > '/proc/sys/net/ipv4/conf/t;'\\''=/rp_filter'\n", true, true, 1 },
	{ "tun_a", "", false, true, 1 },
	{ "tun_a", "", true, false, 1 },
	{ "tun_a", "", true, true, 2 },
};

static void loose_mode_is_offered_where_it_helps(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(loose_rows) / sizeof(*loose_rows); i++) {
		const struct loose_row *row = &loose_rows[i];
		struct court court;
		struct facts *facts = incident_tunnel();
		snprintf(facts->devices[1].name, sizeof(facts->devices[1].name), "%s", row->name);
		facts->devices[1].rp_filter_effective = row->mode;
		facts->paths[0].basis = PATH_LEADS;
		if (!row->address)
			facts->address_count = 1;
		if (!row->route_back)
			facts->paths[0].reply = build_failed(ROUTE_NONE);
		court_open(&court);
		court_settle(&court, facts);
		const struct finding *finding = court_find(&court, &rp_filter_drops_condition);
		assert_string_equal(court_remedy(finding), row->remedy);
		assert_int_equal(finding->remedy_checked, row->remedy[0] != '\0');
		assert_int_equal(strstr(finding->explanation, "No commands") == NULL, row->remedy[0] != '\0');
		court_close(&court);
		facts_free(facts);
	}
}

static void all_addresses_of_the_device_are_healed_at_once(void **state)
{
	(void)state;
	struct court court;
	struct facts *facts = strict();
	struct path *path =
		build_path(facts, build_service(facts, "198.51.100.11", NULL, "eth1"), PEER, "eth1");
	path->request = build_failed(ROUTE_RP_FILTER);
	path->reply = facts->paths[0].reply;
	path->egress = facts->paths[0].egress;
	court_open(&court);
	court_settle(&court, facts);
	assert_string_equal(court_remedy(court_find(&court, &rp_filter_drops_condition)),
		"ip route replace default via 198.51.100.1 dev eth1 table 100\n"
		"ip rule add pref 32764 from 198.51.100.10 lookup main suppress_prefixlength 0\n"
		"ip rule add pref 32765 from 198.51.100.10 lookup 100\n"
		"ip rule add pref 32762 from 198.51.100.11 lookup main suppress_prefixlength 0\n"
		"ip rule add pref 32763 from 198.51.100.11 lookup 100\n");
	court_close(&court);
	facts_free(facts);
}

static void an_obstacle_for_one_address_is_one_for_the_device(void **state)
{
	(void)state;
	struct court court;
	struct facts *facts = strict();
	struct path *path =
		build_path(facts, build_service(facts, "198.51.100.11", NULL, "eth1"), PEER, "eth1");
	path->request = build_failed(ROUTE_RP_FILTER);
	path->egress = build_failed(ROUTE_NONE);
	court_open(&court);
	court_settle(&court, facts);
	const struct finding *finding = court_find(&court, &rp_filter_drops_condition);
	assert_string_equal(court_remedy(finding), "");
	assert_non_null(strstr(finding->explanation, "No commands are given"));
	court_close(&court);
	facts_free(facts);
}

/* Seen coming by eth1, on eth0's link: no rule could lead its replies elsewhere, nor does it need one. */
static void a_neighbour_of_another_device_needs_no_rules(void **state)
{
	(void)state;
	struct court court;
	struct facts *facts = strict();
	build_local(facts, "192.168.7.1/24", "eth0");
	struct path *path = build_path(facts, 0, "192.168.7.9", "eth1");
	path->basis = PATH_SEEN;
	path->request = build_failed(ROUTE_RP_FILTER);
	path->reply = build_found(facts, "eth0", NULL, 254, 24);
	path->egress = facts->paths[0].egress;
	court_open(&court);
	court_settle(&court, facts);
	const struct finding *finding = court_find(&court, &rp_filter_drops_condition);
	assert_non_null(strstr(court_remedy(finding), "from 198.51.100.10 lookup 100\n"));
	court_close(&court);

	facts->paths[0].request = build_failed(ROUTE_NOT_ASKED);
	facts->paths[0].reply = facts->paths[0].egress;
	court_open(&court);
	court_settle(&court, facts);
	finding = court_find(&court, &rp_filter_drops_condition);
	assert_string_equal(court_remedy(finding), "sysctl -w net.ipv4.conf.eth1.rp_filter=2\n");
	court_close(&court);
	facts_free(facts);
}

/* Its path stands between those of two addresses that do. */
static void one_that_needs_no_rules_hides_no_other(void **state)
{
	(void)state;
	for (unsigned obstacle = 0; obstacle < 2; obstacle++) {
		struct court court;
		struct facts *facts = strict();
		build_local(facts, "192.168.7.1/24", "eth0");
		struct path *path = build_path(facts, 0, "192.168.7.9", "eth1");
		path->basis = PATH_SEEN;
		path->request = build_failed(ROUTE_RP_FILTER);
		path->reply = build_found(facts, "eth0", NULL, 254, 24);
		path = build_path(facts, build_service(facts, "198.51.100.11", NULL, "eth1"), PEER, "eth1");
		path->request = build_failed(ROUTE_RP_FILTER);
		path->reply = facts->paths[0].reply;
		path->egress = obstacle ? build_failed(ROUTE_NONE) : facts->paths[0].egress;
		court_open(&court);
		court_settle(&court, facts);
		const char *remedy = court_remedy(court_find(&court, &rp_filter_drops_condition));
		assert_int_equal(strstr(remedy, "from 198.51.100.10 lookup 100\n") != NULL, !obstacle);
		assert_int_equal(strstr(remedy, "from 198.51.100.11 lookup 100\n") != NULL, !obstacle);
		court_close(&court);
		facts_free(facts);
	}
}

static void the_mode_in_force_is_explained(void **state)
{
	(void)state;
	struct court court;
	struct facts *facts = strict_and_counted();
	court_open(&court);
	court_settle(&court, facts);
	const struct finding *finding = court_find(&court, &rp_filter_drops_condition);
	assert_string_equal(court_evidence(finding, "mode_effective"), "1");
	assert_string_equal(court_evidence(finding, "mode_raw"), "0");
	assert_string_equal(court_evidence(finding, "addresses"), "198.51.100.10");
	assert_string_equal(court_evidence(finding, "peers"), PEER);
	assert_non_null(strstr(finding->explanation, "leaves by eth0"));
	assert_non_null(strstr(finding->explanation, "the higher one of net.ipv4.conf.all.rp_filter"));
	assert_non_null(strstr(finding->explanation, "counted 2 packets"));
	assert_non_null(strstr(finding->explanation, "Packets from " PEER " that arrive on eth1"));
	court_close(&court);
	facts->paths[0].kind = DESTINATION_PROBE;
	court_open(&court);
	court_settle(&court, facts);
	finding = court_find(&court, &rp_filter_drops_condition);
	assert_non_null(strstr(finding->explanation, "from beyond its own link, " PEER " say"));
	assert_string_equal(court_evidence(finding, "asked_for"), PEER);
	court_close(&court);
	facts_free(facts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(drops_are_found_where_they_are_certain),
		cmocka_unit_test(a_filter_that_does_its_work_is_no_finding),
		cmocka_unit_test(an_untold_device_has_candidates),
		cmocka_unit_test(once_told_the_device_takes_the_place_of_the_untold),
		cmocka_unit_test(loose_mode_is_offered_where_it_helps),
		cmocka_unit_test(all_addresses_of_the_device_are_healed_at_once),
		cmocka_unit_test(an_obstacle_for_one_address_is_one_for_the_device),
		cmocka_unit_test(a_neighbour_of_another_device_needs_no_rules),
		cmocka_unit_test(one_that_needs_no_rules_hides_no_other),
		cmocka_unit_test(the_mode_in_force_is_explained),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
