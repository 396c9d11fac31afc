// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/http/auth.h"

#include <crypt.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A hash of nothing anybody can type, its cost left open. */
#define DECOY_FORMAT "$2y$%02u$7EqJtq98hPqEX7fNZaFWoOhi5B0j1iZ1p3zEwZpWQfmTsm9o0qJ3u"
#define COST_LEAST   4

/* Answers are remembered by a salted digest, so that no password stays in memory. */
#define DIGEST_METHOD "$5$"
#define DIGEST_ROUNDS 1000

#define REMEMBERED    64
#define CLIENTS_MOST  1024
#define PASSWORD_MOST (CRYPT_MAX_PASSPHRASE_SIZE / 2)

struct memory {
	char digests[REMEMBERED][AUTH_DIGEST_SIZE];
	unsigned next;
};

/* A leaking bucket: one failure less each AUTH_FORGIVE_NS. */
struct failing {
	struct address client;
	unsigned failures;
	int64_t since_ns;
};

struct auth {
	const struct web_user *users;
	size_t count;
	unsigned cost; /* the users' highest */
	char salt[CRYPT_GENSALT_OUTPUT_SIZE];
	struct crypt_data *data; /* the verifying thread's */
	pthread_t thread;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t wake;
	bool running;
	struct memory granted, denied;
	struct failing failing[CLIENTS_MOST];
	struct auth_question *waiting[AUTH_WAITING_MOST]; /* in the order of their coming */
	size_t waiting_count;
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

static unsigned cost_of(const char *hash)
{
	return (unsigned)strtoul(hash + strlen("$2y$"), NULL, 10);
}

/* ---- what is remembered; under the lock ---- */

static bool memory_has(const struct memory *memory, const char *digest)
{
	bool found = false;
	for (size_t i = 0; i < REMEMBERED; i++)
		found |= same(memory->digests[i], digest);
	return found;
}

static void memory_add(struct memory *memory, const char *digest)
{
	if (!memory_has(memory, digest))
		snprintf(memory->digests[memory->next++ % REMEMBERED], AUTH_DIGEST_SIZE, "%s", digest);
}

static void forgive(struct failing *failing, int64_t now_ns)
{
	int64_t forgiven = (now_ns - failing->since_ns) / AUTH_FORGIVE_NS;
	failing->failures -= forgiven < failing->failures ? (unsigned)forgiven : failing->failures;
	failing->since_ns += forgiven * AUTH_FORGIVE_NS;
}

/* The client's, or in place of the one that has failed least. */
static struct failing *failing_of(struct auth *auth, const struct address *client, int64_t now_ns)
{
	struct failing *least = &auth->failing[0];
	for (size_t i = 0; i < CLIENTS_MOST; i++) {
		struct failing *each = &auth->failing[i];
		forgive(each, now_ns);
		if (address_equal(&each->client, client))
			return each;
		if (each->failures < least->failures)
			least = each;
	}
	*least = (struct failing){ *client, 0, now_ns };
	return least;
}

/* ---- bcrypt ---- */

/* As much work as a hash of this cost. False if there is no bcrypt. */
static bool verify_decoy(unsigned cost, const char *password, struct crypt_data *data)
{
	char decoy[sizeof(DECOY_FORMAT) + 8];
	snprintf(decoy, sizeof(decoy), DECOY_FORMAT, cost);
	return hash_of(password, decoy, data);
}

/* 2^cost rounds whoever asks: what a user's hash costs less than the highest, decoys make up. */
static bool is_right(struct auth *auth, const struct auth_question *question)
{
	const struct web_user *user = NULL;
	for (size_t i = 0; i < auth->count && !user; i++)
		if (strcmp(auth->users[i].name, question->name) == 0)
			user = &auth->users[i];
	if (!user) {
		verify_decoy(auth->cost, question->password, auth->data);
		return false;
	}
	const char *computed = hash_of(question->password, user->hash, auth->data);
	bool right = computed && same(computed, user->hash);
	for (unsigned cost = cost_of(user->hash); cost < auth->cost; cost++)
		verify_decoy(cost, question->password, auth->data);
	return right;
}

/* Of those whose clients have failed least, who came first. NULL if nobody waits. */
static struct auth_question *next_waiting(struct auth *auth)
{
	size_t best = 0;
	if (auth->waiting_count == 0)
		return NULL;
	for (size_t i = 1; i < auth->waiting_count; i++)
		if (auth->waiting[i]->failures < auth->waiting[best]->failures)
			best = i;
	struct auth_question *question = auth->waiting[best];
	auth->waiting_count--;
	memmove(&auth->waiting[best], &auth->waiting[best + 1],
		(auth->waiting_count - best) * sizeof(*auth->waiting));
	return question;
}

static void *auth_run(void *argument)
{
	struct auth *auth = argument;
	pthread_mutex_lock(&auth->lock);
	while (auth->running) {
		struct auth_question *question = next_waiting(auth);
		if (!question) {
			pthread_cond_wait(&auth->wake, &auth->lock);
			continue;
		}
		bool known = memory_has(&auth->granted, question->digest);
		pthread_mutex_unlock(&auth->lock);
		bool right = known || is_right(auth, question);
		explicit_bzero(auth->data, sizeof(*auth->data));
		pthread_mutex_lock(&auth->lock);
		memory_add(right ? &auth->granted : &auth->denied, question->digest);
		struct failing *failing = failing_of(auth, &question->client, clock_ns(CLOCK_MONOTONIC));
		if (right && failing->failures > 0)
			failing->failures--;
		pthread_mutex_unlock(&auth->lock);
		question->result = right ? AUTH_GRANTED : AUTH_DENIED;
		question->answered(question);
		pthread_mutex_lock(&auth->lock);
	}
	pthread_mutex_unlock(&auth->lock);
	return NULL;
}

/* ---- questions ---- */

static bool make_digest(const struct auth *auth, struct auth_question *question)
{
	char both[CRYPT_MAX_PASSPHRASE_SIZE];
	struct crypt_data *data = calloc(1, sizeof(*data));
	if (!data)
		return false;
	snprintf(both, sizeof(both), "%s:%s", question->name, question->password);
	const char *hash = hash_of(both, auth->salt, data);
	if (hash)
		snprintf(question->digest, sizeof(question->digest), "%s", hash);
	explicit_bzero(both, sizeof(both));
	explicit_bzero(data, sizeof(*data));
	free(data);
	return hash;
}

enum auth_result auth_recall(struct auth *auth, struct auth_question *question)
{
	/* Longer ones would be cut in the digest, and be taken for each other. */
	if (strlen(question->name) >= PASSWORD_MOST || strlen(question->password) >= PASSWORD_MOST - 1)
		return question->result = AUTH_DENIED;
	if (!make_digest(auth, question))
		return question->result = AUTH_BUSY;
	pthread_mutex_lock(&auth->lock);
	question->result = memory_has(&auth->granted, question->digest)  ? AUTH_GRANTED
			   : memory_has(&auth->denied, question->digest) ? AUTH_DENIED
									 : AUTH_UNKNOWN;
	if (question->result == AUTH_UNKNOWN) {
		struct failing *failing = failing_of(auth, &question->client, clock_ns(CLOCK_MONOTONIC));
		if (failing->failures >= AUTH_FAILURES_MOST)
			question->result = AUTH_LIMITED;
	}
	pthread_mutex_unlock(&auth->lock);
	return question->result;
}

/* Takes a place if there is one. Returns who goes without one: the question itself, another, or nobody. */
static struct auth_question *wait_for_turn(struct auth *auth, struct auth_question *question)
{
	struct auth_question *goes = NULL;
	if (!auth->running)
		return question;
	if (auth->waiting_count == AUTH_WAITING_MOST) {
		size_t worst = 0;
		for (size_t i = 1; i < AUTH_WAITING_MOST; i++)
			if (auth->waiting[i]->failures >= auth->waiting[worst]->failures)
				worst = i;
		if (auth->waiting[worst]->failures <= question->failures)
			return question;
		goes = auth->waiting[worst];
		auth->waiting_count--;
		memmove(&auth->waiting[worst], &auth->waiting[worst + 1],
			(auth->waiting_count - worst) * sizeof(*auth->waiting));
	}
	auth->waiting[auth->waiting_count++] = question;
	return goes;
}

/* A question counts as a failure until it is answered: many at once are no way around the limit. */
void auth_verify(struct auth *auth, struct auth_question *question)
{
	pthread_mutex_lock(&auth->lock);
	struct failing *failing = failing_of(auth, &question->client, clock_ns(CLOCK_MONOTONIC));
	question->failures = failing->failures;
	struct auth_question *refused = wait_for_turn(auth, question);
	if (refused != question) {
		if (failing->failures++ == 0)
			failing->since_ns = clock_ns(CLOCK_MONOTONIC);
		pthread_cond_signal(&auth->wake);
	}
	pthread_mutex_unlock(&auth->lock);
	if (refused) {
		refused->result = AUTH_BUSY;
		refused->answered(refused);
	}
}

void auth_question_clear(struct auth_question *question)
{
	if (question->password)
		explicit_bzero(question->password, strlen(question->password));
	free(question->name);
	free(question->password);
	question->name = question->password = NULL;
}

/* ---- start and end ---- */

int auth_new(const struct web_user *users, size_t count, struct auth **out)
{
	struct auth *auth = calloc(1, sizeof(*auth));
	struct crypt_data *data = calloc(1, sizeof(*data));
	if (!auth || !data) {
		free(auth);
		free(data);
		return -ENOMEM;
	}
	auth->users = users;
	auth->count = count;
	auth->data = data;
	auth->cost = COST_LEAST;
	for (size_t i = 0; i < count; i++)
		if (cost_of(users[i].hash) > auth->cost)
			auth->cost = cost_of(users[i].hash);
	pthread_mutex_init(&auth->lock, NULL);
	pthread_cond_init(&auth->wake, NULL);
	/* Without random bytes of ours, libcrypt takes them from the kernel. */
	bool works = verify_decoy(COST_LEAST, "", data) &&
		     crypt_gensalt_rn(DIGEST_METHOD, DIGEST_ROUNDS, NULL, 0, auth->salt, sizeof(auth->salt));
	auth->running = works;
	int error = works ? pthread_create(&auth->thread, NULL, auth_run, auth) : ENOSYS;
	if (error != 0) {
		auth->running = false;
		auth_free(auth);
		return -error;
	}
	pthread_setname_np(auth->thread, "password");
	*out = auth;
	return 0;
}

void auth_stop(struct auth *auth)
{
	if (!auth)
		return;
	pthread_mutex_lock(&auth->lock);
	bool running = auth->running;
	auth->running = false;
	pthread_cond_signal(&auth->wake);
	pthread_mutex_unlock(&auth->lock);
	if (running)
		pthread_join(auth->thread, NULL);
	for (struct auth_question *question; (question = next_waiting(auth));) {
		question->result = AUTH_BUSY;
		question->answered(question);
	}
}

void auth_free(struct auth *auth)
{
	if (!auth)
		return;
	pthread_mutex_destroy(&auth->lock);
	pthread_cond_destroy(&auth->wake);
	free(auth->data);
	free(auth);
}
