// SPDX-License-Identifier: GPL-2.0-or-later
/* Memory runs out at each place in turn while a ruleset is read and followed: it is said, and nothing is lost
 * (the sanitizers see to that). The linker leads the calls below here. */
#include "tests/support/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "collectors/firewall/nat_find.h"
#include "collectors/route/service.h"
#include "tests/rulesets_follow.h"
#include "tests/support/facts_builder.h"
#include "tests/support/messages.h"

/* Allocations that still succeed; negative: all do. */
static long left = -1;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *text);

static bool runs_out(void)
{
	return left >= 0 && left-- == 0;
}

void *__wrap_malloc(size_t size)
{
	return runs_out() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return runs_out() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return runs_out() ? NULL : __real_realloc(old, size);
}

char *__wrap_strdup(const char *text)
{
	return runs_out() ? NULL : __real_strdup(text);
}

static char bytes[1 << 17];

static size_t load(const char *name)
{
	char path[512];
	snprintf(path, sizeof(path), TEST_DATA "/rulesets/%s", name);
	FILE *file = fopen(path, "rbe");
	assert_non_null(file);
	size_t size = fread(bytes, 1, sizeof(bytes), file);
	assert_true(size > 0 && size < sizeof(bytes));
	fclose(file);
	return size;
}

/* 0 or -ENOMEM. */
static int read_once(size_t size, size_t *count)
{
	struct nft_ruleset ruleset = { 0 };
	struct nat_list *list = nat_list_new();
	int result = list ? messages_read(&ruleset, bytes, size) : -ENOMEM;
	if (result == 0)
		result = rulesets_follow(nat_eval_ruleset(&ruleset, list));
	if (result == 0)
		*count = list->count;
	nft_ruleset_clear(&ruleset);
	nat_list_release(list);
	return result;
}

static void rulesets_are_read_or_not(void **state)
{
	(void)state;
	static const char *const names[] = { "maps.messages", "docker.messages", "kube-proxy-nft.messages" };
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		size_t size = load(names[i]), all = 0, count = 0;
		assert_int_equal(read_once(size, &all), 0);
		assert_true(all > 0);
		int result = -ENOMEM;
		for (long allowed = 0; result == -ENOMEM && allowed < 100000; allowed++) {
			left = allowed;
			result = read_once(size, &count);
			left = -1;
		}
		assert_int_equal(result, 0);
		assert_int_equal(count, all);
	}
}

static void services_are_added_or_not(void **state)
{
	(void)state;
	int result = -ENOMEM;
	for (long allowed = 0; result == -ENOMEM; allowed++) {
		struct facts *facts = build_facts();
		build_device(facts, "wan1");
		build_local(facts, "198.51.100.2/28", "wan1");
		facts->lines = calloc(1, sizeof(*facts->lines));
		facts->lines[facts->line_count++] =
			(struct line){ .ifindex = build_ifindex(facts, "wan1"), .family = AF_INET };
		for (uint16_t port = 1; port < 20; port++) {
			char target[ADDRESS_TEXT_SIZE];
			snprintf(target, sizeof(target), "10.0.0.%u", port);
			build_nat_rule(facts, "198.51.100.2", port, target, 22)->also_excluded = "";
		}
		left = allowed;
		result = services_add_ruled(facts);
		left = -1;
		assert_true(result == -ENOMEM || facts->service_count == 19);
		facts_free(facts);
	}
	assert_int_equal(result, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rulesets_are_read_or_not),
		cmocka_unit_test(services_are_added_or_not),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
