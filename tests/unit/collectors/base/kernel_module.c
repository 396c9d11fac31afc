// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include "collectors/base/kernel_module.h"

#define LOADED \
	"nft_chain_nat 16384 3 - Live 0x0000000000000000\nnf_tables 311296 421 nft_chain_nat, Live 0x0\n"
#define OTHERS  "nft_chain_nat 16384 3 - Live 0x0\nnf_tables_old 1 0 - Live 0x0\n"
#define BUILTIN "kernel/net/netfilter/nfnetlink.ko\nkernel/net/netfilter/nf_tables.ko\n"
#define LACKING "kernel/net/netfilter/nfnetlink.ko\nkernel/net/netfilter/old_nf_tables.ko\n"

static void a_module_is_there_loaded_or_built_in(void **state)
{
	(void)state;
	assert_true(kernel_module_is_listed(LOADED, LACKING, "nf_tables"));
	assert_true(kernel_module_is_listed(OTHERS, BUILTIN, "nf_tables"));
	assert_false(kernel_module_is_listed(OTHERS, LACKING, "nf_tables"));
	assert_false(kernel_module_is_listed("", "", "nf_tables"));
}

/* A kernel without modules has no such file; a container may lack the other one. */
static void what_cannot_be_told_is_taken_to_be_there(void **state)
{
	(void)state;
	assert_true(kernel_module_is_listed(NULL, NULL, "nf_tables"));
	assert_true(kernel_module_is_listed(OTHERS, NULL, "nf_tables"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_module_is_there_loaded_or_built_in),
		cmocka_unit_test(what_cannot_be_told_is_taken_to_be_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
