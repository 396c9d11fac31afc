/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The rows of the handshake report as they are shown: those of devices that had the same name, one after the
 * other, are one. Each function below takes the position *at, 0 at first, on to the next row; false after the
 * last. */

#include "collectors/facts.h"

/* "other" for HANDSHAKE_OTHER_DEVICES, "" for 0. */
const char *wire_name(const struct facts *facts, int device);

bool wire_next_device(const struct facts *facts, size_t *at, struct handshake_device *row);
bool wire_next_pair(const struct facts *facts, size_t *at, struct handshake_pair *row);
bool wire_next_capture(const struct facts *facts, size_t *at, struct capture *row);
/* The captures of that name, or false if there are none. */
bool wire_find_capture(const struct facts *facts, const char *name, struct capture *row);
