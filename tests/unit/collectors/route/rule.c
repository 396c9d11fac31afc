// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>

#include "collectors/route/lookup.h"
#include "tests/support/recorded.h"

#define RULES 21 /* with the priorities 100 to 119 and 200, rule 01 to 21 of the recording */

static bool mentions(const struct rule *rule, unsigned number)
{
	switch (number) {
	case 100:
		return rule->table == 1000 && rule->from.length > 0 && rule->to.length > 0;
	case 101:
		return strcmp(rule->iif, "va") == 0 && rule->table == 101;
	case 102:
		return strcmp(rule->oif, "vb") == 0 && rule->table == 102;
	case 103:
		return rule->mark == 0x10 && rule->mark_mask == 0xf0;
	case 104:
		return rule->mark == 7 && rule->mark_mask == UINT32_MAX;
	case 105:
		return rule->tos == 0x10;
	case 106:
		return rule->protocol == IPPROTO_TCP && rule->source_port[1] == 0;
	case 107:
		return rule->source_port[0] == 80 && rule->source_port[1] == 80;
	case 108:
		return rule->protocol == IPPROTO_UDP && rule->destination_port[0] == 1000 &&
		       rule->destination_port[1] == 2000;
	case 109:
		return rule->has_uid && rule->uid[0] == 100 && rule->uid[1] == 200;
	case 110:
		return rule->invert && rule->from.length > 0 && rule->to.length == 0;
	case 111:
		return rule->action == RULE_GOTO && rule->target == 200 && rule->table == 0;
	case 112:
		return rule->action == RULE_NOP;
	case 113:
		return rule->action == RULE_BLACKHOLE;
	case 114:
		return rule->action == RULE_UNREACHABLE;
	case 115:
		return rule->action == RULE_PROHIBIT;
	case 116:
		return rule->l3mdev && rule->action == RULE_LOOKUP && rule->table == 0;
	case 117:
		return rule->suppress_prefix_length == 0 && rule->table == 254;
	case 118:
	case 119:
		return rule->opaque;
	case 200:
		return rule->table == 103 && rule->from.length == 0 && !rule->iif[0];
	}
	return false;
}

static void recorded_rules_are_understood(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2 * RULES; i++) {
		char name[32];
		unsigned number = i % RULES == RULES - 1 ? 200 : 100 + i % RULES;
		snprintf(name, sizeof(name), "rule%d-%02u", i < RULES ? 4 : 6, i % RULES + 1);
		struct nlmsghdr *header = recorded_message(name);
		struct rule rule;
		assert_int_equal(rule_parse(header, &rule), 0);
		print_message("%s: priority %u\n", name, rule.priority);
		assert_int_equal(rule.family, i < RULES ? AF_INET : AF_INET6);
		assert_int_equal(rule.priority, number);
		assert_true(mentions(&rule, number));
		assert_int_equal(rule.opaque, number == 118 || number == 119);
		assert_int_equal(rule.suppress_prefix_length, number == 117 ? 0 : -1);
		assert_int_equal(rule.mark_mask != 0, number == 103 || number == 104);
		free(header);
	}
}

static void prefixes_are_read(void **state)
{
	(void)state;
	struct rule rule;
	char text[PREFIX_TEXT_SIZE];
	struct nlmsghdr *header = recorded_message("rule6-01");
	assert_int_equal(rule_parse(header, &rule), 0);
	assert_string_equal(prefix_format(&rule.from, text), "2001:db8:1::/64");
	assert_string_equal(prefix_format(&rule.to, text), "2001:db8:f::7");
	free(header);
}

static struct nlmsghdr *write_rule(
	void *buffer, uint8_t action, uint16_t type, const void *value, size_t size)
{
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	header->nlmsg_type = RTM_NEWRULE;
	struct fib_rule_hdr *head = mnl_nlmsg_put_extra_header(header, sizeof(*head));
	head->family = AF_INET;
	head->action = action;
	mnl_attr_put(header, type, size, value);
	return header;
}

static void what_cannot_be_followed_is_opaque(void **state)
{
	(void)state;
	char buffer[256] __attribute__((aligned(4)));
	const uint8_t eight[8] = { 0xff, 0xff };
	struct rule rule;
	for (uint16_t type = 25; type < 64; type++) {
		assert_int_equal(rule_parse(write_rule(buffer, FR_ACT_TO_TBL, type, eight, 8), &rule), 0);
		assert_true(rule.opaque);
	}
	for (uint16_t type = 28; type < 30; type++) { /* the whole port */
		assert_int_equal(rule_parse(write_rule(buffer, FR_ACT_TO_TBL, type, eight, 2), &rule), 0);
		assert_false(rule.opaque);
	}
	assert_int_equal(rule_parse(write_rule(buffer, 99, FRA_PRIORITY, eight, 4), &rule), 0);
	assert_true(rule.opaque);
	assert_int_equal(rule_parse(write_rule(buffer, FR_ACT_RES3, FRA_PRIORITY, eight, 4), &rule), 0);
	assert_true(rule.opaque);
}

static void wrong_prefixes_are_refused(void **state)
{
	(void)state;
	char buffer[256] __attribute__((aligned(4)));
	const uint8_t bytes[16] = { 0 };
	struct rule rule;
	struct nlmsghdr *header = write_rule(buffer, FR_ACT_TO_TBL, FRA_SRC, bytes, 16);
	assert_int_equal(rule_parse(header, &rule), -EBADMSG);
	header = write_rule(buffer, FR_ACT_TO_TBL, FRA_SRC, bytes, 4);
	assert_int_equal(rule_parse(header, &rule), 0);
	((struct fib_rule_hdr *)mnl_nlmsg_get_payload(header))->src_len = 33;
	assert_int_equal(rule_parse(header, &rule), -EBADMSG);
	((struct fib_rule_hdr *)mnl_nlmsg_get_payload(header))->family = AF_UNIX;
	assert_int_equal(rule_parse(header, &rule), -EBADMSG);
}

static void parse(const struct nlmsghdr *header)
{
	struct rule rule;
	int error = rule_parse(header, &rule);
	assert_true(error == 0 || error == -EBADMSG);
}

static void maimed_rules_are_survived(void **state)
{
	(void)state;
	for (unsigned i = 1; i <= 2 * RULES; i++) {
		char name[32];
		snprintf(name, sizeof(name), "rule%d-%02u", i <= RULES ? 4 : 6, (i - 1) % RULES + 1);
		recorded_maim(name, parse);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recorded_rules_are_understood),
		cmocka_unit_test(prefixes_are_read),
		cmocka_unit_test(what_cannot_be_followed_is_opaque),
		cmocka_unit_test(wrong_prefixes_are_refused),
		cmocka_unit_test(maimed_rules_are_survived),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
