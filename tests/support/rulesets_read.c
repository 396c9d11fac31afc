// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Prints, as JSON, the translating rules that the natrules collector reads in the network namespace it is run
 * in. With --record FILE the kernel's messages are kept as well, each with its length before it, as
 * tests/unit/collectors/firewall/natrules.c and the fuzz target want them. With --pieces N the collector
 * reads N times, and it is printed how long its pieces took, in milliseconds of the thread's CPU time.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "collectors/collector.h"
#include "collectors/firewall/ip_tables.h"
#include "collectors/firewall/nft_reader.h"
#include "tests/rulesets_follow.h"
#include "tests/support/rulesets_json.h"

extern const struct collector natrules_collector;

#define SECOND_NS INT64_C(1000000000)

static void keep(const struct nlmsghdr *header, void *file)
{
	fwrite(header, 1, NLMSG_ALIGN(header->nlmsg_len), file);
}

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static int read_all(FILE *record, struct nat_list *list)
{
	struct nft_reader *reader;
	int result = nft_reader_open(&reader);
	if (result < 0)
		return result;
	if (record)
		nft_reader_record(reader, keep, record);
	result = nft_reader_begin(reader, NFT_SCOPE_NAT);
	while (result == 0)
		result = nft_reader_step(reader);
	if (result > 0)
		result = rulesets_follow(nat_eval_ruleset(nft_reader_ruleset(reader), list));
	nft_reader_close(reader);
	return result;
}

/* Of legacy iptables, which the kernel has beside nftables. With --record their bytes go to FILE alone. */
static int read_legacy(FILE *record, struct nat_list *list)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	int result = 0;
	for (unsigned i = 0; i < 2 && result >= 0; i++) {
		struct ip_table table;
		result = ip_table_read("/proc", families[i], "nat", &table);
		if (result <= 0)
			continue;
		if (record) {
			fwrite(&table.entry, sizeof(table.entry), 1, record);
			fwrite(table.bytes, 1, table.size, record);
		}
		result = rulesets_follow(nat_eval_table(&table, list));
		free((void *)table.bytes);
	}
	return result < 0 ? result : 0;
}

/* As a loop would: the collector is asked until it has read, and has let go of what it has read. */
static int time_it(int times)
{
	static const struct collector_settings settings = { .procfs = "/proc" };
	void *context;
	int result = 0;
	for (int i = 0; i < times && result == 0; i++) {
		double longest = 0, all = 0;
		unsigned pieces = 0;
		struct collector_schedule schedule = { 0 };
		struct facts *facts = facts_new();
		result = facts ? natrules_collector.init(&settings, &context) : -ENOMEM;
		for (int64_t now_ns = 1; result == 0 && schedule.due_ns < now_ns + SECOND_NS; now_ns++) {
			double start = now();
			result = natrules_collector.advance(context, now_ns, &schedule);
			double took = now() - start;
			usleep(schedule.due_ns > now_ns && schedule.due_ns < now_ns + SECOND_NS ? 1000 : 0);
			longest = took > longest ? took : longest;
			all += took;
			pieces++;
		}
		if (result == 0) {
			double start = now();
			result = natrules_collector.collect(context, &settings, facts);
			printf("{\"pieces\": %u, \"all\": %.2f, \"longest\": %.2f, \"collect\": %.3f, "
			       "\"rules\": %zu}\n",
				pieces, all, longest, now() - start, facts->nat_rules->count);
			natrules_collector.destroy(context);
		}
		facts_free(facts);
	}
	return result;
}

static int print(FILE *record)
{
	struct nat_list *list = nat_list_new();
	int result = list ? read_all(record, list) : -ENOMEM;
	if (result == 0)
		result = read_legacy(record, list);
	json_t *json = result == 0 ? rulesets_json(list) : NULL;
	if (json)
		json_dumpf(json, stdout, JSON_INDENT(1));
	json_decref(json);
	nat_list_release(list);
	putchar('\n');
	return result;
}

int main(int argc, char **argv)
{
	FILE *record = argc == 3 && strcmp(argv[1], "--record") == 0 ? fopen(argv[2], "wbe") : NULL;
	int result = argc == 3 && strcmp(argv[1], "--pieces") == 0 ? time_it(atoi(argv[2])) : print(record);
	if (record)
		fclose(record);
	if (result < 0)
		fprintf(stderr, "%s\n", strerror(-result));
	return result == -EPERM || result == -EOPNOTSUPP ? 77 : result < 0;
}
