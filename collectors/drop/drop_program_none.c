// SPDX-License-Identifier: GPL-2.0-or-later
/* In place of drop_program.c where the build has no BPF. */
#include "collectors/drop/drop_program.h"

#include <errno.h>

const char drop_program_lacks[] = "this build has no BPF program";

int drop_program_open(struct drop_program **out)
{
	(void)out;
	return -EOPNOTSUPP;
}

void drop_program_close(struct drop_program *program)
{
	(void)program;
}

uint32_t drop_program_reasons(const struct drop_program *program)
{
	(void)program;
	return 0;
}

int drop_program_read(struct drop_program *program, struct drop_counts *counts, uint64_t *uncounted)
{
	(void)program, (void)counts, (void)uncounted;
	return -EOPNOTSUPP;
}

void drop_program_forget(struct drop_program *program, int ifindex, enum drop_reason reason)
{
	(void)program, (void)ifindex, (void)reason;
}
