/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The listen collector's parser, exposed for tests. */

#include <libmnl/libmnl.h>

#include "collectors/facts.h"

/* Reads one SOCK_DIAG_BY_FAMILY answer. 0 or -EBADMSG. */
int listen_parse(const struct nlmsghdr *header, struct listener *out);
