// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/firewall/nft_reader.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/nfnetlink.h"

enum stage { STAGE_IDLE, STAGE_TABLES, STAGE_CHAINS, STAGE_RULES, STAGE_SETS, STAGE_REACH, STAGE_ELEMENTS };

struct nft_reader {
	struct netlink *netlink;
	struct nft_ruleset ruleset;
	enum stage stage;
	size_t position; /* base chain of the table, or set, that is being read */
	struct netlink_dump dump;
	uint32_t generation;
	bool owners;
	void (*record)(const struct nlmsghdr *header, void *argument);
	void *argument;
};

/* ---- requests */

struct dump_kind {
	unsigned type;
	uint16_t table, name; /* attributes by which the dump is confined; 0: none */
};

static const struct dump_kind dumps[] = {
	[STAGE_TABLES] = { NFT_MSG_GETTABLE, 0, 0 },
	[STAGE_CHAINS] = { NFT_MSG_GETCHAIN, 0, 0 },
	[STAGE_RULES] = { NFT_MSG_GETRULE, NFTA_RULE_TABLE, 0 },
	[STAGE_SETS] = { NFT_MSG_GETSET, NFTA_SET_TABLE, 0 },
	[STAGE_ELEMENTS] = { NFT_MSG_GETSETELEM, NFTA_SET_ELEM_LIST_TABLE, NFTA_SET_ELEM_LIST_SET },
};

static int nft_reader_add(const struct nlmsghdr *header, void *argument)
{
	struct nft_reader *reader = argument;
	if (reader->record)
		reader->record(header, reader->argument);
	int error = nft_ruleset_add(&reader->ruleset, header);
	if (error == -EBADMSG) {
		reader->ruleset.partial = true;
		reader->ruleset.omitted++;
	}
	return error == -EBADMSG ? 0 : error;
}

static int nft_reader_ask(struct nft_reader *reader, uint8_t family, const char *table, const char *name)
{
	alignas(struct nlmsghdr) char buffer[NETLINK_DUMP_REQUEST] = { 0 };
	const struct dump_kind *kind = &dumps[reader->stage];
	struct nlmsghdr *request = nfnetlink_request(buffer, NFNL_SUBSYS_NFTABLES, kind->type, family);
	if (kind->table)
		mnl_attr_put_strz(request, kind->table, table);
	if (kind->name)
		mnl_attr_put_strz(request, kind->name, name);
	reader->dump = (struct netlink_dump){ .message = nft_reader_add, .argument = reader };
	return netlink_dump_begin(reader->netlink, &reader->dump, request);
}

int nft_reader_generation(struct nft_reader *reader, uint32_t *out)
{
	return nftables_generation(reader->netlink, out);
}

/* ---- from one dump to the next */

/* The next base chain at or after `from` whose table no one before it has. */
static size_t next_table(const struct nft_ruleset *ruleset, size_t from)
{
	for (size_t i = from; i < ruleset->base_chain_count; i++) {
		const struct nft_chain *chain = &ruleset->chains[ruleset->base_chains[i]];
		bool fresh = true;
		for (size_t j = 0; j < i && fresh; j++) {
			const struct nft_chain *other = &ruleset->chains[ruleset->base_chains[j]];
			fresh = other->name.family != chain->name.family ||
				strcmp(other->name.table, chain->name.table) != 0;
		}
		if (fresh)
			return i;
	}
	return NFT_NO_INDEX;
}

static size_t next_set(const struct nft_ruleset *ruleset)
{
	for (size_t i = 0; i < ruleset->set_count; i++) {
		const struct nft_set *set = &ruleset->sets[i];
		bool fleeting = (set->flags & NFT_SET_EVAL) && !(set->flags & NFT_SET_MAP);
		if (set->wanted && !set->read && !fleeting)
			return i;
	}
	return NFT_NO_INDEX;
}

static int nft_reader_ask_elements(struct nft_reader *reader, size_t number)
{
	struct nft_set *set = &reader->ruleset.sets[number];
	reader->stage = STAGE_ELEMENTS;
	reader->position = number;
	set->read = true;
	return nft_reader_ask(reader, set->name.family, set->name.table, set->name.own);
}

/* What follows the dump that has ended well. 0, 1 when nothing does, or negative errno. */
static int nft_reader_ask_next(struct nft_reader *reader)
{
	const struct nft_ruleset *ruleset = &reader->ruleset;
	if (reader->stage == STAGE_TABLES) {
		reader->stage = STAGE_CHAINS;
		return nft_reader_ask(reader, NFPROTO_UNSPEC, NULL, NULL);
	}
	enum stage stage = reader->stage == STAGE_CHAINS ? STAGE_RULES : reader->stage;
	if (stage == STAGE_RULES || stage == STAGE_SETS) {
		size_t table = next_table(ruleset, reader->stage == STAGE_CHAINS ? 0 : reader->position + 1);
		if (table == NFT_NO_INDEX && stage == STAGE_RULES) {
			stage = STAGE_SETS;
			table = next_table(ruleset, 0);
		}
		if (table != NFT_NO_INDEX) {
			const struct nft_chain *chain = &ruleset->chains[ruleset->base_chains[table]];
			reader->stage = stage;
			reader->position = table;
			return nft_reader_ask(reader, chain->name.family, chain->name.table, NULL);
		}
	}
	size_t set = next_set(ruleset);
	if (set != NFT_NO_INDEX)
		return nft_reader_ask_elements(reader, set);
	reader->stage = STAGE_REACH;
	return 0;
}

/* Maps that have been read may lead to chains that ask others. */
static int nft_reader_reach(struct nft_reader *reader)
{
	uint32_t generation;
	int result = nft_reach(&reader->ruleset);
	if (result <= 0)
		return result;
	size_t set = next_set(&reader->ruleset);
	if (set != NFT_NO_INDEX)
		return nft_reader_ask_elements(reader, set);
	reader->stage = STAGE_IDLE;
	int error = nft_reader_generation(reader, &generation);
	if (error < 0)
		return error;
	return generation == reader->generation ? 1 : -EINTR;
}

/* ---- pieces */

int nft_reader_step(struct nft_reader *reader)
{
	if (reader->stage == STAGE_IDLE)
		return -EINVAL;
	if (reader->stage == STAGE_REACH)
		return nft_reader_reach(reader);
	int result = netlink_dump_read(reader->netlink, &reader->dump);
	if (result > 0)
		result = nft_reader_ask_next(reader);
	else if (result == -ENOENT || result == -EMSGSIZE || result == -ENOBUFS)
		result = -EINTR; /* a table or set that is gone has changed the ruleset, or an answer was lost
				  */
	if (result < 0)
		reader->stage = STAGE_IDLE;
	return result;
}

int nft_reader_begin(struct nft_reader *reader, enum nft_scope scope)
{
	nft_ruleset_clear(&reader->ruleset);
	netlink_drain(reader->netlink, NULL, NULL); /* what a reading that broke off has left */
	int error = nft_reader_generation(reader, &reader->generation);
	if (error < 0)
		return error;
	reader->ruleset.scope = scope;
	reader->stage = scope == NFT_SCOPE_NAT ? STAGE_CHAINS : STAGE_TABLES;
	error = nft_reader_ask(reader, NFPROTO_UNSPEC, NULL, NULL);
	if (error < 0)
		reader->stage = STAGE_IDLE;
	return error;
}

const struct nft_ruleset *nft_reader_ruleset(const struct nft_reader *reader)
{
	return &reader->ruleset;
}

uint32_t nft_reader_read_generation(const struct nft_reader *reader)
{
	return reader->generation;
}

bool nft_reader_drop(struct nft_reader *reader)
{
	reader->stage = STAGE_IDLE;
	return nft_ruleset_clear_piece(&reader->ruleset);
}

void nft_reader_record(struct nft_reader *reader,
	void (*message)(const struct nlmsghdr *header, void *argument), void *argument)
{
	reader->record = message;
	reader->argument = argument;
}

/* ---- tables with an owner */

static int take_verdict(const struct nlmsghdr *header, void *argument)
{
	const struct nlmsgerr *answer = mnl_nlmsg_get_payload(header);
	if (header->nlmsg_type != NLMSG_ERROR || mnl_nlmsg_get_payload_len(header) < sizeof(*answer))
		return 0;
	*(int *)argument = answer->error;
	return 1;
}

/* A batch without an end changes nothing: the kernel checks each message, answers, and drops it all
 * (net/netfilter/nfnetlink.c, nfnetlink_rcv_batch). */
static bool nft_reader_probe_owners(struct nft_reader *reader)
{
	alignas(struct nlmsghdr) char buffer[NETLINK_DUMP_REQUEST] = { 0 };
	int verdict = -EOPNOTSUPP;
	struct nlmsghdr *begin = nfnetlink_request(buffer, NFNL_SUBSYS_NONE, NFNL_MSG_BATCH_BEGIN, AF_UNSPEC);
	begin->nlmsg_flags = NLM_F_REQUEST;
	((struct nfgenmsg *)mnl_nlmsg_get_payload(begin))->res_id = htons(NFNL_SUBSYS_NFTABLES);
	struct nlmsghdr *table = nfnetlink_request(
		mnl_nlmsg_get_payload_tail(begin), NFNL_SUBSYS_NFTABLES, NFT_MSG_NEWTABLE, NFPROTO_INET);
	table->nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_ACK;
	mnl_attr_put_strz(table, NFTA_TABLE_NAME, "oneway_probe");
	mnl_attr_put_u32(table, NFTA_TABLE_FLAGS, htonl(NFT_TABLE_F_OWNER));
	size_t size = (size_t)((char *)mnl_nlmsg_get_payload_tail(table) - buffer);
	int error = netlink_exchange(reader->netlink, buffer, size, 1, take_verdict, &verdict);
	return error == 0 && verdict == 0;
}

bool nft_reader_has_owners(const struct nft_reader *reader)
{
	return reader->owners;
}

/* ---- open */

int nft_reader_open(struct nft_reader **out)
{
	uint32_t generation;
	struct nft_reader *reader = calloc(1, sizeof(*reader));
	if (!reader)
		return -ENOMEM;
	int error = netlink_open(NETLINK_NETFILTER, &reader->netlink);
	if (error == 0)
		error = nft_reader_generation(reader, &generation);
	/* nfnetlink knows no such subsystem: EINVAL; no nfnetlink: EPROTONOSUPPORT. */
	if (error == -EINVAL || error == -EPROTONOSUPPORT)
		error = -EOPNOTSUPP;
	if (error < 0) {
		nft_reader_close(reader);
		return error;
	}
	reader->owners = nft_reader_probe_owners(reader);
	*out = reader;
	return 0;
}

void nft_reader_close(struct nft_reader *reader)
{
	if (!reader)
		return;
	nft_ruleset_clear(&reader->ruleset);
	netlink_close(reader->netlink);
	free(reader);
}
