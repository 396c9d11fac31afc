// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/trace/nft_client.h"

#include <ctype.h>
#include <errno.h>
#include <nftables/libnftables.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/trace/trace.h"

#define COMMAND_SIZE 640

int nft_client_open(struct nft_ctx **out)
{
	struct nft_ctx *client = nft_ctx_new(NFT_CTX_DEFAULT);
	if (!client || nft_ctx_buffer_output(client) || nft_ctx_buffer_error(client)) {
		nft_client_close(client);
		return -ENOMEM;
	}
	*out = client;
	return 0;
}

void nft_client_close(struct nft_ctx *client)
{
	if (client)
		nft_ctx_free(client);
}

static int nft_client_execute(struct nft_ctx *client, const char *commands, unsigned flags)
{
	static const int errors[] = { EEXIST, EPERM, EOPNOTSUPP, EINVAL, ENOENT, EBUSY, ENOMEM };
	nft_ctx_output_set_flags(client, flags);
	if (nft_run_cmd_from_buffer(client, commands) == 0)
		return 0;
	/* libnftables prints the kernel's error instead of returning it. */
	const char *said = nft_ctx_get_error_buffer(client);
	for (size_t i = 0; said && i < sizeof(errors) / sizeof(*errors); i++)
		if (strstr(said, strerror(errors[i])))
			return -errors[i];
	return -EIO;
}

int nft_client_run(struct nft_ctx *client, const char *commands)
{
	return nft_client_execute(client, commands, 0);
}

/* The kernel takes any name; nft's language has words of these only, and no way to quote others. */
static bool is_nft_word(const char *name)
{
	if (!isalpha((unsigned char)name[0]) && name[0] != '_')
		return false;
	for (; *name; name++)
		if (!isalnum((unsigned char)*name) && !strchr("_-./\\", *name))
			return false;
	return true;
}

int nft_client_chain(struct nft_ctx *client, uint8_t family, const char *table, const char *chain,
	struct nft_client_chain *out)
{
	char command[COMMAND_SIZE];
	struct nft_client_chain found = { 0 };
	if (!is_nft_word(table) || !is_nft_word(chain))
		return -EINVAL;
	snprintf(command, sizeof(command), "list chain %s %s %s\n", trace_family_name(family), table, chain);
	int result = nft_client_execute(client, command, NFT_CTX_OUTPUT_HANDLE | NFT_CTX_OUTPUT_STATELESS);
	if (result < 0)
		return result;
	const char *text = nft_ctx_get_output_buffer(client), *said = nft_ctx_get_error_buffer(client);
	found.text = strdup(text ? text : "");
	found.iptables = said && strstr(said, "managed by iptables-nft");
	result = found.text ? nft_client_execute(client, command, NFT_CTX_OUTPUT_HANDLE | NFT_CTX_OUTPUT_JSON)
			    : -ENOMEM;
	if (result == 0) {
		json_t *root = json_loads(nft_ctx_get_output_buffer(client), 0, NULL);
		found.json = json_incref(json_object_get(root, "nftables"));
		json_decref(root);
		result = json_is_array(found.json) ? 0 : -EBADMSG;
	}
	if (result < 0)
		nft_client_chain_clear(&found);
	else
		*out = found;
	return result;
}

void nft_client_chain_clear(struct nft_client_chain *chain)
{
	free(chain->text);
	json_decref(chain->json);
	*chain = (struct nft_client_chain){ 0 };
}
