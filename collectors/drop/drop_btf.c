// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/drop/drop_btf.h"

#include <bpf/btf.h>
#include <string.h>

#define PREFIX "SKB_DROP_REASON_"

static void take_number(const char *name, uint32_t number, uint32_t numbers[static DROP_REASONS])
{
	if (!name || strncmp(name, PREFIX, strlen(PREFIX)) != 0)
		return;
	for (int i = 0; i < DROP_REASONS; i++)
		if (strcasecmp(name + strlen(PREFIX), drop_reason_name((enum drop_reason)i)) == 0)
			numbers[i] = number;
}

bool drop_btf_numbers(const struct btf *btf, uint32_t numbers[static DROP_REASONS])
{
	int id = btf__find_by_name_kind(btf, "skb_drop_reason", BTF_KIND_ENUM);
	if (id < 0)
		return false;
	const struct btf_type *type = btf__type_by_id(btf, (__u32)id);
	const struct btf_enum *values = btf_enum(type);
	memset(numbers, 0, DROP_REASONS * sizeof(*numbers));
	for (unsigned i = 0; i < btf_vlen(type); i++)
		take_number(btf__name_by_offset(btf, values[i].name_off), (uint32_t)values[i].val, numbers);
	return true;
}
