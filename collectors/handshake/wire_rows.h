/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The rows of the handshake report as they are shown: those of devices that had the same name, one after the
 * other, are one, in the place of the first. Each name is looked up once, and the rows are sorted: n log n.
 *
 * 0 with *rows to be freed; or -ENOMEM with no rows. */

#include "collectors/facts.h"

/* "other" for HANDSHAKE_OTHER_DEVICES, "" for 0. */
const char *wire_name(const struct facts *facts, int device);

int wire_devices(const struct facts *facts, struct handshake_device **rows, size_t *count);
int wire_pairs(const struct facts *facts, struct handshake_pair **rows, size_t *count);
int wire_captures(const struct facts *facts, struct capture **rows, size_t *count);
