// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Prints, as JSON, the translating rules that the natrules collector reads in the network namespace it is run
 * in. With --record FILE the kernel's messages are kept as well, each with its length before it, as
 * tests/unit/natrules.c and the fuzz target want them. With --time N it reads N times and prints how long
 * each took, in milliseconds.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "collectors/ip_tables_read.h"
#include "collectors/nat_list.h"
#include "collectors/nat_walk.h"
#include "collectors/nft_reader.h"
#include "tests/rulesets_json.h"

static void keep(const struct nlmsghdr *header, void *file)
{
	fwrite(header, 1, NLMSG_ALIGN(header->nlmsg_len), file);
}

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static int read_all(FILE *record, struct nat_list *list, double *walk)
{
	struct nft_reader *reader;
	int result = nft_reader_open(&reader);
	if (result < 0)
		return result;
	if (record)
		nft_reader_record(reader, keep, record);
	result = nft_reader_begin(reader);
	while (result == 0)
		result = nft_reader_go_on(reader);
	*walk = now();
	if (result > 0)
		result = nat_walk(nft_reader_ruleset(reader), list);
	*walk = now() - *walk;
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
		result = ip_table_read("/proc", families[i], &table);
		if (result <= 0)
			continue;
		if (record) {
			fwrite(&table.entry, sizeof(table.entry), 1, record);
			fwrite(table.bytes, 1, table.size, record);
		}
		ip_table_walk(&table, list);
		free((void *)table.bytes);
	}
	return result < 0 ? result : 0;
}

static int time_it(int times)
{
	for (int i = 0; i < times; i++) {
		struct nat_list list = { 0 };
		double start = now(), walk;
		int result = read_all(NULL, &list, &walk);
		if (result < 0)
			return result;
		printf("%.2f ms, of these %.2f ms to follow them, %zu rules, %llu unread\n", now() - start,
			walk, list.count, (unsigned long long)list.unread_total);
		nat_list_clear(&list);
	}
	return 0;
}

static int print(FILE *record)
{
	struct nat_list list = { 0 };
	struct facts *facts = facts_new();
	double walk;
	int result = facts ? read_all(record, &list, &walk) : -ENOMEM;
	if (result == 0)
		result = read_legacy(record, &list);
	if (result == 0)
		result = nat_list_copy(&list, facts);
	json_t *json = result == 0 ? rulesets_json(facts) : NULL;
	if (json)
		json_dumpf(json, stdout, JSON_INDENT(1));
	json_decref(json);
	nat_list_clear(&list);
	facts_free(facts);
	putchar('\n');
	return result;
}

int main(int argc, char **argv)
{
	FILE *record = argc == 3 && strcmp(argv[1], "--record") == 0 ? fopen(argv[2], "wbe") : NULL;
	int result = argc == 3 && strcmp(argv[1], "--time") == 0 ? time_it(atoi(argv[2])) : print(record);
	if (record)
		fclose(record);
	if (result < 0)
		fprintf(stderr, "%s\n", strerror(-result));
	return result == -EPERM || result == -EOPNOTSUPP ? 77 : result < 0;
}
