/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the wire shows, as people read it. Each returns text. Names of devices are not escaped. */

#include "collectors/facts.h"

#define OUTCOMES_TEXT_SIZE 256
#define ENDPOINT_TEXT_SIZE (ADDRESS_TEXT_SIZE + sizeof("[]:65535"))
#define WAY_TEXT_SIZE      (2 * IF_NAMESIZE + sizeof("in , out "))

uint64_t outcomes_total(const uint64_t counts[static HANDSHAKE_OUTCOMES]);
/* "12 completed, 3 one_way", outcomes that did not occur left out; "" if none did. */
const char *outcomes_text(
	const uint64_t counts[static HANDSHAKE_OUTCOMES], char text[static OUTCOMES_TEXT_SIZE]);
/* "3 limit, 1 memory" of the devices that are not captured on; "" if there are none. */
const char *unwatched_text(
	const uint32_t counts[static UNWATCHED_REASONS], char text[static OUTCOMES_TEXT_SIZE]);
/* "192.0.2.1:22", "[2001:db8::1]:22" */
const char *endpoint_text(const struct address *address, uint16_t port, char text[static ENDPOINT_TEXT_SIZE]);
/* "in eth0, out eth1"; "" if no device is known. */
const char *way_text(
	const struct facts *facts, const struct device_pair *way, char text[static WAY_TEXT_SIZE]);
