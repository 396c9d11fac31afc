// SPDX-License-Identifier: GPL-2.0-or-later
/* The commands, in the spellings of ip(8) and sysctl(8). What is not known here is refused by name: a
 * selector that is passed over would make another command of it. */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alerts/what_if.h"
#include "collectors/base/array.h"

#define WORDS_MAX 48
#define TEXT_MAX  512

enum verb { VERB_ADD, VERB_DELETE, VERB_REPLACE };

struct command {
	struct what_if *what_if;
	char *message;
	char text[TEXT_MAX];
	const char *words[WORDS_MAX];
	unsigned count, at;
	uint8_t family; /* AF_UNSPEC: not said */
	enum verb verb;
};

__attribute__((format(printf, 3, 4))) static int refuse(
	const struct command *command, int error, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(command->message, WHAT_IF_MESSAGE_SIZE, format, arguments);
	va_end(arguments);
	return error;
}

/* ---- words */

/* As a shell splits them: blanks, quotes, a backslash before one character. Nothing else of a shell's. */
static int split(struct command *command, const char *text)
{
	size_t used = 0;
	while (*text) {
		if (*text == ' ' || *text == '\t') {
			text++;
			continue;
		}
		if (command->count == WORDS_MAX)
			return refuse(command, -EINVAL, "it has too many words");
		command->words[command->count++] = command->text + used;
		char quote = '\0';
		for (; *text && (quote || (*text != ' ' && *text != '\t')); text++) {
			if (used + 2 > sizeof(command->text))
				return refuse(command, -EINVAL, "it is too long");
			if (quote ? *text == quote : *text == '\'' || *text == '"')
				quote = quote ? '\0' : *text;
			else if (!quote && strchr(";&|<`$(){}*?\n", *text))
				return refuse(command, -EINVAL, "%c is the shell's", *text);
			else if (!quote && *text == '\\' && text[1])
				command->text[used++] = *++text;
			else
				command->text[used++] = *text;
		}
		if (quote)
			return refuse(command, -EINVAL, "a quote is not closed");
		command->text[used++] = '\0';
	}
	return 0;
}

static const char *next(struct command *command)
{
	return command->at < command->count ? command->words[command->at++] : NULL;
}

/* One of several names, separated by '|'; ip(8) takes beginnings as well, which mean different things in
 * different releases: only these. */
static bool is(const char *word, const char *names)
{
	size_t length = word ? strlen(word) : 0;
	while (length && *names) {
		size_t size = strcspn(names, "|");
		if (size == length && strncmp(names, word, size) == 0)
			return true;
		names += size + (names[size] == '|');
	}
	return false;
}

static int take_number(struct command *command, const char *name, uint32_t *out)
{
	char *end;
	const char *word = next(command);
	errno = 0;
	unsigned long value = word && *word >= '0' && *word <= '9' ? strtoul(word, &end, 0) : 0;
	if (!word || *word < '0' || *word > '9' || *end || errno || value > UINT32_MAX)
		return refuse(command, -EINVAL, "%s wants a number", name);
	*out = (uint32_t)value;
	return 0;
}

/* "A", "A-B". */
static int take_range(struct command *command, const char *name, uint32_t most, uint32_t out[static 2])
{
	char *end;
	const char *word = next(command);
	unsigned long low = word ? strtoul(word, &end, 10) : 0, high = low;
	if (word && *end == '-' && end[1] >= '0' && end[1] <= '9')
		high = strtoul(end + 1, &end, 10);
	if (!word || *word < '0' || *word > '9' || *end || low > high || high > most)
		return refuse(command, -EINVAL, "%s wants a number or a range", name);
	out[0] = (uint32_t)low;
	out[1] = (uint32_t)high;
	return 0;
}

static int take_table(struct command *command, uint32_t *out)
{
	static const char *const names[] = { "default", "main", "local" };
	const char *word = command->at < command->count ? command->words[command->at] : "";
	for (unsigned i = 0; i < 3; i++)
		if (strcmp(word, names[i]) == 0) {
			*out = RT_TABLE_DEFAULT + i;
			command->at++;
			return 0;
		}
	if (*word < '0' || *word > '9')
		return refuse(command, -EINVAL, "table %s is not known here: give its number", word);
	return take_number(command, "table", out);
}

static int take_device(struct command *command, const struct device **out)
{
	const char *word = next(command);
	*out = word ? facts_device_named(command->what_if->facts, word) : NULL;
	return *out ? 0 : refuse(command, -ENOENT, "there is no device %s", word ? word : "");
}

/* "default", "all", "any": of the family, which is IPv4 unless said. */
static int take_prefix(struct command *command, struct prefix *out)
{
	const char *word = next(command);
	uint8_t family = command->family ? command->family : AF_INET;
	if (is(word, "default|all|any")) {
		*out = (struct prefix){ .address = { .family = family } };
		return 0;
	}
	if (!word || prefix_parse(word, out) < 0)
		return refuse(command, -EINVAL, "%s is no address or network", word ? word : "nothing");
	if (command->family && out->address.family != command->family)
		return refuse(command, -EINVAL, "%s is of the other family", word);
	command->family = out->address.family;
	*out = prefix_network(out);
	return 0;
}

static int take_address(struct command *command, struct address *out)
{
	const char *word = next(command);
	if (!word || address_parse(word, out) < 0)
		return refuse(command, -EINVAL, "%s is no address", word ? word : "nothing");
	return 0;
}

/* Facts are copies, as long as what is in them: nothing has room for one more. */
static void *grown(void *items, size_t count, size_t size)
{
	return realloc(items, (count + 1) * size);
}

static int read_table(const struct command *command, uint8_t family, uint32_t table)
{
	int result = what_if_read_table(command->what_if, family, table);
	return result == -E2BIG ? refuse(command, result, "table %u has too many routes to be read", table)
	       : result == -EOPNOTSUPP ? refuse(command, result, "table %u cannot be read alone", table)
				       : result;
}

/* ---- rules */

/* What the words say. */
struct rule_words {
	struct rule rule;
	bool has_priority, has_table, has_action;
};

/* MARK or MARK/MASK */
static int take_mark(struct command *command, struct rule *rule)
{
	const char *word = next(command);
	char *end = NULL;
	uint32_t mark = word ? (uint32_t)strtoul(word, &end, 0) : 0, mask = UINT32_MAX;
	if (end && end != word && *end == '/')
		mask = (uint32_t)strtoul(end + 1, &end, 0);
	if (!end || *end || end == word)
		return refuse(command, -EINVAL, "fwmark wants MARK or MARK/MASK");
	rule->mark = mark;
	rule->mark_mask = mask;
	return 0;
}

static int rule_selector(struct command *command, const char *word, struct rule_words *words)
{
	struct rule *rule = &words->rule;
	struct prefix prefix;
	uint32_t number, range[2];
	int result = 0;
	if (is(word, "not")) {
		rule->invert = true;
	} else if (is(word, "from|to")) {
		result = take_prefix(command, &prefix);
		if (result == 0 && prefix.length)
			*(is(word, "from") ? &rule->from : &rule->to) = prefix;
	} else if (is(word, "pref|priority|preference|order|prio")) {
		words->has_priority = true;
		result = take_number(command, word, &rule->priority);
	} else if (is(word, "lookup|table")) {
		words->has_table = true;
		result = take_table(command, &rule->table);
	} else if (is(word, "iif|dev|oif")) {
		const char *name = next(command);
		if (!name || strlen(name) >= IF_NAMESIZE)
			return refuse(command, -EINVAL, "%s wants a device", word);
		snprintf(is(word, "oif") ? rule->oif : rule->iif, IF_NAMESIZE, "%s", name);
	} else if (is(word, "fwmark")) {
		result = take_mark(command, rule);
	} else if (is(word, "ipproto")) {
		const char *name = next(command);
		rule->protocol = is(name, "tcp|6")          ? IPPROTO_TCP
				 : is(name, "udp|17")       ? IPPROTO_UDP
				 : is(name, "icmp|1")       ? IPPROTO_ICMP
				 : is(name, "ipv6-icmp|58") ? IPPROTO_ICMPV6
							    : 0;
		if (!rule->protocol)
			return refuse(command, -EINVAL, "ipproto %s is not known here", name ? name : "");
	} else if (is(word, "sport|dport")) {
		uint16_t *to = is(word, "sport") ? rule->source_port : rule->destination_port;
		result = take_range(command, word, UINT16_MAX, range);
		if (result == 0) {
			to[0] = (uint16_t)range[0];
			to[1] = (uint16_t)range[1];
		}
	} else if (is(word, "uidrange")) {
		rule->has_uid = true;
		result = take_range(command, word, UINT32_MAX, rule->uid);
	} else if (is(word, "suppress_prefixlength|sup_pl")) {
		result = take_number(command, word, &number);
		rule->suppress_prefix_length = (int)number;
	} else if (is(word, "goto")) {
		rule->action = RULE_GOTO;
		words->has_action = true;
		result = take_number(command, word, &rule->target);
	} else if (is(word, "type") || is(word, "blackhole|unreachable|prohibit|nop")) {
		const char *type = is(word, "type") ? next(command) : word;
		words->has_action = true;
		rule->action = is(type, "blackhole")     ? RULE_BLACKHOLE
			       : is(type, "unreachable") ? RULE_UNREACHABLE
			       : is(type, "prohibit")    ? RULE_PROHIBIT
							 : RULE_NOP;
		if (!is(type, "blackhole|unreachable|prohibit|nop"))
			return refuse(
				command, -EINVAL, "rules of type %s are not known here", type ? type : "");
	} else if (is(word, "protocol|proto")) {
		next(command); /* who made it: selects nothing */
	} else {
		result = refuse(command, -EINVAL, "ip rule: %s is not known here", word);
	}
	return result;
}

static bool prefix_same(const struct prefix *a, const struct prefix *b)
{
	return a->length == b->length && address_equal(&a->address, &b->address);
}

/* What is not given fits, and `not` is not asked for (rule_find, net/core/fib_rules.c). */
static bool rule_is_meant(const struct rule *rule, const struct rule_words *words)
{
	const struct rule *wanted = &words->rule;
	return rule->family == wanted->family && (!words->has_action || rule->action == wanted->action) &&
	       (!words->has_priority || rule->priority == wanted->priority) &&
	       (!words->has_table || rule->table == wanted->table) &&
	       (address_is_none(&wanted->from.address) || prefix_same(&rule->from, &wanted->from)) &&
	       (address_is_none(&wanted->to.address) || prefix_same(&rule->to, &wanted->to)) &&
	       (!*wanted->iif || strcmp(rule->iif, wanted->iif) == 0) &&
	       (!*wanted->oif || strcmp(rule->oif, wanted->oif) == 0) &&
	       (!wanted->mark_mask || (rule->mark == wanted->mark && rule->mark_mask == wanted->mark_mask)) &&
	       (!wanted->protocol || rule->protocol == wanted->protocol) &&
	       (!wanted->source_port[1] || memcmp(rule->source_port, wanted->source_port, 4) == 0) &&
	       (!wanted->destination_port[1] ||
		       memcmp(rule->destination_port, wanted->destination_port, 4) == 0) &&
	       (!wanted->has_uid || memcmp(rule->uid, wanted->uid, sizeof(rule->uid)) == 0) &&
	       (wanted->suppress_prefix_length < 0 ||
		       rule->suppress_prefix_length == wanted->suppress_prefix_length);
}

/* Without a priority the kernel takes the one before the second rule's (fib_default_rule_pref). */
static uint32_t default_priority(const struct facts *facts, uint8_t family)
{
	unsigned seen = 0;
	for (size_t i = 0; i < facts->rule_count; i++)
		if (facts->rules[i].family == family && ++seen == 2)
			return facts->rules[i].priority ? facts->rules[i].priority - 1 : 0;
	return 0;
}

/* Behind those of the same priority. */
static int rule_add(struct command *command, const struct rule *rule)
{
	struct facts *facts = command->what_if->facts;
	size_t at = facts->rule_count;
	for (size_t i = 0; i < facts->rule_count; i++)
		if (facts->rules[i].family == rule->family && facts->rules[i].priority > rule->priority) {
			at = i;
			break;
		}
	struct rule *rules = grown(facts->rules, facts->rule_count, sizeof(*rules));
	if (!rules)
		return -ENOMEM;
	facts->rules = rules;
	memmove(&rules[at + 1], &rules[at], (facts->rule_count++ - at) * sizeof(*rules));
	facts->rules[at] = *rule;
	return rule->action == RULE_LOOKUP ? read_table(command, rule->family, rule->table) : 0;
}

static int command_rule(struct command *command)
{
	struct rule_words words = { .rule = { .action = RULE_LOOKUP, .suppress_prefix_length = -1 } };
	struct facts *facts = command->what_if->facts;
	const char *word;
	int result = 0;
	while (result == 0 && (word = next(command)) != NULL)
		result = rule_selector(command, word, &words);
	if (result < 0)
		return result;
	words.rule.family = command->family ? command->family : AF_INET;
	if (command->verb == VERB_REPLACE)
		return refuse(command, -EINVAL, "ip rule has no replace");
	if (command->verb == VERB_ADD) {
		if (words.rule.action == RULE_LOOKUP && !words.has_table)
			words.rule.table = RT_TABLE_MAIN;
		if (!words.has_priority)
			words.rule.priority = default_priority(facts, words.rule.family);
		return rule_add(command, &words.rule);
	}
	for (size_t i = 0; i < facts->rule_count; i++)
		if (rule_is_meant(&facts->rules[i], &words)) {
			memmove(&facts->rules[i], &facts->rules[i + 1],
				(--facts->rule_count - i) * sizeof(*facts->rules));
			return 0;
		}
	return refuse(command, -ENOENT, "there is no such rule");
}

/* ---- routes */

struct route_words {
	struct table_route route;
	const struct device *device;
	bool has_table, has_metric, has_type;
};

static int route_word(struct command *command, const char *word, struct route_words *words)
{
	struct address ignored;
	if (is(word, "via")) {
		if (command->at < command->count && is(command->words[command->at], "inet|inet6"))
			command->at++;
		return take_address(command, &words->route.answer.gateway);
	}
	if (is(word, "dev"))
		return take_device(command, &words->device);
	if (is(word, "table")) {
		words->has_table = true;
		return take_table(command, &words->route.table);
	}
	if (is(word, "metric|preference|priority|pref")) {
		words->has_metric = true;
		return take_number(command, word, &words->route.metric);
	}
	if (is(word, "src"))
		return take_address(command, &ignored);
	if (is(word, "proto|protocol|scope"))
		return next(command) ? 0 : refuse(command, -EINVAL, "%s wants a name", word);
	return is(word, "onlink") ? 0 : refuse(command, -EINVAL, "ip route: %s is not known here", word);
}

static bool route_is_meant(const struct table_route *route, const struct route_words *words, bool by_hop)
{
	const struct table_route *wanted = &words->route;
	bool same = route->table == wanted->table && prefix_same(&route->to, &wanted->to) &&
		    (!words->has_metric || route->metric == wanted->metric);
	if (!same || !by_hop)
		return same;
	return (!words->device || device_set_contains(&route->answer.devices, words->device->ifindex)) &&
	       (address_is_none(&wanted->answer.gateway) ||
		       address_equal(&wanted->answer.gateway, &route->answer.gateway)) &&
	       (!words->has_type || route->answer.result == wanted->answer.result);
}

static void route_remove(struct what_if *what_if, size_t at)
{
	memmove(&what_if->routes[at], &what_if->routes[at + 1],
		(--what_if->route_count - at) * sizeof(*what_if->routes));
}

static int route_put(struct command *command, struct route_words *words)
{
	struct what_if *what_if = command->what_if;
	struct table_route *route = &words->route;
	const struct local_address *network;
	if (route->answer.result == ROUTE_FOUND && !words->device) {
		network = address_is_none(&route->answer.gateway)
				  ? NULL
				  : facts_network(what_if->facts, 0, &route->answer.gateway);
		words->device = network ? facts_device(what_if->facts, network->ifindex) : NULL;
		if (!words->device)
			return refuse(command, -EINVAL, "ip route: name the device");
	}
	if (route->answer.result == ROUTE_FOUND)
		device_set_add(&route->answer.devices, words->device->ifindex);
	if (!words->has_metric && route->to.address.family == AF_INET6)
		route->metric = 1024 /* IP6_RT_PRIORITY_USER */;
	words->has_metric = true;
	for (size_t i = 0; i < what_if->route_count; i++) {
		if (!route_is_meant(&what_if->routes[i], words, false))
			continue;
		if (command->verb == VERB_ADD)
			return refuse(command, -EEXIST, "there is such a route already");
		route_remove(what_if, i);
		break;
	}
	struct table_route *item = ARRAY_ADD(what_if->routes, what_if->route_count);
	if (!item)
		return -ENOMEM;
	*item = *route;
	/* A link that is down leads nowhere. */
	if (words->device && !words->device->up)
		item->answer.result = ROUTE_NONE;
	return 0;
}

static int command_route(struct command *command)
{
	struct what_if *what_if = command->what_if;
	struct route_words words = { .route = {
					     .answer = { .result = ROUTE_FOUND }, .table = RT_TABLE_MAIN } };
	const char *word = command->at < command->count ? command->words[command->at] : NULL;
	int result = 0;
	if (is(word, "unicast|blackhole|unreachable|prohibit|throw")) {
		words.has_type = true;
		words.route.throws = is(word, "throw");
		words.route.answer.result = is(word, "blackhole")     ? ROUTE_BLACKHOLE
					    : is(word, "unreachable") ? ROUTE_UNREACHABLE
					    : is(word, "prohibit")    ? ROUTE_PROHIBIT
					    : is(word, "throw")       ? ROUTE_NONE
								      : ROUTE_FOUND;
		command->at++;
	} else if (is(word, "local|broadcast|multicast|anycast|nat|via|nexthop")) {
		return refuse(command, -EINVAL, "ip route: %s is not known here", word);
	}
	result = take_prefix(command, &words.route.to);
	while (result == 0 && (word = next(command)) != NULL)
		result = route_word(command, word, &words);
	if (result == 0)
		result = read_table(command, words.route.to.address.family, words.route.table);
	if (result < 0 || command->verb != VERB_DELETE)
		return result < 0 ? result : route_put(command, &words);
	for (size_t i = 0; i < what_if->route_count; i++)
		if (route_is_meant(&what_if->routes[i], &words, true)) {
			route_remove(what_if, i);
			return 0;
		}
	return refuse(command, -ENOENT, "there is no such route");
}

/* ---- addresses */

/* The address and its network, as the kernel has routes for them: in the table of the VRF, or local and main.
 */
static int address_routes(struct command *command, const struct prefix *prefix, const struct device *device)
{
	struct what_if *what_if = command->what_if;
	uint8_t family = prefix->address.family, whole = (uint8_t)(8 * address_size(family));
	int vrf = facts_vrf(what_if->facts, device->ifindex);
	uint32_t main = vrf ? facts_device(what_if->facts, vrf)->vrf_table : RT_TABLE_MAIN;
	struct route_words own = { .route = { .table = vrf ? main : RT_TABLE_LOCAL,
					   .to = { prefix->address, whole },
					   .answer = { .result = ROUTE_LOCAL } } };
	struct route_words network = {
		.route = { .table = main,
			.to = prefix_network(prefix),
			.metric = family == AF_INET6 ? 256 /* IP6_RT_PRIORITY_ADDRCONF */ : 0,
			.answer = { .result = ROUTE_FOUND } },
		.device = device,
		.has_metric = true
	};
	int result = read_table(command, family, own.route.table);
	if (result == 0)
		result = read_table(command, family, main);
	if (result < 0)
		return result;
	if (command->verb != VERB_DELETE) {
		command->verb = VERB_REPLACE;
		device_set_add(&own.route.answer.devices, device->ifindex);
		result = route_put(command, &own);
		return result < 0 || prefix->length == whole ? result : route_put(command, &network);
	}
	for (size_t i = what_if->route_count; i-- > 0;)
		if (route_is_meant(&what_if->routes[i], &own, false) ||
			(prefix->length < whole && route_is_meant(&what_if->routes[i], &network, true)))
			route_remove(what_if, i);
	return 0;
}

/* What stands for the address is delivered to this host, or no more. */
static void address_services(struct facts *facts, const struct address *address)
{
	for (size_t i = 0; i < facts->service_count; i++) {
		struct service *service = &facts->services[i];
		if (!address_equal(&service->target, address))
			continue;
		service->target_local = facts_local_address(facts, address);
		service->target_ifindex = 0;
	}
}

/* With the last IPv4 address of a device go all its routes, with the first of a network the others in it
 * (inet_del_ifa): that is not followed. */
static int address_check(
	const struct command *command, const struct prefix *prefix, const struct device *device)
{
	const struct facts *facts = command->what_if->facts;
	const struct local_address *other = NULL;
	unsigned count = 0;
	if (prefix->address.family != AF_INET || command->verb != VERB_DELETE)
		return 0;
	while ((other = facts_device_address(facts, device->ifindex, AF_INET, other)) != NULL) {
		if (!prefix_same(&other->prefix, prefix) && prefix_overlaps(&other->prefix, prefix))
			return refuse(command, -EINVAL,
				"%s has other addresses in that network: what becomes of them is not known here",
				device->name);
		count++;
	}
	return count > 1
		       ? 0
		       : refuse(command, -EINVAL,
				 "it is the last address of %s, whose routes would go with it: that is not known here",
				 device->name);
}

static int command_address(struct command *command)
{
	struct facts *facts = command->what_if->facts;
	const struct device *device = NULL;
	struct prefix prefix;
	const char *word = next(command);
	if (!word || prefix_parse(word, &prefix) < 0)
		return refuse(command, -EINVAL, "%s is no address", word ? word : "nothing");
	int result = 0;
	while (result == 0 && (word = next(command)) != NULL)
		if (is(word, "dev"))
			result = take_device(command, &device);
		else if (is(word, "brd|broadcast|scope|label|proto|protocol"))
			result = next(command) ? 0 : refuse(command, -EINVAL, "%s wants a value", word);
		else if (!is(word, "nodad"))
			result = refuse(command, -EINVAL, "ip address: %s is not known here", word);
	if (result == 0 && !device)
		result = refuse(command, -EINVAL, "ip address: name the device");
	if (result < 0)
		return result;
	size_t at = 0;
	while (at < facts->address_count && (facts->addresses[at].ifindex != device->ifindex ||
						    !prefix_same(&facts->addresses[at].prefix, &prefix)))
		at++;
	bool there = at < facts->address_count;
	if (command->verb == VERB_DELETE && !there)
		return refuse(command, -ENOENT, "%s has no such address", device->name);
	if (command->verb == VERB_ADD && there)
		return refuse(command, -EEXIST, "%s has it already", device->name);
	result = address_check(command, &prefix, device);
	if (result < 0)
		return result;
	if (command->verb == VERB_DELETE) {
		memmove(&facts->addresses[at], &facts->addresses[at + 1],
			(--facts->address_count - at) * sizeof(*facts->addresses));
	} else if (!there) {
		struct local_address *addresses =
			grown(facts->addresses, facts->address_count, sizeof(*addresses));
		if (!addresses)
			return -ENOMEM;
		facts->addresses = addresses;
		addresses[facts->address_count++] =
			(struct local_address){ .prefix = prefix, .ifindex = device->ifindex };
	}
	result = facts_index(facts);
	address_services(facts, &prefix.address);
	return result < 0 ? result : address_routes(command, &prefix, device);
}

/* ---- switches */

/* "ipv4", "conf", "eth0", "rp_filter": of net.ipv4.conf.eth0.rp_filter or net/ipv4/conf/eth0/rp_filter. A '/'
 * in a name that dots separate is a dot in the device's name, and the other way round. */
static unsigned split_key(char *key, char *parts[static 4])
{
	char separator = key[strcspn(key, "./")];
	unsigned count = 0;
	for (char *part = key; part && count < 4; count++) {
		parts[count] = part;
		part = separator ? strchr(part, separator) : NULL;
		if (part)
			*part++ = '\0';
		for (char *at = parts[count]; *at; at++)
			*at = *at == '/' && separator == '.' ? '.' : *at;
	}
	return count;
}

static void set_filter(struct what_if *what_if, const char *name, int value)
{
	struct facts *facts = what_if->facts;
	if (strcmp(name, "all") == 0)
		what_if->rp_filter_all = value;
	for (size_t i = 0; i < facts->device_count; i++) {
		struct device *device = &facts->devices[i];
		if (strcmp(device->name, name) == 0)
			device->rp_filter_raw = value;
		int all = what_if->rp_filter_all, raw = device->rp_filter_raw;
		device->rp_filter_effective = all < 0 || raw < 0 ? RP_FILTER_UNKNOWN : all > raw ? all : raw;
	}
}

static int set_switch(struct command *command, bool six, const char *name, const char *what, int value)
{
	struct facts *facts = command->what_if->facts;
	bool all = strcmp(name, "all") == 0, fits = false;
	if (!six && strcmp(what, "rp_filter") == 0) {
		if (!all && !facts_device_named(facts, name))
			return refuse(command, -ENOENT, "there is no device %s", name);
		set_filter(command->what_if, name, value);
		return 0;
	}
	if (strcmp(what, "forwarding") != 0 && (six || strcmp(what, "src_valid_mark") != 0))
		return refuse(command, -EINVAL, "sysctl: %s is not known here", what);
	if (six && !all)
		return refuse(command, -EINVAL, "sysctl: in IPv6 the host forwards (conf.all.forwarding)");
	for (size_t i = 0; i < facts->device_count; i++) {
		struct device *device = &facts->devices[i];
		if (!all && strcmp(device->name, name) != 0)
			continue;
		fits = true;
		if (six)
			device->forwarding6 = value;
		else if (strcmp(what, "forwarding") == 0)
			device->forwarding4 = value;
		else
			device->src_valid_mark = value;
	}
	return fits ? 0 : refuse(command, -ENOENT, "there is no device %s", name);
}

static int command_sysctl(struct command *command, const char *key, const char *value)
{
	char text[TEXT_MAX], *parts[4], *end = NULL;
	long number = value ? strtol(value, &end, 10) : 0;
	if (!value || end == value || *end || number < 0 || number > 2)
		return refuse(command, -EINVAL, "sysctl: %s is no value that is known here",
			value ? value : "nothing");
	if (strncmp(key, "net", 3) != 0 || (key[3] != '.' && key[3] != '/'))
		return refuse(command, -EINVAL, "sysctl: %s is not known here", key);
	snprintf(text, sizeof(text), "%s", key + 4);
	unsigned count = split_key(text, parts);
	bool four = strcmp(parts[0], "ipv4") == 0, six = strcmp(parts[0], "ipv6") == 0;
	if (four && count == 2 && strcmp(parts[1], "ip_forward") == 0)
		return set_switch(command, false, "all", "forwarding", (int)number);
	if (count != 4 || (!four && !six) || strcmp(parts[1], "conf") != 0)
		return refuse(command, -EINVAL, "sysctl: %s is not known here", key);
	return set_switch(command, six, parts[2], parts[3], (int)number);
}

/* `sysctl -w KEY=VALUE`, `sysctl KEY=VALUE`; `echo VALUE > /proc/sys/KEY`. */
static int switch_of(struct command *command)
{
	static const char folder[] = "/proc/sys/";
	char key[TEXT_MAX];
	const char *word = next(command);
	if (is(command->words[command->at - 2], "sysctl")) {
		while (is(word, "-w|-q|-qw|-wq|--write"))
			word = next(command);
		const char *equals = word ? strchr(word, '=') : NULL;
		if (!equals || next(command))
			return refuse(command, -EINVAL, "sysctl: one KEY=VALUE is expected");
		snprintf(key, sizeof(key), "%.*s", (int)(equals - word), word);
		return command_sysctl(command, key, equals + 1);
	}
	const char *arrow = next(command), *file = next(command);
	if (!is(arrow, ">") || !file || strncmp(file, folder, sizeof(folder) - 1) != 0 || next(command))
		return refuse(command, -EINVAL, "echo: only into a file of %s", folder);
	return command_sysctl(command, file + sizeof(folder) - 1, word);
}

/* ---- all */

static int verb_of(struct command *command, const char *word)
{
	if (is(word, "add|append"))
		command->verb = VERB_ADD;
	else if (is(word, "del|delete"))
		command->verb = VERB_DELETE;
	else if (is(word, "replace|change"))
		command->verb = VERB_REPLACE;
	else
		return refuse(command, -EINVAL, "ip: add, del or replace is expected, not %s",
			word ? word : "nothing");
	return 0;
}

static int command_ip(struct command *command)
{
	static const struct {
		const char *names;
		int (*run)(struct command *command);
	} objects[] = {
		{ "rule|ru", command_rule },
		{ "route|ro|r", command_route },
		{ "address|addr|a", command_address },
	};
	const char *word = next(command);
	for (; word && *word == '-'; word = next(command)) {
		if (!is(word, "-4|-6"))
			return refuse(command, -EINVAL, "ip %s is not known here", word);
		command->family = word[1] == '6' ? AF_INET6 : AF_INET;
	}
	for (size_t i = 0; i < sizeof(objects) / sizeof(*objects); i++)
		if (is(word, objects[i].names)) {
			int result = verb_of(command, next(command));
			return result < 0 ? result : objects[i].run(command);
		}
	return refuse(command, -EINVAL, "ip %s is not known here", word ? word : "");
}

int what_if_apply(struct what_if *what_if, const char *text, char message[static WHAT_IF_MESSAGE_SIZE])
{
	struct command command = { .what_if = what_if, .message = message };
	message[0] = '\0';
	int result = split(&command, text);
	if (result < 0)
		return result;
	const char *word = next(&command);
	if (is(word, "sudo"))
		word = next(&command);
	if (is(word, "ip"))
		result = command_ip(&command);
	else if (is(word, "sysctl|echo"))
		result = switch_of(&command);
	else
		result = refuse(&command, -EINVAL, "%s is not known here", word ? word : "nothing");
	if (result < 0 && !message[0])
		snprintf(message, WHAT_IF_MESSAGE_SIZE, "%s", strerror(-result));
	return result;
}
