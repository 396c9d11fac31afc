// SPDX-License-Identifier: GPL-2.0-or-later
/* In place of taps_bpf.c where the build has no BPF. */
#include <errno.h>

#include "collectors/capture/taps.h"

static int taps_open(const struct taps_user *user, bool all, void **taps)
{
	(void)user, (void)all, (void)taps;
	return -EOPNOTSUPP;
}

const struct taps_kind taps_bpf = {
	.name = "bpf", .open = taps_open, .lacks = "this build has no BPF program"
};
