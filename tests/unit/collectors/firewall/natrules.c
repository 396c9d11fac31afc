// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The rulesets of tests/data/rulesets as the kernel (6.18) sent them when they had been loaded: what is read
 * of them is what their JSON says. tests/kernel/test_rulesets.py has the same of the running kernel.
 */
#include "tests/support/unit.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/firewall/nft_ruleset.h"
#include "tests/rulesets_follow.h"
#include "tests/support/messages.h"
#include "tests/support/rulesets_json.h"

static const char *const names[] = { "docker", "docker6", "firewalld", "iptables", "kube-proxy",
	"kube-proxy-nft", "maps", "sources" };

static char *read_file(const char *name, const char *suffix, size_t *size)
{
	char path[512];
	snprintf(path, sizeof(path), TEST_DATA "/rulesets/%s.%s", name, suffix);
	FILE *file = fopen(path, "rbe");
	if (!file || fseek(file, 0, SEEK_END) < 0)
		fail_msg("%s cannot be read", path);
	*size = (size_t)ftell(file);
	rewind(file);
	char *bytes = malloc(*size + 1);
	assert_non_null(bytes);
	assert_int_equal(fread(bytes, 1, *size, file), *size);
	bytes[*size] = '\0';
	fclose(file);
	return bytes;
}

static json_t *walked(const char *bytes, size_t size)
{
	struct nft_ruleset ruleset = { 0 };
	struct nat_list *list = nat_list_new();
	assert_non_null(list);
	assert_int_equal(messages_read(&ruleset, bytes, size), 0);
	assert_int_equal(rulesets_follow(nat_eval_ruleset(&ruleset, list)), 0);
	nft_ruleset_clear(&ruleset);
	json_t *json = rulesets_json(list);
	nat_list_release(list);
	return json;
}

static void recorded_rulesets_are_read_as_they_are_meant(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		size_t size, expected_size;
		char *bytes = read_file(names[i], "messages", &size);
		char *expected = read_file(names[i], "json", &expected_size);
		json_t *read = walked(bytes, size), *wanted = json_loads(expected, 0, NULL);
		if (!json_equal(read, wanted)) {
			char *text = json_dumps(read, JSON_INDENT(1));
			fail_msg("%s: %s", names[i], text);
		}
		json_decref(read);
		json_decref(wanted);
		free(bytes);
		free(expected);
	}
}

static json_t *walked_table(uint8_t family, const char *bytes, size_t size)
{
	struct nat_list *list = nat_list_new();
	struct ip_table table = { .family = family, .size = size - sizeof(table.entry) };
	uint8_t *exact = malloc(table.size);
	assert_true(list && exact);
	memcpy(&table.entry, bytes, sizeof(table.entry));
	memcpy(exact, bytes + sizeof(table.entry), table.size);
	table.bytes = exact;
	assert_int_equal(rulesets_follow(nat_eval_table(&table, list)), 0);
	free(exact);
	for (size_t i = 0; i < list->count; i++)
		assert_true(list->rules[i].legacy && list->rules[i].handle > 0);
	json_t *json = rulesets_json(list);
	nat_list_release(list);
	return json;
}

/* The tables that iptables-legacy makes of the same files mean the same. */
static void recorded_tables_are_read_as_they_are_meant(void **state)
{
	(void)state;
	static const char *const tables[] = { "docker", "docker6", "iptables", "kube-proxy", "sources" };
	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
		size_t size, expected_size;
		char *bytes = read_file(tables[i], "table", &size);
		char *expected = read_file(tables[i], "json", &expected_size);
		uint8_t family = strcmp(tables[i], "docker6") == 0 ? AF_INET6 : AF_INET;
		json_t *read = walked_table(family, bytes, size), *wanted = json_loads(expected, 0, NULL);
		if (!json_equal(read, wanted))
			fail_msg("%s: %s", tables[i], json_dumps(read, JSON_INDENT(1)));
		json_decref(read);
		json_decref(wanted);
		free(bytes);
		free(expected);
	}
}

static void maimed_tables_do_no_harm(void **state)
{
	(void)state;
	static const unsigned char values[] = { 0, 1, 8, 0x70, 0x7f, 0xff };
	size_t size;
	char *bytes = read_file("docker6", "table", &size);
	for (size_t at = 0; at < size; at++)
		for (size_t i = 0; i < sizeof(values); i++) {
			char before = bytes[at];
			bytes[at] = (char)values[i];
			json_decref(walked_table(AF_INET6, bytes, size - at % 5));
			bytes[at] = before;
		}
	free(bytes);
}

/* Cut anywhere, or with a byte that is another one: whatever is read of it, it is read within its bounds. */
static void maimed_messages_do_no_harm(void **state)
{
	(void)state;
	static const unsigned char values[] = { 0, 1, 4, 0x7f, 0xff };
	size_t size;
	char *bytes = read_file("docker6", "messages", &size);
	for (size_t at = 0; at < size; at += 3)
		for (size_t i = 0; i < sizeof(values); i++) {
			char before = bytes[at];
			bytes[at] = (char)values[i];
			struct nft_ruleset ruleset = { 0 };
			struct nat_list *list = nat_list_new();
			messages_read(&ruleset, bytes, size - at % 7);
			assert_int_equal(rulesets_follow(nat_eval_ruleset(&ruleset, list)), 0);
			assert_true(list->count <= NAT_RULES_MAX);
			nat_list_release(list);
			nft_ruleset_clear(&ruleset);
			bytes[at] = before;
		}
	free(bytes);
}

/* An expression of a later kernel may let some packets go on and others not. */
static void an_unknown_expression_makes_a_rule_conditional(void **state)
{
	(void)state;
	static const char known[] = "counter", unknown[] = "kounter";
	size_t size;
	char *bytes = read_file("docker6", "messages", &size), *at = bytes;
	while ((at = memmem(at, size - (size_t)(at - bytes), known, sizeof(known))) != NULL)
		memcpy(at, unknown, sizeof(unknown));
	json_t *read = walked(bytes, size), *rules = json_object_get(read, "rules");
	assert_int_equal(json_array_size(rules), 1);
	assert_true(json_is_true(json_object_get(json_array_get(rules, 0), "conditional")));
	assert_false(json_is_true(json_object_get(json_array_get(rules, 0), "by_source")));
	json_decref(read);
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recorded_rulesets_are_read_as_they_are_meant),
		cmocka_unit_test(maimed_messages_do_no_harm),
		cmocka_unit_test(recorded_tables_are_read_as_they_are_meant),
		cmocka_unit_test(maimed_tables_do_no_harm),
		cmocka_unit_test(an_unknown_expression_makes_a_rule_conditional),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
