// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/drop/drop_btf.h"

#include <bpf/btf.h>
#include <string.h>

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
