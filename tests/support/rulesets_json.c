// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/rulesets_json.h"

#include <net/if.h>
#include <stdio.h>
#include <string.h>

static void put_text(json_t *object, const char *key, const char *text)
{
	if (*text)
		json_object_set_new(object, key, json_string(text));
}

static void put_flag(json_t *object, const char *key, bool flag)
{
	if (flag)
		json_object_set_new(object, key, json_true());
}

static void put_ports(json_t *object, const char *key, const uint16_t ports[static 2])
{
	char text[16];
	if (ports[0] == 0 && ports[1] == 0)
		return;
	if (ports[0] == ports[1])
		snprintf(text, sizeof(text), "%u", ports[0]);
	else
		snprintf(text, sizeof(text), "%u-%u", ports[0], ports[1]);
	put_text(object, key, text);
}

static void put_target(json_t *object, const struct nat_rule *rule)
{
	char first[ADDRESS_TEXT_SIZE], last[ADDRESS_TEXT_SIZE];
	put_text(object, "target", address_format(&rule->target[0], first));
	if (!address_equal(&rule->target[0], &rule->target[1]))
		put_text(object, "target_last", address_format(&rule->target[1], last));
}

static json_t *json_of(const struct nat_rule *rule)
{
	char text[PREFIX_TEXT_SIZE], device[IF_NAMESIZE + 8];
	json_t *object = json_object();
	put_text(object, "chain", rule->chain);
	json_object_set_new(object, "family", json_integer(rule->family == AF_INET ? 4 : 6));
	if (rule->protocol)
		json_object_set_new(object, "protocol", json_integer(rule->protocol));
	if (rule->destination.address.family != AF_UNSPEC)
		put_text(object, "destination", prefix_format(&rule->destination, text));
	put_flag(object, "local", rule->destination_local);
	put_ports(object, "ports", rule->ports);
	if (rule->ifindex)
		snprintf(device, sizeof(device), "#%d", rule->ifindex);
	else
		snprintf(device, sizeof(device), "%s", rule->iif);
	put_text(object, rule->iif_excluded ? "not_iif" : "iif", device);
	for (const char *name = rule->also_excluded; *name; name += strlen(name) + 1) {
		if (!json_object_get(object, "also_excluded"))
			json_object_set_new(object, "also_excluded", json_array());
		json_array_append_new(json_object_get(object, "also_excluded"), json_string(name));
	}
	put_flag(object, "redirect", rule->redirect);
	put_target(object, rule);
	put_ports(object, "target_ports", rule->target_ports);
	put_flag(object, "conditional", rule->conditional);
	put_flag(object, "by_source", rule->by_source);
	put_flag(object, "balanced", rule->balanced);
	return object;
}

json_t *rulesets_json(const struct nat_list *list)
{
	json_t *rules = json_array(), *unread = json_array();
	for (size_t i = 0; i < list->count; i++)
		json_array_append_new(rules, json_of(&list->rules[i]));
	for (size_t i = 0; i < list->unread_count; i++)
		json_array_append_new(unread, json_pack("{s:s, s:s}", "chain", list->unread[i].chain,
						      "reason", list->unread[i].reason));
	return json_pack("{s:o, s:o}", "rules", rules, "unread", unread);
}
