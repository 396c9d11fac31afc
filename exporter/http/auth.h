/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Names and passwords against bcrypt hashes. bcrypt is slow on purpose, so answers are remembered, one
 * verification runs at a time and few wait for it: guessing cannot occupy the threads that serve others. A
 * name that is not known costs as much as one that is.
 */

#include <stddef.h>

#include "exporter/http/web_config.h"

struct auth;

/* The users are lent until auth_free(). 0, -ENOMEM, or -ENOSYS if this libcrypt lacks bcrypt. */
int auth_new(const struct web_user *users, size_t count, struct auth **out);
void auth_free(struct auth *auth);

enum auth_result { AUTH_GRANTED, AUTH_DENIED, AUTH_BUSY };

/* Any thread. AUTH_BUSY: too many wait already, or memory is out; to be tried again. */
enum auth_result auth_check(struct auth *auth, const char *name, const char *password);
