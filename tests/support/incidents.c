// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/incidents.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

struct facts *incident_two_nics(void)
{
	struct facts *facts = build_facts();
	build_default_rules(facts);
	build_device(facts, "eth0");
	build_device(facts, "eth1");
	build_local(facts, "203.0.113.10/24", "eth0");
	build_local(facts, "198.51.100.10/24", "eth1");
	facts->free_tables[0] = facts->free_tables[1] = 100;
	struct path *path =
		build_path(facts, build_service(facts, "198.51.100.10", NULL, "eth1"), PEER, "eth1");
	path->reply = build_found(facts, "eth0", "203.0.113.1", 254, 0);
	path->egress = build_found(facts, "eth1", "198.51.100.1", 254, 0);
	build_destination(facts, PEER, path->reply);
	return facts;
}

struct facts *incident_two_nics6(void)
{
	struct facts *facts = build_facts();
	build_default_rules(facts);
	build_device(facts, "eth0");
	build_device(facts, "eth1");
	build_local(facts, "2001:db8::10/64", "eth0");
	build_local(facts, "2001:db8:1::10/64", "eth1");
	facts->free_tables[1] = 101;
	struct path *path =
		build_path(facts, build_service(facts, "2001:db8:1::10", NULL, "eth1"), PEER6, "eth1");
	path->reply = build_found(facts, "eth0", "2001:db8::1", 254, 0);
	path->egress = build_found(facts, "eth1", "fe80::1", 254, 0);
	build_destination(facts, PEER6, path->reply);
	return facts;
}

struct facts *incident_dnat_uplinks(void)
{
	struct facts *facts = build_facts();
	build_default_rules(facts);
	build_rule(facts, AF_INET, 1000, "198.51.100.10", 110);
	build_device(facts, "vlan10");
	build_device(facts, "vlan95");
	build_device(facts, "br0");
	build_local(facts, "198.51.100.10/24", "vlan10");
	build_local(facts, "203.0.113.10/24", "vlan95");
	build_local(facts, "10.8.10.1/24", "br0");
	facts->free_tables[0] = 100;
	size_t service = build_service(facts, "198.51.100.10", "10.8.10.2", "vlan10");
	facts->services[service].target_ifindex = build_ifindex(facts, "br0");
	struct path *path = build_path(facts, service, PEER, "vlan10");
	path->reply = build_found(facts, "vlan95", "203.0.113.1", 254, 0);
	path->egress = build_found(facts, "vlan10", "198.51.100.1", 110, 0);
	build_destination(facts, PEER, path->reply);
	return facts;
}

struct facts *incident_tunnel(void)
{
	struct facts *facts = build_facts();
	build_default_rules(facts);
	build_device(facts, "eth0");
	struct device *tunnel = build_device(facts, "tun_a");
	tunnel->kind = DEVICE_TUNNEL;
	tunnel->rp_filter_raw = tunnel->rp_filter_effective = 1;
	build_local(facts, "10.0.0.5/24", "eth0");
	build_local(facts, "172.16.0.1/30", "tun_a");
	struct path *path =
		build_path(facts, build_service(facts, "172.16.0.1", NULL, "tun_a"), "10.110.19.89", "tun_a");
	path->basis = PATH_POSSIBLE;
	path->request = build_failed(ROUTE_RP_FILTER);
	path->reply = build_found(facts, "eth0", "10.0.0.1", 254, 0);
	path->egress = build_failed(ROUTE_NOT_ASKED);
	facts->rpfilter = (struct rpfilter_counters){ .known = true, .drops = 40, .drops_recent = 5 };
	return facts;
}

void court_open(struct court *court)
{
	*court = (struct court){ 0 };
	thresholds_default(&court->settings.thresholds);
}

void court_close(struct court *court)
{
	findings_free(court->findings);
}

void court_judge(struct court *court, const struct facts *facts)
{
	struct findings *fresh;
	if (judge(&court->settings, facts, court->findings, &fresh) < 0)
		abort();
	findings_free(court->findings);
	court->findings = fresh;
}

void court_settle(struct court *court, struct facts *facts)
{
	court_judge(court, facts);
	build_later(facts, 5);
	court_judge(court, facts);
}

size_t court_count(const struct court *court, bool open)
{
	size_t count = 0;
	for (size_t i = 0; i < court->findings->count; i++)
		count += court->findings->items[i].open == open;
	return count;
}

const struct finding *court_find(const struct court *court, const struct condition *condition)
{
	for (size_t i = 0; i < court->findings->count; i++)
		if (court->findings->items[i].condition == condition)
			return &court->findings->items[i];
	return NULL;
}

const char *court_remedy(const struct finding *finding)
{
	static char text[8192];
	char *end = text;
	*end = '\0';
	for (size_t i = 0; i < finding->remedy_count; i++) {
		if ((size_t)(end - text) + strlen(finding->remedy[i]) + 2 > sizeof(text))
			abort();
		end = stpcpy(stpcpy(end, finding->remedy[i]), "\n");
	}
	return text;
}

const char *court_evidence(const struct finding *finding, const char *key)
{
	for (size_t i = 0; i < finding->evidence_count; i++)
		if (strcmp(finding->evidence[i].key, key) == 0)
			return finding->evidence[i].text;
	return NULL;
}

const struct finding *court_alarm(const struct court *court)
{
	const struct finding *alarm = NULL;
	for (size_t i = 0; i < court->findings->count; i++) {
		if (!finding_is_alarm(&court->findings->items[i]))
			continue;
		if (alarm)
			abort();
		alarm = &court->findings->items[i];
	}
	return alarm;
}
