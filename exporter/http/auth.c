// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/http/auth.h"

#include <crypt.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A hash of nothing anybody can type: verified for names that are not known. */
#define DUMMY_HASH "$2y$10$7EqJtq98hPqEX7fNZaFWoOhi5B0j1iZ1p3zEwZpWQfmTsm9o0qJ3u"

/* Answers are remembered by a salted digest, so that no password stays in memory. */
#define DIGEST_METHOD "$5$"
#define DIGEST_ROUNDS 1000
#define DIGEST_SIZE   128

#define REMEMBERED    64
#define MOST_WAITING  2
#define PASSWORD_MOST (CRYPT_MAX_PASSPHRASE_SIZE / 2)

struct memory {
	char digest[DIGEST_SIZE];
	bool granted;
};

struct auth {
	const struct web_user *users;
	size_t count;
	char salt[CRYPT_GENSALT_OUTPUT_SIZE];
	atomic_uint waiting;
	pthread_mutex_t verifying; /* one bcrypt at a time */
	pthread_mutex_t lock;      /* of what follows */
	struct memory memories[REMEMBERED];
	unsigned next;
};

/* In constant time for equal lengths. */
static bool same(const char *a, const char *b)
{
	size_t length = strlen(a);
	unsigned char difference = 0;
	if (strlen(b) != length)
		return false;
	for (size_t i = 0; i < length; i++)
		difference |= (unsigned char)(a[i] ^ b[i]);
	return difference == 0;
}

/* crypt_r()'s result starts with "*" if it failed. NULL then. */
static const char *hash_of(const char *password, const char *setting, struct crypt_data *data)
{
	const char *hash = crypt_r(password, setting, data);
	return hash && *hash != '*' ? hash : NULL;
}

static bool auth_recall(struct auth *auth, const char *digest, bool *granted)
{
	bool found = false;
	pthread_mutex_lock(&auth->lock);
	for (size_t i = 0; i < REMEMBERED && !found; i++)
		if (same(auth->memories[i].digest, digest)) {
			*granted = auth->memories[i].granted;
			found = true;
		}
	pthread_mutex_unlock(&auth->lock);
	return found;
}

static void auth_remember(struct auth *auth, const char *digest, bool granted)
{
	pthread_mutex_lock(&auth->lock);
	struct memory *memory = &auth->memories[auth->next++ % REMEMBERED];
	snprintf(memory->digest, sizeof(memory->digest), "%s", digest);
	memory->granted = granted;
	pthread_mutex_unlock(&auth->lock);
}

/* AUTH_BUSY if too many wait already. */
static enum auth_result auth_verify(
	struct auth *auth, const char *name, const char *password, struct crypt_data *data)
{
	enum auth_result result = AUTH_BUSY;
	const char *hash = DUMMY_HASH;
	bool known = false;
	for (size_t i = 0; i < auth->count && !known; i++)
		if (strcmp(auth->users[i].name, name) == 0) {
			known = true;
			hash = auth->users[i].hash;
		}
	if (atomic_fetch_add(&auth->waiting, 1) < MOST_WAITING) {
		pthread_mutex_lock(&auth->verifying);
		const char *computed = hash_of(password, hash, data);
		pthread_mutex_unlock(&auth->verifying);
		result = computed && same(computed, hash) && known ? AUTH_GRANTED : AUTH_DENIED;
	}
	atomic_fetch_sub(&auth->waiting, 1);
	return result;
}

enum auth_result auth_check(struct auth *auth, const char *name, const char *password)
{
	char both[CRYPT_MAX_PASSPHRASE_SIZE], digest[DIGEST_SIZE];
	enum auth_result result = AUTH_BUSY;
	bool granted;
	/* Longer ones would be cut in the digest, and be taken for each other. */
	if (strlen(name) >= PASSWORD_MOST || strlen(password) >= PASSWORD_MOST - 1)
		return AUTH_DENIED;
	struct crypt_data *data = calloc(1, sizeof(*data));
	if (!data)
		return AUTH_BUSY;
	snprintf(both, sizeof(both), "%s:%s", name, password);
	const char *hash = hash_of(both, auth->salt, data);
	explicit_bzero(both, sizeof(both));
	if (hash) {
		snprintf(digest, sizeof(digest), "%s", hash);
		if (auth_recall(auth, digest, &granted)) {
			result = granted ? AUTH_GRANTED : AUTH_DENIED;
		} else {
			result = auth_verify(auth, name, password, data);
			if (result != AUTH_BUSY)
				auth_remember(auth, digest, result == AUTH_GRANTED);
		}
	}
	explicit_bzero(data, sizeof(*data));
	free(data);
	return result;
}

int auth_new(const struct web_user *users, size_t count, struct auth **out)
{
	struct crypt_data *data = calloc(1, sizeof(*data));
	bool bcrypt_works = data && hash_of("", DUMMY_HASH, data);
	free(data);
	if (!bcrypt_works)
		return -ENOSYS;
	struct auth *auth = calloc(1, sizeof(*auth));
	if (!auth)
		return -ENOMEM;
	auth->users = users;
	auth->count = count;
	/* Without random bytes of ours, libcrypt takes them from the kernel. */
	if (!crypt_gensalt_rn(DIGEST_METHOD, DIGEST_ROUNDS, NULL, 0, auth->salt, sizeof(auth->salt))) {
		free(auth);
		return -ENOSYS;
	}
	pthread_mutex_init(&auth->verifying, NULL);
	pthread_mutex_init(&auth->lock, NULL);
	*out = auth;
	return 0;
}

void auth_free(struct auth *auth)
{
	if (!auth)
		return;
	pthread_mutex_destroy(&auth->verifying);
	pthread_mutex_destroy(&auth->lock);
	free(auth);
}
