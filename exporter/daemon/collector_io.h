/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Lets the collectors do their own work from the loop: one piece when a descriptor is readable or when the
 * time has come that the collector asked for. Collectors that fail again and again are left alone for a
 * while. */

#include "exporter/daemon/loop.h"
#include "exporter/daemon/observer.h"

struct collector_io;

/* changed() is called when a collector says that its facts changed. loop and observer are lent. 0 or negative
 * errno. */
int collector_io_new(struct loop *loop, struct observer *observer, void (*changed)(void *argument),
	void *argument, struct collector_io **out);
/* Before the observer is closed. Accepts NULL. */
void collector_io_free(struct collector_io *io);
/* Takes notice of collectors that could start since. */
void collector_io_refresh(struct collector_io *io);

/* In a loop of its own, for so long. 0 or negative errno. */
int collector_io_run(struct observer *observer, int64_t duration_ns);
/* Likewise, or until the descriptor is readable. */
int collector_io_run_until(struct observer *observer, int64_t duration_ns, int descriptor);
/* Until all collectors are settled, or the time is over: for one look at the host. 0 or negative errno. */
int collector_io_settle(struct observer *observer, int64_t timeout_ns);
