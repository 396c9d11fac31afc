// SPDX-License-Identifier: GPL-2.0-or-later
/* Passwords: what is remembered, what it costs, and who is served first. bcrypt is counted, and held up where
 * a queue is wanted; nothing looks at a clock. */
#include "tests/support/unit.h"

#include <crypt.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exporter/http/auth.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* What the wrapped crypt_r() sees; tests run one after the other. */
static struct {
	atomic_ullong rounds; /* of bcrypt, 2^cost each */
	pthread_mutex_t gate; /* held by a test: bcrypt waits */
	atomic_uint entered;
} seen = { .gate = PTHREAD_MUTEX_INITIALIZER };

char *__real_crypt_r(const char *phrase, const char *setting, struct crypt_data *data);
char *__wrap_crypt_r(const char *phrase, const char *setting, struct crypt_data *data);

char *__wrap_crypt_r(const char *phrase, const char *setting, struct crypt_data *data)
{
	if (strncmp(setting, "$2", 2) == 0) {
		atomic_fetch_add(&seen.rounds, 1ULL << strtoul(setting + 4, NULL, 10));
		atomic_fetch_add(&seen.entered, 1);
		pthread_mutex_lock(&seen.gate);
		pthread_mutex_unlock(&seen.gate);
	}
	return __real_crypt_r(phrase, setting, data);
}

static struct web_user user_with(const char *name, const char *password, unsigned cost)
{
	struct web_user user = { .name = strdup(name) };
	struct crypt_data *data = calloc(1, sizeof(*data));
	char salt[CRYPT_GENSALT_OUTPUT_SIZE];
	assert_non_null(crypt_gensalt_rn("$2y$", cost, "0123456789abcdef", 16, salt, sizeof(salt)));
	const char *hash = __real_crypt_r(password, salt, data);
	assert_int_equal(strlen(hash), sizeof(user.hash) - 1);
	strcpy(user.hash, hash);
	free(data);
	return user;
}

struct world {
	struct web_user users[2];
	struct auth *auth;
};

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	world->users[0] = user_with("alice", "open sesame", 4);
	world->users[1] = user_with("bob", "b", 6);
	*state = world;
	return auth_new(world->users, COUNT(world->users), &world->auth);
}

static int tear_down(void **state)
{
	struct world *world = *state;
	auth_stop(world->auth);
	auth_free(world->auth);
	for (size_t i = 0; i < COUNT(world->users); i++)
		free(world->users[i].name);
	free(world);
	return 0;
}

/* A question, and when its answer came. */
struct asked {
	struct auth_question question; /* first */
	sem_t answered;
	atomic_uint *order;
	unsigned place;
};

static void on_answer(struct auth_question *question)
{
	struct asked *asked = (struct asked *)question;
	if (asked->order)
		asked->place = atomic_fetch_add(asked->order, 1);
	sem_post(&asked->answered);
}

/* True if bcrypt is to tell. */
static bool begin(
	struct asked *asked, struct auth *auth, unsigned client, const char *name, const char *password)
{
	const uint8_t bytes[4] = { 192, 0, (uint8_t)(client >> 8), (uint8_t)client };
	asked->question = (struct auth_question){ .client = address_make(AF_INET, bytes),
		.name = strdup(name),
		.password = strdup(password),
		.answered = on_answer };
	sem_init(&asked->answered, 0, 0);
	if (auth_recall(auth, &asked->question) != AUTH_UNKNOWN)
		return false;
	auth_verify(auth, &asked->question);
	return true;
}

static enum auth_result end(struct asked *asked, bool waits)
{
	while (waits && sem_wait(&asked->answered) < 0)
		;
	sem_destroy(&asked->answered);
	auth_question_clear(&asked->question);
	assert_null(asked->question.password);
	return asked->question.result;
}

static enum auth_result ask(struct auth *auth, unsigned client, const char *name, const char *password)
{
	struct asked asked = { .order = NULL };
	return end(&asked, begin(&asked, auth, client, name, password));
}

static void passwords_are_verified(void **state)
{
	struct auth *auth = ((struct world *)*state)->auth;
	char longest[600];
	memset(longest, 'a', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	for (unsigned again = 0; again < 2; again++) { /* the second time from memory */
		unsigned long long before = seen.rounds;
		assert_int_equal(ask(auth, 1, "alice", "open sesame"), AUTH_GRANTED);
		assert_int_equal(ask(auth, 1, "bob", "b"), AUTH_GRANTED);
		assert_int_equal(ask(auth, 1, "alice", "b"), AUTH_DENIED);
		assert_int_equal(ask(auth, 1, "alice", ""), AUTH_DENIED);
		assert_int_equal(ask(auth, 1, "carol", "b"), AUTH_DENIED);
		assert_int_equal(ask(auth, 1, "", ""), AUTH_DENIED);
		assert_int_equal(ask(auth, 1, "alice", longest), AUTH_DENIED);
		assert_int_equal(ask(auth, 1, longest, "b"), AUTH_DENIED);
		assert_int_equal(seen.rounds - before, again ? 0 : 6 * (1 << 6));
	}
}

static void guesses_do_not_push_grants_out(void **state)
{
	struct auth *auth = ((struct world *)*state)->auth;
	assert_int_equal(ask(auth, 1, "alice", "open sesame"), AUTH_GRANTED);
	for (unsigned i = 0; i < 300; i++) {
		char password[16];
		snprintf(password, sizeof(password), "guess %u", i);
		assert_int_equal(ask(auth, 100 + i, "alice", password), AUTH_DENIED);
	}
	unsigned long long before = seen.rounds;
	assert_int_equal(ask(auth, 1, "alice", "open sesame"), AUTH_GRANTED);
	assert_int_equal(seen.rounds, before);
}

/* Users of different costs, and one that does not exist. */
static void names_cannot_be_told_by_the_work(void **state)
{
	struct auth *auth = ((struct world *)*state)->auth;
	static const char *const asked[][2] = { { "alice", "wrong" }, { "bob", "wrong" },
		{ "carol", "wrong" }, { "alice", "open sesame" }, { "bob", "b" } };
	for (unsigned i = 0; i < COUNT(asked); i++) {
		unsigned long long before = seen.rounds;
		ask(auth, i, asked[i][0], asked[i][1]);
		assert_int_equal(seen.rounds - before, 1 << 6);
	}
}

static void failures_of_one_client_are_limited(void **state)
{
	struct auth *auth = ((struct world *)*state)->auth;
	unsigned denied = 0;
	enum auth_result result = AUTH_DENIED;
	assert_int_equal(ask(auth, 1, "alice", "open sesame"), AUTH_GRANTED);
	for (unsigned i = 0; result == AUTH_DENIED && i < 100; i++) {
		char password[16];
		snprintf(password, sizeof(password), "guess %u", i);
		result = ask(auth, 1, i % 2 ? "alice" : "carol", password);
		denied += result == AUTH_DENIED;
	}
	assert_int_equal(result, AUTH_LIMITED);
	assert_true(denied >= AUTH_FAILURES_MOST);
	unsigned long long before = seen.rounds;
	assert_int_equal(ask(auth, 1, "carol", "another"), AUTH_LIMITED);
	assert_int_equal(ask(auth, 1, "alice", "open sesame"), AUTH_GRANTED); /* was right before */
	assert_int_equal(seen.rounds, before);
	assert_int_equal(ask(auth, 2, "bob", "b"), AUTH_GRANTED); /* another client */
	assert_int_equal(ask(auth, 1, "bob", "b"), AUTH_GRANTED);
}

/* Returns when bcrypt has the first question and stands at the gate. */
static void hold_up(struct asked *first, struct auth *auth)
{
	unsigned before = seen.entered;
	pthread_mutex_lock(&seen.gate);
	assert_true(begin(first, auth, 0, "alice", "first"));
	while (seen.entered == before)
		sched_yield();
}

static void who_failed_least_is_served_first(void **state)
{
	struct auth *auth = ((struct world *)*state)->auth;
	struct asked first = { 0 }, guesses[5] = { 0 }, scraper = { 0 };
	atomic_uint order = 0;
	hold_up(&first, auth);
	for (unsigned i = 0; i < COUNT(guesses); i++) {
		char password[16];
		snprintf(password, sizeof(password), "guess %u", i);
		guesses[i].order = &order;
		assert_true(begin(&guesses[i], auth, 1, "alice", password));
	}
	scraper.order = &order;
	assert_true(begin(&scraper, auth, 2, "bob", "b"));
	pthread_mutex_unlock(&seen.gate);
	end(&first, true);
	assert_int_equal(end(&scraper, true), AUTH_GRANTED);
	for (unsigned i = 0; i < COUNT(guesses); i++)
		assert_int_equal(end(&guesses[i], true), AUTH_DENIED);
	assert_int_equal(scraper.place, 1); /* after the guess of a client that had not failed either */
	assert_int_equal(guesses[4].place, 5);
}

static void a_full_queue_has_room_for_who_failed_less(void **state)
{
	struct world *world = *state;
	struct asked first = { 0 }, guesses[AUTH_WAITING_MOST] = { 0 }, late = { 0 }, scraper = { 0 };
	hold_up(&first, world->auth);
	for (unsigned i = 0; i < AUTH_WAITING_MOST; i++) {
		char password[16];
		snprintf(password, sizeof(password), "guess %u", i);
		assert_true(begin(&guesses[i], world->auth, 1 + i % 4, "alice", password));
	}
	assert_true(begin(&late, world->auth, 1, "alice", "late"));
	assert_int_equal(end(&late, true), AUTH_BUSY);
	assert_true(begin(&scraper, world->auth, 9, "bob", "b"));
	assert_int_equal(end(&guesses[AUTH_WAITING_MOST - 1], true), AUTH_BUSY);
	pthread_mutex_unlock(&seen.gate);
	assert_int_equal(end(&scraper, true), AUTH_GRANTED);
	/* The end answers those that are left. */
	auth_stop(world->auth);
	end(&first, true);
	for (unsigned i = 0; i < AUTH_WAITING_MOST - 1; i++) {
		enum auth_result result = end(&guesses[i], true);
		assert_true(result == AUTH_DENIED || result == AUTH_BUSY);
	}
	assert_int_equal(ask(world->auth, 10, "alice", "after the end"), AUTH_BUSY);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(passwords_are_verified),
		TEST(guesses_do_not_push_grants_out),
		TEST(names_cannot_be_told_by_the_work),
		TEST(failures_of_one_client_are_limited),
		TEST(who_failed_least_is_served_first),
		TEST(a_full_queue_has_room_for_who_failed_less),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
