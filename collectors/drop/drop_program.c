// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/drop/drop_program.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "collectors/base/array.h"
#include "collectors/drop/drop_record.h"
#include "drops.skel.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

struct drop_program {
	struct drops_bpf *object;
	uint32_t reasons;
	int cpus;
	__u64 *values; /* of one key, one for each possible CPU */
};

#define VMLINUX_BTF "/sys/kernel/btf/vmlinux"

const struct collector_lack drop_program_lacks[] = {
	{ -ENOENT, "kernel", "this kernel has no BTF (" VMLINUX_BTF ")" },
	{ -ENODATA, "kernel", "this kernel tells no drop reasons (Linux 5.18)" },
	{ -ENOEXEC, "kernel", "this kernel refuses the program that counts" },
	{ 0 },
};

static int keep_quiet(enum libbpf_print_level level, const char *format, va_list arguments)
{
	(void)level, (void)format, (void)arguments;
	return 0;
}

#define PREFIX "SKB_DROP_REASON_"

bool drop_btf_numbers(const struct btf *btf, uint32_t numbers[static DROP_REASONS])
{
	int id = btf__find_by_name_kind(btf, "skb_drop_reason", BTF_KIND_ENUM);
	if (id < 0)
		return false;
	const struct btf_type *type = btf__type_by_id(btf, (__u32)id);
	const struct btf_enum *values = btf_enum(type);
	memset(numbers, 0, DROP_REASONS * sizeof(*numbers));
	for (unsigned i = 0; i < btf_vlen(type); i++) {
		const char *name = btf__name_by_offset(btf, values[i].name_off);
		if (!name || strncmp(name, PREFIX, strlen(PREFIX)) != 0)
			continue;
		for (int reason = 0; reason < DROP_REASONS; reason++)
			if (strcasecmp(name + strlen(PREFIX), drop_reason_name((enum drop_reason)reason)) ==
				0)
				numbers[reason] = (uint32_t)values[i].val;
	}
	return true;
}

/* Of the network namespace the thread stands in, which has it as long as it exists. */
static int read_cookie(uint64_t *cookie)
{
	socklen_t size = sizeof(*cookie);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	int error = getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, cookie, &size) < 0 ? -errno : 0;
	close(fd);
	return error == -ENOPROTOOPT ? -ENODATA : error; /* it is as old */
}

static int drop_program_load(struct drop_program *program)
{
	uint32_t numbers[DROP_REASONS];
	uint64_t cookie;
	int error = read_cookie(&cookie);
	if (error < 0)
		return error;
	/* btf__load_vmlinux_btf() would not say why it could not. */
	struct btf *btf = btf__parse(VMLINUX_BTF, NULL);
	if (!btf)
		return -errno;
	bool known = drop_btf_numbers(btf, numbers);
	btf__free(btf);
	if (!known)
		return -ENODATA;
	program->object = drops_bpf__open();
	if (!program->object)
		return -errno;
	program->object->rodata->watched_cookie = cookie;
	for (unsigned i = 0; i < DROP_REASONS; i++) {
		if (numbers[i] == 0 || numbers[i] >= DROPS_REASONS_MAX)
			continue;
		program->object->rodata->reason_of[numbers[i]] = (__u8)(i + 1);
		program->reasons |= UINT32_C(1) << i;
	}
	if (program->reasons == 0)
		return -ENODATA;
	error = drops_bpf__load(program->object);
	if (error == 0)
		error = drops_bpf__attach(program->object);
	/* The verifier's refusals are no lack of privilege. */
	bool refused = error == -EACCES || error == -EINVAL || error == -ESRCH || error == -ENOENT;
	return refused ? -ENOEXEC : error;
}

int drop_program_open(struct drop_program **out)
{
	struct drop_program *program = calloc(1, sizeof(*program));
	if (!program)
		return -ENOMEM;
	libbpf_set_print(keep_quiet);
	program->cpus = libbpf_num_possible_cpus();
	int error = program->cpus < 0 ? program->cpus : 0;
	if (error == 0) {
		program->values = calloc((size_t)program->cpus, sizeof(*program->values));
		error = program->values ? drop_program_load(program) : -ENOMEM;
	}
	if (error < 0) {
		drop_program_close(program);
		return error;
	}
	*out = program;
	return 0;
}

void drop_program_close(struct drop_program *program)
{
	if (!program)
		return;
	drops_bpf__destroy(program->object);
	free(program->values);
	free(program);
}

/* ---- reading ---- */

static int read_sum(struct drop_program *program, const struct bpf_map *map, const void *key, uint64_t *sum)
{
	int error = bpf_map_lookup_elem(bpf_map__fd(map), key, program->values);
	if (error < 0)
		return error;
	*sum = 0;
	for (int i = 0; i < program->cpus; i++)
		*sum += program->values[i];
	return 0;
}

static int read_entries(struct drop_program *program, struct drop_counts *counts)
{
	const struct bpf_map *drops = program->object->maps.drops;
	struct drops_key key, next;
	const struct drops_key *last = NULL;
	/* Nobody but this thread removes entries, so the walk never begins anew. */
	for (int i = 0; i < DROPS_ENTRIES_MAX; i++) {
		uint64_t packets = 0;
		int error = bpf_map_get_next_key(bpf_map__fd(drops), last, &next);
		if (error == -ENOENT)
			return 0;
		if (error == 0)
			error = read_sum(program, drops, &next, &packets);
		if (error < 0)
			return error;
		struct drop_count *item = ARRAY_ADD(counts->items, counts->count);
		if (!item)
			return -ENOMEM;
		*item = (struct drop_count){ next.ifindex, (enum drop_reason)next.reason, packets };
		key = next;
		last = &key;
	}
	return 0;
}

int drop_program_read(struct drop_program *program, struct drop_counts *counts)
{
	const __u32 first = 0;
	struct drop_counts read = { .reasons = program->reasons };
	struct bpf_prog_info info = { 0 };
	__u32 size = sizeof(info);
	int error = read_entries(program, &read);
	if (error == 0)
		error = read_sum(program, program->object->maps.omitted, &first, &read.uncounted);
	/* While the program runs the kernel does not run it again on that CPU: what an interrupt drops
	 * meanwhile goes uncounted, for whatever reason and in whichever namespace. */
	if (error == 0)
		error = bpf_obj_get_info_by_fd(
			bpf_program__fd(program->object->progs.count_drop), &info, &size);
	if (error < 0) {
		free(read.items);
		return error;
	}
	read.uncounted += info.recursion_misses;
	*counts = read;
	return 0;
}

void drop_program_forget(struct drop_program *program, int ifindex, enum drop_reason reason)
{
	const struct drops_key key = { .ifindex = ifindex, .reason = reason };
	bpf_map_delete_elem(bpf_map__fd(program->object->maps.drops), &key);
}
