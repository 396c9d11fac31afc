// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What reading says of a packet, and what the kernel does with it: random rulesets, each loaded into a
 * network namespace of its own, and random packets that a TUN device puts in, traced by nftables.
 * `kernel_filter COUNT SEED` takes as many rulesets from that seed on and prints how many packets ended as
 * reading said, and of how many it said that it cannot tell; those that ended otherwise are printed whole.
 */
#include "tests/support/unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "collectors/base/netlink.h"
#include "collectors/firewall/filter.h"
#include "collectors/trace/nft_client.h"
#include "collectors/trace/trace_message.h"
#include "tests/support/facts_builder.h"

#define SKIPPED      77
#define RULESETS     60
#define PACKETS      6
#define TEXT_SIZE    32768
#define TRACED_MOST  256
#define UNKNOWN_MOST 0.05 /* share of packets of which reading may say that it cannot tell */

static const struct family {
	const char *name, *in_net, *clients, *local, *out, *inside;
	uint8_t family;
} families[2] = {
	{ "ip", "10.0.1.1/24", "10.0.1.", "10.0.1.1", "10.0.2.1/24", "10.0.2.", AF_INET },
	{ "ip6", "fd00:1::1/64", "fd00:1::", "fd00:1::1", "fd00:2::1/64", "fd00:2::", AF_INET6 },
};

/* ---- numbers ---- */

static uint64_t state;

static unsigned below(unsigned most)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)((state >> 20) % most);
}

static bool one_in(unsigned most)
{
	return below(most) == 0;
}

/* ---- rulesets ---- */

struct text {
	char bytes[TEXT_SIZE];
	size_t used;
};

__attribute__((format(printf, 2, 3))) static void put(struct text *text, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int length = vsnprintf(text->bytes + text->used, TEXT_SIZE - text->used, format, arguments);
	va_end(arguments);
	assert_true(length >= 0 && (size_t)length < TEXT_SIZE - text->used);
	text->used += (size_t)length;
}

struct making {
	struct text *text;
	const struct family *family;
	unsigned first, chains; /* regular ones of the table that it may lead to: c<first>, ... */
	const char *hook;
	int priority;
	bool rejects;
};

static const unsigned ports[] = { 22, 80, 443, 8080 };

static unsigned port(void)
{
	return ports[below(4)];
}

/* By addresses, ports and devices. */
static void put_packet_match(struct making *making, unsigned number)
{
	struct text *text = making->text;
	const char *ip = making->family->name, *client = making->family->clients,
		   *inside = making->family->inside;
	const char *is_not = one_in(4) ? "!= " : "";
	bool out = strcmp(making->hook, "forward") == 0 || strcmp(making->hook, "postrouting") == 0;
	switch (number) {
	case 0:
		put(text, "%s saddr %s%s%u ", ip, is_not, client, 2 + below(3));
		return;
	case 1:
		put(text, "%s daddr %s%s%u ", ip, is_not, inside, 2 + below(2));
		return;
	case 2:
		put(text, "%s saddr %s%s0/%u ", ip, is_not, client, ip[2] ? 64 : 24);
		return;
	case 3:
		put(text, "%s saddr %s{ %s2, %s4 } ", ip, is_not, client, client);
		return;
	case 4:
		put(text, "%s saddr %s%s2-%s3 ", ip, is_not, client, client);
		return;
	case 5:
		put(text, "tcp dport %s%u ", is_not, port());
		return;
	case 6:
		put(text, "tcp dport %s%u-%u ", is_not, 10 + below(70), 80 + below(500));
		return;
	case 7:
		put(text, "tcp dport %s{ %u, 200-300, 443 } ", is_not, one_in(2) ? 22 : 80);
		return;
	case 8:
		put(text, "th dport >= %u ", port());
		return;
	case 9:
		put(text, "meta l4proto %s ", one_in(4) ? "!= udp" : "tcp");
		return;
	case 10:
		put(text, "meta l4proto != { udp, icmp } ");
		return;
	case 11:
		put(text, "iifname %s\"%s\" ", is_not, one_in(2) ? "tun0" : "tu*");
		return;
	case 12:
		put(text, out ? "oifname %s\"tun1\" " : "iif %s\"tun0\" ", is_not);
		return;
	}
}

/* By the connection, marks and sets. */
static void put_state_match(struct making *making, unsigned number)
{
	struct text *text = making->text;
	const char *ip = making->family->name, *client = making->family->clients;
	const char *is_not = one_in(4) ? "!= " : "";
	switch (number) {
	case 13:
		put(text, "ct state %s", one_in(3) ? "established,related " : "new ");
		return;
	case 14:
		put(text, "ct state { new, established } ");
		return;
	case 15:
		put(text, "ct status %sdnat ", one_in(2) ? "! " : "");
		return;
	case 16:
		put(text, "meta mark %s%u ", is_not, below(3));
		return;
	case 17:
		put(text, "meta mark & 3 == %u ", below(3));
		return;
	case 18:
		put(text, "ct mark %s%u ", is_not, below(2));
		return;
	case 19:
		put(text, "tcp flags & (syn | ack) == syn ");
		return;
	case 20:
		put(text, "%s daddr . tcp dport %s@pairs ", ip, is_not);
		return;
	case 21:
		put(text, "tcp dport %s@some ", is_not);
		return;
	case 22:
		put(text, "fib daddr type %slocal ", is_not);
		return;
	case 23:
		put(text, "ct original %s daddr %s%s ", ip, is_not, making->family->local);
		return;
	case 24:
		put(text, "ct direction %s ", one_in(3) ? "reply" : "original");
		return;
	case 25:
		put(text, "%s saddr . tcp dport %s{ %s2-%s3 . 20-90, %s4 . 443 } ", ip, is_not, client,
			client, client);
		return;
	case 26:
		if (one_in(2))
			put(text, "limit rate %s1/hour ", one_in(2) ? "over " : "");
		else if (one_in(2))
			put(text, "tcp sport 1024-40000 ");
		else
			put(text, "meta length > %u ", one_in(2) ? 200 : 20);
		return;
	}
}

static void put_match(struct making *making)
{
	unsigned number = below(27);
	if (number < 13)
		put_packet_match(making, number);
	else
		put_state_match(making, number);
}

static void put_statement(struct making *making)
{
	struct text *text = making->text;
	switch (below(18)) {
	case 0:
	case 1:
	case 2:
	case 3:
		put(text, "accept\n");
		return;
	case 4:
	case 5:
		put(text, "drop\n");
		return;
	case 6:
		put(text, making->rejects ? "reject\n" : "drop\n");
		return;
	case 7:
		put(text, "return\n");
		return;
	case 8:
		put(text, "counter\n");
		return;
	case 9:
		put(text, "meta mark set %u\n", 1 + below(2));
		return;
	case 10:
		put(text, "meta mark set meta mark | 2\n");
		return;
	case 11:
		put(text, "ct mark set meta mark\n");
		return;
	case 12:
		put(text, "tcp dport vmap { 22 : accept, 80 : drop, 400-500 : return }\n");
		return;
	case 13:
		put(text, making->first ? "drop\n" : "%s saddr . tcp dport vmap @verdicts\n",
			making->family->name);
		return;
	case 14:
		put(text, making->priority == -300 ? "notrack\n" : "accept\n");
		return;
	case 15:
		put(text, "counter continue\n");
		return;
	default:
		if (making->chains > making->first)
			put(text, "%s c%u\n", one_in(4) ? "goto" : "jump",
				making->first + below(making->chains - making->first));
		else
			put(text, "counter accept\n");
	}
}

static void put_rules(struct making *making, unsigned most)
{
	for (unsigned rules = below(most + 1); rules; rules--) {
		for (unsigned matches = below(4); matches; matches--)
			put_match(making);
		put_statement(making);
	}
}

static void put_sets(struct making *making)
{
	const char *type = making->family->family == AF_INET ? "ipv4_addr" : "ipv6_addr";
	const char *client = making->family->clients, *inside = making->family->inside;
	put(making->text, "set some { type inet_service; flags interval; elements = { 22, 60-%u, 443 } }\n",
		79 + below(9));
	put(making->text, "set pairs { type %s . inet_service; elements = { %s2 . %u, %s3 . 80 } }\n", type,
		inside, port(), inside);
	put(making->text,
		"map verdicts { type %s . inet_service : verdict; elements = { %s2 . 22 : accept, %s3 . %u : drop",
		type, client, client, port());
	if (making->chains)
		put(making->text, ", %s4 . 443 : jump c0", client);
	put(making->text, " } }\n");
}

static void put_base_chain(struct making *making, unsigned number)
{
	static const struct {
		const char *hook;
		int priority;
	} places[] = { { "forward", 0 }, { "forward", 0 }, { "forward", 10 }, { "input", 0 }, { "input", 5 },
		{ "prerouting", -300 }, { "prerouting", -150 }, { "prerouting", 0 }, { "postrouting", 0 } };
	unsigned place = below(9);
	making->hook = places[place].hook;
	making->priority = places[place].priority;
	making->rejects = place < 5;
	put(making->text, "chain b%u { type filter hook %s priority %d; policy %s;\n", number, making->hook,
		making->priority, one_in(4) ? "drop" : "accept");
	put_rules(making, 6);
	put(making->text, "}\n");
}

/* Translation of what comes for this host, in one table. */
static void put_nat(struct making *making)
{
	const struct family *family = making->family;
	bool six = family->family == AF_INET6;
	put(making->text, "chain n { type nat hook prerouting priority -100;\n");
	making->hook = "prerouting";
	making->priority = -100;
	put_match(making);
	put(making->text, "tcp dport %u dnat %s to %s%s%u%s:%u\n", port(), family->name, six ? "[" : "",
		family->inside, 2 + below(2), six ? "]" : "", port());
	if (one_in(2))
		put(making->text, "tcp dport %u redirect to :%u\n", port(), port());
	put(making->text, "}\n");
}

static void make_ruleset(struct text *text, const struct family *family)
{
	struct making making = { .text = text, .family = family };
	unsigned tables = 1 + below(3), nat = below(2 * tables);
	text->used = 0;
	for (unsigned i = 0; i < tables; i++) {
		making.chains = below(4);
		making.hook = "forward";
		making.priority = 0;
		put(text, "table %s t%u {\n", one_in(2) ? "inet" : family->name, i);
		/* The last first: those before lead to those behind. */
		put_sets(&making);
		making.rejects = false;
		for (unsigned c = making.chains; c-- > 0;) {
			put(text, "chain c%u {\n", c);
			making.first = c + 1;
			put_rules(&making, 4);
			put(text, "}\n");
		}
		making.first = 0;
		for (unsigned b = 1 + below(3); b; b--)
			put_base_chain(&making, b);
		if (nat == i)
			put_nat(&making);
		put(text, "}\n");
	}
}

/* ---- packets ---- */

static uint32_t sum_of(const uint8_t *bytes, size_t size)
{
	uint32_t sum = 0;
	for (size_t i = 0; i < size; i++)
		sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
	return sum;
}

static uint16_t folded(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

/* A SYN, as a TUN device takes it. */
static size_t make_packet(const struct filter_packet *packet, uint8_t out[static 64])
{
	bool four = packet->source.address.family == AF_INET;
	size_t size = four ? 4 : 16, header = four ? 20 : 40, source = four ? 12 : 8;
	memset(out, 0, 64);
	out[0] = four ? 0x45 : 0x60;
	if (four) {
		out[3] = 40;
		out[8] = 64;
		out[9] = IPPROTO_TCP;
	} else {
		out[5] = 20;
		out[6] = IPPROTO_TCP;
		out[7] = 64;
	}
	memcpy(out + source, packet->source.address.bytes, size);
	memcpy(out + source + size, packet->destination.address.bytes, size);
	if (four) {
		uint16_t check = folded(sum_of(out, 20));
		memcpy(out + 10, &check, 2);
	}
	uint8_t *tcp = out + header;
	uint16_t from = htons(packet->source.port), to = htons(packet->destination.port);
	memcpy(tcp, &from, 2);
	memcpy(tcp + 2, &to, 2);
	tcp[12] = 0x50;
	tcp[13] = 0x02;
	tcp[14] = 0xff;
	uint16_t check = folded(sum_of(out + source, 2 * size) + IPPROTO_TCP + 20 + sum_of(tcp, 20));
	memcpy(tcp + 16, &check, 2);
	return header + 20;
}

/* ---- the host ---- */

struct host {
	int tun[2];
	struct netlink *events;
	struct nft_ctx *client;
	struct facts *facts;
};

static int open_tun(const char *name)
{
	struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (fd >= 0 && ioctl(fd, TUNSETIFF, &request) < 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static void host_open(struct host *host)
{
	static const char *const commands =
		"ip link set lo up; ip link set tun0 up; ip link set tun1 up;"
		"ip addr add 10.0.1.1/24 dev tun0; ip addr add 10.0.2.1/24 dev tun1;"
		"ip addr add fd00:1::1/64 dev tun0 nodad; ip addr add fd00:2::1/64 dev tun1 nodad;"
		"echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding;"
		"for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 > $f; done";
	host->tun[0] = open_tun("tun0");
	host->tun[1] = open_tun("tun1");
	assert_true(host->tun[0] >= 0 && host->tun[1] >= 0);
	assert_int_equal(system(commands), 0);
	assert_int_equal(netlink_open(NETLINK_NETFILTER, &host->events), 0);
	assert_int_equal(netlink_join(host->events, NFNLGRP_NFTRACE), 0);
	assert_int_equal(nft_client_open(&host->client), 0);
	host->facts = build_facts();
	for (unsigned i = 0; i < 2; i++) {
		char name[8];
		snprintf(name, sizeof(name), "tun%u", i);
		build_device(host->facts, name)->ifindex = (int)if_nametoindex(name);
		build_local(host->facts, i ? families[0].out : families[0].in_net, name);
		build_local(host->facts, i ? families[1].out : families[1].in_net, name);
	}
}

static void host_close(struct host *host)
{
	close(host->tun[0]);
	close(host->tun[1]);
	netlink_close(host->events);
	nft_client_close(host->client);
	facts_free(host->facts);
}

/* ---- the kernel's word ---- */

struct traced {
	struct trace_message last; /* rule or policy that accepted or dropped it */
	struct trace_message accepter;
	bool dropped, accepted, some, came;
	unsigned count;
};

static bool is_own(const struct trace_message *message)
{
	return strcmp(message->table, "oneway_test") == 0;
}

static int note_message(const struct nlmsghdr *header, void *argument)
{
	struct traced *traced = argument;
	struct trace_message message;
	if (trace_message_parse(header, &message) < 0)
		return 0;
	traced->some = true;
	if (is_own(&message) || traced->dropped)
		return 0;
	if (message.verdict == NF_DROP) {
		traced->dropped = true;
		traced->last = message;
	} else if (message.verdict == NF_ACCEPT && message.kind == TRACE_BY_RULE) {
		traced->accepted = true;
		traced->accepter = message;
	}
	return 0;
}

/* A packet that is written has gone its way before the call returns (tun_get_user). */
static void trace_packet(const struct host *host, const struct filter_packet *packet, struct traced *traced)
{
	uint8_t bytes[64], other[2048];
	size_t size = make_packet(packet, bytes);
	memset(traced, 0, sizeof(*traced));
	netlink_drain(host->events, NULL, NULL);
	while (read(host->tun[1], other, sizeof(other)) > 0)
		;
	assert_int_equal(write(host->tun[0], bytes, size), size);
	assert_true(netlink_drain(host->events, note_message, traced) >= 0);
	while (read(host->tun[1], other, sizeof(other)) > 0)
		traced->came = true;
	while (read(host->tun[0], other, sizeof(other)) > 0)
		;
}

/* ---- the reading ---- */

static void read_packet(const struct host *host, const struct filter_rules *rules,
	const struct filter_packet *packet, struct filter_way *way)
{
	filter_begin(way, packet);
	filter_follow(way, rules, host->facts, NF_INET_PRE_ROUTING);
	bool local = true, known = true;
	for (unsigned i = 0; i < way->path_count; i++) {
		struct filter_packet *at = &way->paths[i].packet;
		bool here = facts_local_address(host->facts, &at->destination.address);
		known &= !at->destination.address_unknown && (i == 0 || here == local);
		local = here;
		if (!here) {
			at->oif = (int)if_nametoindex("tun1");
			memcpy(at->oifname, "tun1", 5);
		}
	}
	way->lost |= !known;
	filter_follow(way, rules, host->facts, local ? NF_INET_LOCAL_IN : NF_INET_FORWARD);
	if (!local)
		filter_follow(way, rules, host->facts, NF_INET_POST_ROUTING);
}

static bool is_place(const struct filter_place *place, const struct trace_message *message)
{
	return place->family == message->family && strcmp(place->table, message->table) == 0 &&
	       strcmp(place->chain, message->chain) == 0 && place->handle == message->handle;
}

struct score {
	unsigned rulesets, refused, packets, equal, other_rule_known, unknown, wrong;
};

static void explain_wrong(const struct text *text, const struct filter_packet *packet,
	const struct filter_way *way, const struct traced *traced)
{
	char from[ADDRESS_TEXT_SIZE], to[ADDRESS_TEXT_SIZE];
	const struct filter_place *place = way->drops ? filter_decider(way) : filter_accepter(way);
	printf("%s\n%s:%u > %s:%u\nread: %s", text->bytes, address_format(&packet->source.address, from),
		packet->source.port, address_format(&packet->destination.address, to),
		packet->destination.port, filter_end(way) == FILTER_DROPS ? "dropped" : "passes");
	if (place)
		printf(" by %s %s %llu", place->table, place->chain, (unsigned long long)place->handle);
	const struct trace_message *message = traced->dropped ? &traced->last : &traced->accepter;
	printf("\nkernel: %s by %s %s %llu\n", traced->dropped ? "dropped" : "passed", message->table,
		message->chain, (unsigned long long)message->handle);
}

static void compare(const struct text *text, const struct filter_packet *packet, const struct filter_way *way,
	const struct traced *traced, struct score *score)
{
	enum filter_end end = filter_end(way);
	const struct filter_place *accepter = filter_accepter(way);
	bool equal = false;
	score->packets++;
	if (end == FILTER_UNKNOWN) {
		score->unknown++;
		return;
	}
	if (end == FILTER_DROPS)
		equal = traced->dropped &&
			(way->drops_elsewhere || is_place(filter_decider(way), &traced->last));
	else
		equal = !traced->dropped &&
			(!accepter || (traced->accepted && is_place(accepter, &traced->accepter)));
	score->other_rule_known += end == FILTER_DROPS && way->drops_elsewhere;
	score->equal += equal;
	score->wrong += !equal;
	if (!equal)
		explain_wrong(text, packet, way, traced);
}

/* ---- all ---- */

static const char tracing[] =
	"table inet oneway_test { chain first { type filter hook prerouting priority -2000; "
	"meta nftrace set 1\n}\n}\n";

static void try_ruleset(const struct host *host, const struct family *family, struct score *score)
{
	static struct text text;
	static struct filter_way way;
	static uint16_t source = 20000;
	struct filter_rules *rules;
	make_ruleset(&text, family);
	assert_int_equal(nft_client_run(host->client, "flush ruleset"), 0);
	assert_int_equal(nft_client_run(host->client, tracing), 0);
	score->rulesets++;
	if (nft_client_run(host->client, text.bytes) < 0) {
		score->refused++;
		return;
	}
	assert_int_equal(filter_rules_read("/proc", &rules), 0);
	for (unsigned i = 0; i < PACKETS; i++) {
		char from[64], to[64];
		struct traced traced;
		snprintf(from, sizeof(from), "%s%u", family->clients, 2 + below(3));
		if (one_in(3))
			snprintf(to, sizeof(to), "%s", family->local);
		else
			snprintf(to, sizeof(to), "%s%u", family->inside, 2 + below(2));
		struct filter_packet packet = { .source = { .address = build_address(from),
							.port = source++ },
			.destination = { .address = build_address(to), .port = (uint16_t)port() },
			.mark_known = UINT32_MAX,
			.ct_mark_known = UINT32_MAX,
			.iif = (int)if_nametoindex("tun0"),
			.iifname = "tun0" };
		if (source < 20000)
			source = 20000;
		packet.original[0] = packet.source;
		packet.original[1] = packet.destination;
		read_packet(host, rules, &packet, &way);
		trace_packet(host, &packet, &traced);
		assert_true(traced.some);
		compare(&text, &packet, &way, &traced, score);
	}
	filter_rules_free(rules);
}

static unsigned wanted = RULESETS;
static uint64_t seed = 1;

static void reading_says_what_the_kernel_does(void **unused)
{
	(void)unused;
	struct host host;
	struct score score = { 0 };
	host_open(&host);
	for (unsigned i = 0; i < wanted; i++) {
		state = (seed + i) * UINT64_C(0x9e3779b97f4a7c15);
		try_ruleset(&host, &families[i % 2], &score);
	}
	host_close(&host);
	printf("%u rulesets (%u refused by nft), %u packets: %u equal (of these %u dropped, not sure by which of "
	       "two), %u cannot be told, %u wrong\n",
		score.rulesets, score.refused, score.packets, score.equal, score.other_rule_known,
		score.unknown, score.wrong);
	assert_int_equal(score.wrong, 0);
	assert_true(score.refused * 10 <= score.rulesets);
	assert_true(score.unknown <= UNKNOWN_MOST * score.packets);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reading_says_what_the_kernel_does),
	};
	if (argc > 1)
		wanted = (unsigned)atoi(argv[1]);
	if (argc > 2)
		seed = strtoull(argv[2], NULL, 10);
	if (unshare(CLONE_NEWNET) < 0) {
		printf("skipped: no network namespace of our own: %s\n", strerror(errno));
		return SKIPPED;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
