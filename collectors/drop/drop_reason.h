/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The names of enum drop_reason. Pure. */

#include "collectors/facts.h"

/* As in labels: "ip_rpfilter". The kernel's name is that in capitals, behind SKB_DROP_REASON_. */
const char *drop_reason_name(enum drop_reason reason);
