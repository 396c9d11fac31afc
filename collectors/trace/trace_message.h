/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * One message of the kernel about a traced packet: NFT_MSG_TRACE of NFNLGRP_NFTRACE
 * (net/netfilter/nf_tables_trace.c). It says which rule took the packet and what it decided; the first one in
 * each base chain has the packet's headers as they are there.
 */

#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stdint.h>

#include "collectors/base/address.h"

/* As long as nf_tables lets names be, with their end (NFT_NAME_MAXLEN). */
#define TRACE_NAME_SIZE NFT_NAME_MAXLEN

enum trace_message_kind { TRACE_BY_POLICY = 1, TRACE_BY_RETURN = 2, TRACE_BY_RULE = 3 };

/* Of a TCP packet, in host byte order. */
struct trace_headers {
	struct address source, destination;
	uint16_t source_port, destination_port;
	uint32_t sequence;
};

struct trace_message {
	uint32_t id;    /* of the packet, as long as the kernel does not copy it */
	uint8_t family; /* of the table, NFPROTO_* */
	enum trace_message_kind kind;
	char table[TRACE_NAME_SIZE], chain[TRACE_NAME_SIZE];
	uint64_t handle;              /* of the rule; 0: the end of a chain, or the policy */
	int32_t verdict;              /* NF_ACCEPT, NF_DROP, NFT_JUMP, ...: of the rule or the policy */
	char target[TRACE_NAME_SIZE]; /* of a jump or goto; "" else */
	int iif, oif;                 /* 0: not said */
	bool has_headers;
	struct trace_headers headers;
};

/* header: any message. 0, or -EBADMSG if it is no such message or does not hold together. A packet other than
 * TCP, or whose headers were cut short, has none. *out is written on success only. */
int trace_message_parse(const struct nlmsghdr *header, struct trace_message *out);
