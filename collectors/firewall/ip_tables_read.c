// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/firewall/ip_tables.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netfilter.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

#include "collectors/base/procfs.h"

/* The structs of the two families are of the same layout but for the entries themselves. */
_Static_assert(sizeof(struct ipt_getinfo) == sizeof(struct ip6t_getinfo) &&
		       IPT_SO_GET_INFO == IP6T_SO_GET_INFO && IPT_SO_GET_ENTRIES == IP6T_SO_GET_ENTRIES,
	"one way to ask serves both");

static bool is_loaded(const char *procfs, uint8_t family, const char *table)
{
	char *text, *saved = NULL;
	bool found = false;
	const char *names = family == AF_INET ? "net/ip_tables_names" : "net/ip6_tables_names";
	if (procfs_read(procfs, names, &text, NULL) < 0)
		return false;
	for (char *line = strtok_r(text, "\n", &saved); line; line = strtok_r(NULL, "\n", &saved))
		found |= strcmp(line, table) == 0;
	free(text);
	return found;
}

static int read_entries(int fd, int level, const struct ipt_getinfo *info, struct ip_table *table)
{
	socklen_t size = (socklen_t)(sizeof(struct ipt_get_entries) + info->size);
	struct ipt_get_entries *entries = calloc(1, size);
	uint8_t *bytes = malloc(info->size + 1);
	int result = entries && bytes ? 1 : -ENOMEM;
	if (result > 0) {
		snprintf(entries->name, sizeof(entries->name), "%s", info->name);
		entries->size = info->size;
		if (getsockopt(fd, level, IPT_SO_GET_ENTRIES, entries, &size) < 0)
			result = -errno;
	}
	if (result > 0) {
		memcpy(bytes, entries->entrytable, info->size);
		ip_table_clear_counters(level == SOL_IP ? AF_INET : AF_INET6, bytes, info->size);
		*table = (struct ip_table){ .family = level == SOL_IP ? AF_INET : AF_INET6,
			.entry = info->hook_entry[NF_INET_PRE_ROUTING],
			.size = info->size,
			.bytes = bytes };
		for (unsigned i = 0; i < IP_TABLE_HOOKS; i++) {
			bool asked = info->valid_hooks & 1u << i;
			table->hooks[i] = asked ? info->hook_entry[i] : IP_TABLE_NO_ENTRY;
			table->policies[i] = asked ? info->underflow[i] : IP_TABLE_NO_ENTRY;
		}
		bytes = NULL;
	}
	free(bytes);
	free(entries);
	return result;
}

/* A socket that may ask for the table; 0: there is none; or negative errno. */
static int open_table(const char *procfs, uint8_t family, const char *name, struct ipt_getinfo *info)
{
	socklen_t size = sizeof(*info);
	*info = (struct ipt_getinfo){ 0 };
	snprintf(info->name, sizeof(info->name), "%s", name);
	if (!is_loaded(procfs, family, name))
		return 0;
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	int result = 0;
	if (getsockopt(fd, family == AF_INET ? SOL_IP : SOL_IPV6, IPT_SO_GET_INFO, info, &size) < 0)
		result = -errno;
	else
		return fd;
	close(fd);
	return result;
}

int ip_table_read(const char *procfs, uint8_t family, const char *name, struct ip_table *table)
{
	struct ipt_getinfo info;
	int fd = open_table(procfs, family, name, &info);
	if (fd <= 0)
		return fd;
	int result = info.size > IP_TABLE_SIZE_MAX
			     ? -EFBIG
			     : read_entries(fd, family == AF_INET ? SOL_IP : SOL_IPV6, &info, table);
	close(fd);
	return result;
}

/* ---- both, by a thread */

#define NAT_TABLE "nat"

static const uint8_t families[2] = { AF_INET, AF_INET6 };

static bool is_same(const struct ip_table *a, const struct ip_table *b)
{
	return a->size == b->size && a->entry == b->entry && !a->bytes == !b->bytes &&
	       (a->size == 0 || memcmp(a->bytes, b->bytes, a->size) == 0);
}

static void *read_tables(void *argument)
{
	struct ip_tables *tables = argument;
	for (unsigned i = 0; i < 2; i++) {
		struct ip_table table = { .family = families[i] };
		if (ip_table_read(tables->procfs, families[i], NAT_TABLE, &table) < 0)
			continue;
		tables->changed |= !is_same(&table, &tables->tables[i]);
		free((void *)tables->tables[i].bytes);
		tables->tables[i] = table;
	}
	atomic_store(&tables->done, true);
	return NULL;
}

int ip_tables_begin(struct ip_tables *tables)
{
	bool some = tables->tables[0].bytes || tables->tables[1].bytes;
	if (!some && !is_loaded(tables->procfs, AF_INET, NAT_TABLE) &&
		!is_loaded(tables->procfs, AF_INET6, NAT_TABLE))
		return 0;
	atomic_store(&tables->done, false);
	int error = pthread_create(&tables->thread, NULL, read_tables, tables);
	tables->running = error == 0;
	return -error;
}

bool ip_tables_end(struct ip_tables *tables)
{
	if (!tables->running || !atomic_load(&tables->done))
		return !tables->running;
	pthread_join(tables->thread, NULL);
	tables->running = false;
	return true;
}

void ip_tables_clear(struct ip_tables *tables)
{
	if (tables->running)
		pthread_join(tables->thread, NULL);
	for (unsigned i = 0; i < 2; i++)
		free((void *)tables->tables[i].bytes);
	*tables = (struct ip_tables){ 0 };
}
