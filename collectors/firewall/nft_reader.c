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

#include "collectors/base/netlink.h"

#define REQUEST_SIZE 1024

enum stage { STAGE_IDLE, STAGE_CHAINS, STAGE_RULES, STAGE_SETS, STAGE_REACH, STAGE_ELEMENTS };

struct nft_reader {
	struct netlink *netlink;
	struct nft_ruleset ruleset;
	enum stage stage;
	size_t position; /* nat chain of the table, or set, that is being read */
	uint32_t sequence;
	uint32_t generation;
	int spoiled; /* the first error, negative; the rest of the dump is read nevertheless */
	void (*record)(const struct nlmsghdr *header, void *argument);
	void *argument;
	alignas(struct nlmsghdr) char buffer[NETLINK_BUFFER_SIZE];
};

/* ---- requests */

static struct nlmsghdr *nft_reader_request(
	struct nft_reader *reader, char *buffer, unsigned type, uint8_t family, uint16_t flags)
{
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	request->nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type);
	request->nlmsg_flags = NLM_F_REQUEST | flags;
	request->nlmsg_seq = reader->sequence = netlink_sequence(reader->netlink);
	struct nfgenmsg *generic = mnl_nlmsg_put_extra_header(request, sizeof(*generic));
	generic->nfgen_family = family;
	generic->version = NFNETLINK_V0;
	return request;
}

struct dump_kind {
	unsigned type;
	uint16_t table, name; /* attributes by which the dump is confined; 0: none */
};

static const struct dump_kind dumps[] = {
	[STAGE_CHAINS] = { NFT_MSG_GETCHAIN, 0, 0 },
	[STAGE_RULES] = { NFT_MSG_GETRULE, NFTA_RULE_TABLE, 0 },
	[STAGE_SETS] = { NFT_MSG_GETSET, NFTA_SET_TABLE, 0 },
	[STAGE_ELEMENTS] = { NFT_MSG_GETSETELEM, NFTA_SET_ELEM_LIST_TABLE, NFTA_SET_ELEM_LIST_SET },
};

static int nft_reader_ask(struct nft_reader *reader, uint8_t family, const char *table, const char *name)
{
	alignas(struct nlmsghdr) char buffer[REQUEST_SIZE] = { 0 };
	const struct dump_kind *kind = &dumps[reader->stage];
	struct nlmsghdr *request = nft_reader_request(reader, buffer, kind->type, family, NLM_F_DUMP);
	if (kind->table)
		mnl_attr_put_strz(request, kind->table, table);
	if (kind->name)
		mnl_attr_put_strz(request, kind->name, name);
	return mnl_socket_sendto(netlink_socket(reader->netlink), request, request->nlmsg_len) < 0 ? -errno
												   : 0;
}

/* ---- the generation */

struct generation {
	uint32_t sequence, id;
	int error;
};

static int take_generation(const struct nlmsghdr *header, void *argument)
{
	struct generation *generation = argument;
	const struct nlattr *table[NFTA_GEN_MAX + 1];
	if (header->nlmsg_seq != generation->sequence)
		return 0;
	if (header->nlmsg_type == NLMSG_ERROR) {
		const struct nlmsgerr *answer = mnl_nlmsg_get_payload(header);
		generation->error =
			mnl_nlmsg_get_payload_len(header) >= sizeof(answer->error) ? answer->error : -EBADMSG;
		return 1;
	}
	if (!attributes_of_message(header, sizeof(struct nfgenmsg), table, NFTA_GEN_MAX) ||
		!attribute_u32(table[NFTA_GEN_ID], &generation->id))
		generation->error = -EBADMSG;
	return 1;
}

int nft_reader_generation(struct nft_reader *reader, uint32_t *out)
{
	alignas(struct nlmsghdr) char buffer[REQUEST_SIZE] = { 0 };
	const struct nlmsghdr *request =
		nft_reader_request(reader, buffer, NFT_MSG_GETGEN, NFPROTO_UNSPEC, 0);
	struct generation generation = { .sequence = reader->sequence };
	int error = netlink_exchange(
		reader->netlink, request, request->nlmsg_len, 1, take_generation, &generation);
	if (error == 0)
		error = generation.error;
	if (error == 0)
		*out = ntohl(generation.id);
	return error;
}

/* ---- from one dump to the next */

/* The next nat chain at or after `from` whose table no one before it has. */
static size_t next_table(const struct nft_ruleset *ruleset, size_t from)
{
	for (size_t i = from; i < ruleset->nat_chain_count; i++) {
		const struct nft_chain *chain = &ruleset->chains[ruleset->nat_chains[i]];
		bool fresh = true;
		for (size_t j = 0; j < i && fresh; j++) {
			const struct nft_chain *other = &ruleset->chains[ruleset->nat_chains[j]];
			fresh = other->family != chain->family || strcmp(other->table, chain->table) != 0;
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
	return nft_reader_ask(reader, set->family, set->table, set->name);
}

/* What follows the dump that has ended well. 0, 1 when nothing does, or negative errno. */
static int nft_reader_ask_next(struct nft_reader *reader)
{
	const struct nft_ruleset *ruleset = &reader->ruleset;
	enum stage stage = reader->stage == STAGE_CHAINS ? STAGE_RULES : reader->stage;
	if (stage == STAGE_RULES || stage == STAGE_SETS) {
		size_t table = next_table(ruleset, reader->stage == STAGE_CHAINS ? 0 : reader->position + 1);
		if (table == NFT_NO_INDEX && stage == STAGE_RULES) {
			stage = STAGE_SETS;
			table = next_table(ruleset, 0);
		}
		if (table != NFT_NO_INDEX) {
			const struct nft_chain *chain = &ruleset->chains[ruleset->nat_chains[table]];
			reader->stage = stage;
			reader->position = table;
			return nft_reader_ask(reader, chain->family, chain->table, NULL);
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

static int error_of(const struct nlmsghdr *header)
{
	int error = 0;
	if (mnl_nlmsg_get_payload_len(header) >= sizeof(error))
		memcpy(&error, mnl_nlmsg_get_payload(header), sizeof(error));
	return error < 0 ? error : 0;
}

static void nft_reader_spoil(struct nft_reader *reader, int error)
{
	if (reader->spoiled == 0)
		reader->spoiled = error;
}

static void nft_reader_add(struct nft_reader *reader, const struct nlmsghdr *header)
{
	if (reader->record)
		reader->record(header, reader->argument);
	int error = nft_ruleset_add(&reader->ruleset, header);
	if (error == -EBADMSG)
		reader->ruleset.omitted++;
	else if (error < 0)
		nft_reader_spoil(reader, error);
}

/* True when the dump has ended. */
static bool nft_reader_take_piece(struct nft_reader *reader, size_t size)
{
	const struct nlmsghdr *header = (const struct nlmsghdr *)reader->buffer;
	int left = (int)size;
	for (; mnl_nlmsg_ok(header, left); header = mnl_nlmsg_next(header, &left)) {
		if (header->nlmsg_seq != reader->sequence)
			continue;
		if (header->nlmsg_flags & NLM_F_DUMP_INTR)
			nft_reader_spoil(reader, -EINTR);
		if (header->nlmsg_type == NLMSG_DONE || header->nlmsg_type == NLMSG_ERROR) {
			nft_reader_spoil(reader, error_of(header));
			return true;
		}
		if (header->nlmsg_type >= NLMSG_MIN_TYPE)
			nft_reader_add(reader, header);
	}
	return false;
}

/* Bytes in the buffer; the kernel has them ready when the request was sent. */
static ssize_t nft_reader_receive(struct nft_reader *reader)
{
	struct sockaddr_nl from = { 0 };
	socklen_t from_size = sizeof(from);
	ssize_t size = recvfrom(netlink_descriptor(reader->netlink), reader->buffer, sizeof(reader->buffer),
		MSG_TRUNC, (struct sockaddr *)&from, &from_size);
	if (size < 0)
		return errno == EINTR ? 0 : errno == EAGAIN ? -ETIMEDOUT : -errno;
	if (from.nl_pid != 0)
		return 0; /* a privileged process may write to this socket too */
	return (size_t)size > sizeof(reader->buffer) ? -EMSGSIZE : size;
}

int nft_reader_step(struct nft_reader *reader)
{
	if (reader->stage == STAGE_IDLE)
		return -EINVAL;
	if (reader->stage == STAGE_REACH)
		return nft_reader_reach(reader);
	ssize_t size = nft_reader_receive(reader);
	if (size == -EMSGSIZE || size == -ENOBUFS) {
		nft_reader_spoil(reader, -EINTR);
		return 0;
	}
	int result = size < 0 ? (int)size : 0;
	if (result == 0 && nft_reader_take_piece(reader, (size_t)size))
		/* A table or set that is gone has changed the ruleset. */
		result = reader->spoiled == -ENOENT ? -EINTR
			 : reader->spoiled < 0      ? reader->spoiled
						    : nft_reader_ask_next(reader);
	if (result < 0)
		reader->stage = STAGE_IDLE;
	return result;
}

int nft_reader_begin(struct nft_reader *reader)
{
	nft_ruleset_clear(&reader->ruleset);
	netlink_drain(reader->netlink, NULL, NULL); /* what a reading that broke off has left */
	int error = nft_reader_generation(reader, &reader->generation);
	if (error < 0)
		return error;
	reader->spoiled = 0;
	reader->stage = STAGE_CHAINS;
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
