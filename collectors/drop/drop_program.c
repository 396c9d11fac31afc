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

#include "collectors/base/growth.h"
#include "collectors/drop/drop_btf.h"
#include "collectors/drop/drops.h"
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

const char drop_program_lacks[] = "this kernel has no BTF, or tells no drop reasons there (Linux 5.18)";

static int keep_quiet(enum libbpf_print_level level, const char *format, va_list arguments)
{
	(void)level, (void)format, (void)arguments;
	return 0;
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
	return error == -ENOPROTOOPT ? -EOPNOTSUPP : error;
}

static int read_numbers(uint32_t numbers[static DROP_REASONS])
{
	struct btf *btf = btf__load_vmlinux_btf();
	if (!btf)
		return errno == ENOMEM ? -ENOMEM : -EOPNOTSUPP;
	bool known = drop_btf_numbers(btf, numbers);
	btf__free(btf);
	return known ? 0 : -EOPNOTSUPP;
}

static uint32_t fill_in_reasons(struct drops_bpf *object, const uint32_t numbers[static DROP_REASONS])
{
	uint32_t reasons = 0;
	for (unsigned i = 0; i < DROP_REASONS; i++) {
		if (numbers[i] == 0 || numbers[i] >= DROPS_REASONS_MAX)
			continue;
		object->rodata->reason_of[numbers[i]] = (__u8)(i + 1);
		reasons |= UINT32_C(1) << i;
	}
	return reasons;
}

/* The verifier's refusals are no lack of privilege. */
static int load_error(int error)
{
	return error == -EACCES || error == -EINVAL || error == -ESRCH ? -EOPNOTSUPP : error;
}

static int load(struct drop_program *program)
{
	uint32_t numbers[DROP_REASONS];
	uint64_t cookie;
	int error = read_cookie(&cookie);
	if (error == 0)
		error = read_numbers(numbers);
	if (error < 0)
		return error;
	program->object = drops_bpf__open();
	if (!program->object)
		return -errno;
	program->object->rodata->watched_cookie = cookie;
	program->reasons = fill_in_reasons(program->object, numbers);
	if (program->reasons == 0)
		return -EOPNOTSUPP;
	error = drops_bpf__load(program->object);
	return load_error(error < 0 ? error : drops_bpf__attach(program->object));
}

static int prepare(struct drop_program *program)
{
	program->cpus = libbpf_num_possible_cpus();
	if (program->cpus < 0)
		return program->cpus;
	program->values = calloc((size_t)program->cpus, sizeof(*program->values));
	return program->values ? load(program) : -ENOMEM;
}

int drop_program_open(struct drop_program **out)
{
	struct drop_program *program = calloc(1, sizeof(*program));
	if (!program)
		return -ENOMEM;
	libbpf_set_print(keep_quiet);
	int error = prepare(program);
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

uint32_t drop_program_reasons(const struct drop_program *program)
{
	return program->reasons;
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

static int read_entry(struct drop_program *program, const struct drops_key *key, struct drop_counts *counts)
{
	uint64_t packets;
	int error = read_sum(program, program->object->maps.drops, key, &packets);
	if (error < 0)
		return error;
	struct drop_count *item = GROW(counts->items, counts->count);
	if (!item)
		return -ENOMEM;
	*item = (struct drop_count){ key->ifindex, (enum drop_reason)key->reason, packets };
	return 0;
}

static int read_entries(struct drop_program *program, struct drop_counts *counts)
{
	struct drops_key key, next;
	const struct drops_key *last = NULL;
	/* Nobody but this thread removes entries, so the walk never begins anew. */
	for (int i = 0; i < DROPS_ENTRIES_MAX; i++) {
		int error = bpf_map_get_next_key(bpf_map__fd(program->object->maps.drops), last, &next);
		if (error == 0)
			error = read_entry(program, &next, counts);
		else if (error == -ENOENT)
			return 0;
		if (error < 0)
			return error;
		key = next;
		last = &key;
	}
	return 0;
}

/* While the program runs the kernel does not run it again on that CPU: what an interrupt drops meanwhile goes
 * uncounted, for whatever reason and in whichever namespace. */
static int read_misses(const struct drop_program *program, uint64_t *misses)
{
	struct bpf_prog_info info = { 0 };
	__u32 size = sizeof(info);
	int error = bpf_obj_get_info_by_fd(bpf_program__fd(program->object->progs.count_drop), &info, &size);
	if (error < 0)
		return error;
	*misses = info.recursion_misses;
	return 0;
}

static int read_uncounted(struct drop_program *program, uint64_t *uncounted)
{
	const __u32 first = 0;
	uint64_t omitted, misses = 0;
	int error = read_sum(program, program->object->maps.omitted, &first, &omitted);
	if (error == 0)
		error = read_misses(program, &misses);
	if (error == 0)
		*uncounted = omitted + misses;
	return error;
}

int drop_program_read(struct drop_program *program, struct drop_counts *counts, uint64_t *uncounted)
{
	struct drop_counts read = { 0 };
	int error = read_entries(program, &read);
	if (error == 0)
		error = read_uncounted(program, uncounted);
	if (error < 0) {
		free(read.items);
		return error;
	}
	*counts = read;
	return 0;
}

void drop_program_forget(struct drop_program *program, int ifindex, enum drop_reason reason)
{
	const struct drops_key key = { .ifindex = ifindex, .reason = reason };
	bpf_map_delete_elem(bpf_map__fd(program->object->maps.drops), &key);
}
