/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The expressions of an nftables rule as the kernel sends them (linux/netfilter/nf_tables.h), each parsed
 * into a plain struct. Data points into the message and is as long as it says. Registers are counted in bytes
 * from the start of the kernel's 64 bytes of registers (struct nft_regs).
 */

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NFT_REGISTER_BYTES 64
#define NFT_REGISTER_NONE  UINT32_MAX
#define NFT_CT_DIRECTED    0x100 /* and the direction: IP_CT_DIR_* */

enum nft_kind {
	NFT_KIND_UNKNOWN,   /* an expression of which nothing is known */
	NFT_KIND_PASSIVE,   /* does not decide anything: counter, log, ... */
	NFT_KIND_NARROWING, /* lets some packets go on, which ones cannot be told: limit, quota, ... */
	NFT_KIND_LOAD,      /* fills a register with something that is of no use here */
	NFT_KIND_BYTEORDER,
	NFT_KIND_IMMEDIATE,
	NFT_KIND_CMP,
	NFT_KIND_RANGE,
	NFT_KIND_BITWISE,
	NFT_KIND_PAYLOAD,
	NFT_KIND_META,
	NFT_KIND_CT,
	NFT_KIND_FIB,
	NFT_KIND_LOOKUP,
	NFT_KIND_RANDOM, /* numgen, hash */
	NFT_KIND_NAT,
	NFT_KIND_REDIR,
	NFT_KIND_MATCH,
	NFT_KIND_TARGET,
	NFT_KIND_END, /* ends the packet's way without a translation: reject, queue, ... */
	NFT_KINDS
};

/* Bytes of a message. */
struct nft_data {
	const uint8_t *bytes; /* NULL: absent */
	size_t size;
};

struct nft_verdict {
	bool present;
	int32_t code;      /* NF_ACCEPT, NF_DROP, NFT_JUMP, ... */
	const char *chain; /* in the message; "": none */
};

/* Which members mean something depends on the kind; what the kernel did not send is 0. */
struct nft_expression {
	enum nft_kind kind;
	unsigned source, destination; /* first byte in the registers; NFT_REGISTER_NONE: absent. META, CT and
					 PAYLOAD without destination set what they have a source for */
	unsigned source_end;          /* NAT: of the last address; as source if there is none */
	unsigned port, port_end;      /* NAT, REDIR: registers of the first and the last port */
	uint32_t key;                 /* META, CT; PAYLOAD: base; FIB: result; NAT: type */
	uint32_t operation;           /* CMP, RANGE, BITWISE */
	uint32_t offset, length;      /* PAYLOAD; BITWISE: length */
	uint32_t flags;       /* LOOKUP, FIB, NAT; BYTEORDER: bytes of each number; CT: NFT_CT_DIRECTED */
	uint32_t family;      /* NAT */
	uint32_t revision;    /* MATCH, TARGET */
	struct nft_data data; /* IMMEDIATE, CMP; RANGE: from; BITWISE: mask; MATCH, TARGET: info */
	struct nft_data more; /* RANGE: to; BITWISE: xor */
	struct nft_verdict verdict; /* IMMEDIATE */
	const char *name; /* in the message: LOOKUP: set; MATCH, TARGET: name; UNKNOWN: of the expression */
};

/* Goes through attributes that stand one after the other. NULL at the end, or where one is malformed. */
struct nft_cursor {
	const char *at; /* aligned to 4 */
	size_t left;
};
const struct nlattr *nft_cursor_next(struct nft_cursor *cursor);

/* One NFTA_LIST_ELEM of NFTA_RULE_EXPRESSIONS. 0, or -EBADMSG: an expression that is known and lacks what it
 * must have. */
int nft_expression_parse(const struct nlattr *element, struct nft_expression *out);

/* The attribute's text if it ends within it; NULL if it does not or the attribute is NULL. */
const char *nft_text(const struct nlattr *attribute);

/* NFTA_DATA_VALUE within a nest of NFTA_DATA_*; absent if there is none. */
struct nft_data nft_data_value(const struct nlattr *nest);
struct nft_verdict nft_data_verdict(const struct nlattr *nest);
