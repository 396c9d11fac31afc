/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The picture of a finding: the round trip of its connections as a drawing, with the numbers that were seen.
 */

#include "alerts/round_trip.h"
#include "exporter/page/diagram.h"

void picture_of(const struct round_trip *trip, struct diagram *out);
