/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * By which devices replies were seen leaving, beside what lookups predict. A handshake that merely began
 * shows nothing: a scanner's would. Where several services share an address, their ports tell them apart.
 */

#include "alerts/finding.h"
#include "alerts/wire.h"

/* SYN-ACKs of a service that left by another device than the SYN came by. */
struct observed {
	struct device_set devices; /* those other devices; empty: nothing of the kind was seen */
	struct wire_observation observation;
	bool completes; /* connections do complete that way */
};

/* Other devices do not count, as long as connections complete by them, where requests for the service come by
 * them as well or where routes spread the replies. */
struct observed observe_replies(
	const struct judge_context *context, const struct service *service, int arrival);

/* Judges one service whose replies may leave by another device than `arrival`, by which its requests come. */
typedef void observed_judge_function(const struct judge_context *context, const struct service *service,
	int arrival, struct findings *candidates);

/* Calls it for each service of which a SYN-ACK was seen leaving by another device than the SYN came by,
 * and that device; for the same one more than once, if it is seen in several ways. */
void observed_each(
	const struct judge_context *context, observed_judge_function *function, struct findings *candidates);

/* What was seen speaks against the path's prediction: connections like it complete, answered by the device
 * they came by. */
bool observed_refutes(const struct judge_context *context, size_t path);

/* The candidates of reply_wrong_device that no lookup predicts. */
void observed_wrong_devices(const struct judge_context *context, struct findings *candidates);

/* No device owns the service's address: it stands on lo, or is not this host's. Such an address (anycast,
 * provider-independent, direct server return) may be reached by any device, so replies that take another one
 * are no fault unless they fail. */
bool observed_is_floating(const struct judge_context *context, const struct service *service);
