// SPDX-License-Identifier: GPL-2.0-or-later
/* Chains as nft 1.0.6 listed them in the forward-drop labs, and some written down here. */
#include "tests/support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/trace/ruleset_read.h"

static struct ruleset_packet make_packet(const char *client, const char *target)
{
	struct ruleset_packet packet = { .iif = "wan0", .oif = "lan0" };
	address_parse(client, &packet.headers.source);
	address_parse(target, &packet.headers.destination);
	packet.headers.source_port = 40000;
	packet.headers.destination_port = 22;
	packet.original = packet.headers;
	packet.original.destination_port = 1222;
	return packet;
}

static struct ruleset_packet packet4(void)
{
	return make_packet("203.0.113.2", "192.168.70.2");
}

static char *listing(const char *name)
{
	char path[512], *text = calloc(1, 16384);
	snprintf(path, sizeof(path), TEST_DATA "/chains/%s", name);
	FILE *file = fopen(path, "re");
	assert_non_null(text);
	assert_non_null(file);
	assert_true(fread(text, 1, 16383, file) > 0);
	fclose(file);
	return text;
}

static json_t *chain_of(const char *name)
{
	char path[512];
	snprintf(path, sizeof(path), TEST_DATA "/chains/%s.json", name);
	json_t *root = json_load_file(path, 0, NULL);
	json_t *chain = json_incref(json_object_get(root, "nftables"));
	json_decref(root);
	assert_true(json_is_array(chain));
	return chain;
}

/* ---- text ---- */

static const struct text_row {
	const char *name;
	uint64_t handle;
	const char *text;
	unsigned number;
} texts[] = {
	{ "negated-set4", 4, "iifname \"wan0\" ip daddr . tcp dport != @allowed drop", 2 },
	{ "map4", 5, "ip daddr . tcp dport vmap @allowed", 3 },
	{ "map4", 3, "ct state established,related accept", 1 },
	{ "map4", 1, NULL, 0 }, /* the chain's own handle */
	{ "map4", 99, NULL, 0 },
	{ "iptables4", 3,
		"iifname \"wan0\" meta l4proto tcp ip daddr 192.168.70.2 tcp dport { 22, 99 } counter packets 1 "
		"bytes 60 drop",
		2 },
};

static void rules_are_found_by_their_handle(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		char *list = listing(texts[i].name), *text = ruleset_rule_text(list, texts[i].handle);
		json_t *chain = chain_of(texts[i].name);
		if (texts[i].text)
			assert_string_equal(text, texts[i].text);
		else
			assert_null(text);
		assert_int_equal(ruleset_rule_number(chain, texts[i].handle), texts[i].number);
		json_decref(chain);
		free(text);
		free(list);
	}
}

static void a_rule_may_go_over_lines(void **state)
{
	(void)state;
	static const char list[] =
		"table ip t {\n\tchain c { # handle 1\n\t\ttcp dport { 1, 2,\n\t\t\t     3 } "
		"drop # handle 7\n\t\tcomment \"x # handle 9\" # handle 8\n\t}\n}\n";
	char *text = ruleset_rule_text(list, 7);
	assert_string_equal(text, "tcp dport { 1, 2, 3 } drop");
	free(text);
	text = ruleset_rule_text(list, 8);
	assert_string_equal(text, "comment \"x # handle 9\"");
	free(text);
	assert_null(ruleset_rule_text(list, 9));
	assert_null(ruleset_rule_text("", 1));
}

/* ---- sets ---- */

static const struct miss_row {
	const char *name;
	uint64_t handle;
	const char *set, *element; /* NULL: none */
	bool map, six;
} misses[] = {
	{ "set4", 9, "allowed", "192.168.70.2 . 22", false, false },
	{ "set6", 9, "allowed", "fd00:70::2 . 22", false, true },
	{ "negated-set4", 4, "allowed", "192.168.70.2 . 22", false, false },
	{ "map4", 0, "allowed", "192.168.70.2 . 22", true, false },
	{ "policy4", 0, NULL, NULL, false, false },
	{ "iptables4", 3, NULL, NULL, false, false },
	{ "redirect4", 4, NULL, NULL, false, false },
	{ "inet6", 4, NULL, NULL, false, true },
};

static void the_set_that_lacks_it_is_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(misses) / sizeof(*misses); i++) {
		const struct miss_row *row = &misses[i];
		const struct ruleset_packet packet =
			row->six ? make_packet("2001:db8:c::2", "fd00:70::2") : packet4();
		struct ruleset_miss miss = { 0 };
		json_t *chain = chain_of(row->name);
		print_message("%s\n", row->name);
		bool found = ruleset_find_miss(chain, row->handle, &packet, NULL, 0, &miss);
		assert_int_equal(found, row->set != NULL);
		if (found) {
			assert_string_equal(miss.set, row->set);
			assert_string_equal(miss.element, row->element);
			assert_int_equal(miss.map, row->map);
		}
		free(miss.set);
		free(miss.element);
		json_decref(chain);
	}
}

#define RULE(handle, expressions) "{\"rule\": {\"handle\": " #handle ", \"expr\": [" expressions "]}}"
#define DPORT                     "{\"payload\": {\"protocol\": \"tcp\", \"field\": \"dport\"}}"
#define MATCH(left, op, right)    "{\"match\": {\"op\": \"" op "\", \"left\": " left ", \"right\": " right "}}"
#define ACCEPT                    "{\"accept\": null}"
#define DROP                      "{\"drop\": null}"
#define LOOKUP(set)               MATCH(DPORT, "==", "\"@" set "\"")

static const struct written_row {
	const char *rules;
	uint64_t taken;
	const char *set;
} written[] = {
	/* the last one before the drop */
	{ "[" RULE(1, LOOKUP("a") "," ACCEPT) "," RULE(2, LOOKUP("b") "," ACCEPT) "," RULE(3, DROP) "]", 0,
		"b" },
	/* beyond the rule that drops nothing is asked */
	{ "[" RULE(1, LOOKUP("a") "," ACCEPT) "," RULE(3, DROP) "," RULE(4, LOOKUP("b") "," ACCEPT) "]", 0,
		"a" },
	/* one for other devices would not have let it pass */
	{ "[" RULE(1, MATCH("{\"meta\": {\"key\": \"iifname\"}}", "==", "\"wan9\"") "," LOOKUP(
			      "a") "," ACCEPT) "," RULE(3, DROP) "]",
		0, NULL },
	/* nor one for connections that are there already, nor one that drops what is in the set */
	{ "[" RULE(1,
		  MATCH("{\"ct\": {\"key\": \"state\"}}", "in", "[\"established\", \"related\"]") "," LOOKUP(
			  "a") "," ACCEPT) "," RULE(3, DROP) "]",
		0, NULL },
	{ "[" RULE(1, LOOKUP("bad") "," DROP) "," RULE(3, DROP) "]", 0, NULL },
	/* one that took it did not lack it */
	{ "[" RULE(1, LOOKUP("a") ",{\"jump\": {\"target\": \"x\"}}") "," RULE(3, DROP) "]", 1, NULL },
};

static void rules_that_do_not_matter_are_passed_over(void **state)
{
	(void)state;
	const struct ruleset_packet packet = packet4();
	for (size_t i = 0; i < sizeof(written) / sizeof(*written); i++) {
		struct ruleset_miss miss = { 0 };
		json_t *chain = json_loads(written[i].rules, 0, NULL);
		assert_non_null(chain);
		bool found = ruleset_find_miss(chain, 3, &packet, &written[i].taken, 1, &miss);
		print_message("row %zu\n", i);
		assert_int_equal(found, written[i].set != NULL);
		if (found)
			assert_string_equal(miss.set, written[i].set);
		free(miss.set);
		free(miss.element);
		json_decref(chain);
	}
}

/* ---- matches ---- */

static const struct match_row {
	const char *match;
	enum match_answer answer;
} matches[] = {
	{ MATCH(DPORT, "==", "22"), MATCH_YES },
	{ MATCH(DPORT, "!=", "22"), MATCH_NO },
	{ MATCH(DPORT, "==", "{\"set\": [21, {\"range\": [22, 25]}]}"), MATCH_YES },
	{ MATCH(DPORT, "==", "{\"range\": [23, 25]}"), MATCH_NO },
	{ MATCH(DPORT, "<", "100"), MATCH_UNKNOWN },
	{ MATCH(DPORT, "==", "\"@named\""), MATCH_UNKNOWN },
	{ MATCH("{\"payload\": {\"protocol\": \"ip\", \"field\": \"saddr\"}}",
		  "==", "{\"prefix\": {\"addr\": \"203.0.113.0\", \"len\": 24}}"),
		MATCH_YES },
	{ MATCH("{\"payload\": {\"protocol\": \"ip6\", \"field\": \"saddr\"}}", "==", "\"::1\""), MATCH_NO },
	{ MATCH("{\"meta\": {\"key\": \"iifname\"}}", "==", "\"wan*\""), MATCH_YES },
	{ MATCH("{\"meta\": {\"key\": \"oifname\"}}", "!=", "\"lan0\""), MATCH_NO },
	{ MATCH("{\"ct\": {\"key\": \"proto-dst\", \"dir\": \"original\"}}", "==", "1222"), MATCH_YES },
	{ MATCH("{\"ct\": {\"key\": \"state\"}}", "in", "\"new\""), MATCH_YES },
	{ MATCH("{\"ct\": {\"key\": \"mark\"}}", "==", "1"), MATCH_UNKNOWN },
	{ "{\"match\": {}}", MATCH_UNKNOWN },
};

static void matches_are_answered(void **state)
{
	(void)state;
	const struct ruleset_packet packet = packet4();
	for (size_t i = 0; i < sizeof(matches) / sizeof(*matches); i++) {
		json_t *statement = json_loads(matches[i].match, 0, NULL);
		assert_non_null(statement);
		print_message("%s\n", matches[i].match);
		assert_int_equal(
			ruleset_match(json_object_get(statement, "match"), &packet), matches[i].answer);
		json_decref(statement);
	}
}

static void elements_are_as_nft_takes_them(void **state)
{
	(void)state;
	struct ruleset_packet packet = packet4();
	json_t *key = json_loads("{\"concat\": [{\"meta\": {\"key\": \"iifname\"}}, " DPORT "]}", 0, NULL);
	char *element = ruleset_element(key, &packet);
	assert_string_equal(element, "\"wan0\" . 22");
	free(element);
	strcpy(packet.iif, "a\"b");
	assert_null(ruleset_element(key, &packet));
	json_decref(key);
	key = json_loads("{\"concat\": [" DPORT ", {\"meta\": {\"key\": \"mark\"}}]}", 0, NULL);
	assert_null(ruleset_element(key, &packet));
	json_decref(key);
	assert_null(ruleset_element(NULL, &packet));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_are_found_by_their_handle),
		cmocka_unit_test(a_rule_may_go_over_lines),
		cmocka_unit_test(the_set_that_lacks_it_is_named),
		cmocka_unit_test(rules_that_do_not_matter_are_passed_over),
		cmocka_unit_test(matches_are_answered),
		cmocka_unit_test(elements_are_as_nft_takes_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
