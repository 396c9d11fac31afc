/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>

/* Moves the calling thread into a network namespace: one that `ip netns` knows by name, or a file (anything
 * with a slash). To be called on the main thread, since /proc/net shows that thread's namespace. 0, or
 * negative errno with one line in message. */
int namespace_enter(const char *name_or_path, char *message, size_t size);
