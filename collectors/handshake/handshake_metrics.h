/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "collectors/metric.h"

extern const struct metric_family handshake_metrics[];
