// SPDX-License-Identifier: GPL-2.0-or-later
/* In place of drop_program.c where the build has no BPF. */
#include "collectors/drop/drop_program.h"

#include <errno.h>

const struct collector_lack drop_program_lacks[] = {
	{ -EOPNOTSUPP, "build", "this build has no BPF program" },
	{ 0 },
};

int drop_program_open(struct drop_program **out)
{
	(void)out;
	return -EOPNOTSUPP;
}

void drop_program_close(struct drop_program *program)
{
	(void)program;
}

int drop_program_read(struct drop_program *program, struct drop_counts *counts)
{
	(void)program, (void)counts;
	return -EOPNOTSUPP;
}

void drop_program_forget(struct drop_program *program, int ifindex, enum drop_reason reason)
{
	(void)program, (void)ifindex, (void)reason;
}
