/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Names and passwords against bcrypt hashes. bcrypt is slow on purpose, so one thread of its own computes it,
 * for those first whose clients have failed least, and answers are remembered: what was right in a place that
 * wrong guesses cannot take, and never refused for what others, or the same client, guess. Too many failures
 * of one client are refused without bcrypt.
 *
 * Each question costs bcrypt 2^c rounds, where c is the highest cost of all users: a known name takes as long
 * as an unknown one.
 */

#include <stddef.h>

#include "collectors/base/address.h"
#include "collectors/base/clock.h"
#include "exporter/http/web_config.h"

#define AUTH_WAITING_MOST 32
/* So many failures of one client at once; later ones are forgiven one by one. */
#define AUTH_FAILURES_MOST 10
#define AUTH_FORGIVE_NS    (6 * SECOND_NS)

#define AUTH_DIGEST_SIZE 128

struct auth;

/* The users are lent until auth_free(). 0, -ENOMEM, -ENOSYS if this libcrypt lacks bcrypt, or
 * pthread_create's negative errno. */
int auth_new(const struct web_user *users, size_t count, struct auth **out);
/* Answers all that wait, and those that come later, with AUTH_BUSY. Accepts NULL. */
void auth_stop(struct auth *auth);
/* Nobody may ask any more. Accepts NULL. */
void auth_free(struct auth *auth);

enum auth_result {
	AUTH_UNKNOWN, /* to be verified */
	AUTH_GRANTED,
	AUTH_DENIED,
	AUTH_LIMITED, /* this client has failed too often */
	AUTH_BUSY,    /* too many wait already, or memory is out; to be tried again */
};

struct auth_question {
	struct address client; /* guard_client() */
	char *name, *password; /* freed by auth_question_clear() */
	/* Called once for auth_verify(), on the verifying thread or within; the question is the caller's
	 * again. */
	void (*answered)(struct auth_question *question);
	enum auth_result result;
	char digest[AUTH_DIGEST_SIZE]; /* these are of auth.c */
	unsigned failures;
};

/* Any thread; takes about half a millisecond. Sets and returns the result, AUTH_UNKNOWN if bcrypt must tell.
 */
enum auth_result auth_recall(struct auth *auth, struct auth_question *question);
/* Any thread, when auth_recall() has said AUTH_UNKNOWN: the result comes by ->answered(). The question is
 * lent until then. */
void auth_verify(struct auth *auth, struct auth_question *question);
/* Passwords are wiped. */
void auth_question_clear(struct auth_question *question);
