// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/trace/nft_client.h"

#include <ctype.h>
#include <errno.h>
#include <nftables/libnftables.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/trace/trace.h"

#define COMPLAINT_SIZE 160
#define COMMAND_SIZE   640

struct nft_client {
	struct nft_ctx *context;
	char complaint[COMPLAINT_SIZE];
};

/* libnftables prints the kernel's error instead of returning it. */
static const int errors[] = { EEXIST, EPERM, EOPNOTSUPP, ENOENT, EBUSY, ENOMEM };

static int error_of(const char *said)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++)
		if (strstr(said, strerror(errors[i])))
			return -errors[i];
	return -EIO;
}

static void keep_complaint(struct nft_client *client, const char *said)
{
	size_t length = strcspn(said, "\n");
	length = length < COMPLAINT_SIZE ? length : COMPLAINT_SIZE - 1;
	memcpy(client->complaint, said, length);
	client->complaint[length] = '\0';
}

int nft_client_open(struct nft_client **out)
{
	struct nft_client *client = calloc(1, sizeof(*client));
	if (!client)
		return -ENOMEM;
	client->context = nft_ctx_new(NFT_CTX_DEFAULT);
	if (!client->context || nft_ctx_buffer_output(client->context) ||
		nft_ctx_buffer_error(client->context)) {
		nft_client_close(client);
		return -ENOMEM;
	}
	*out = client;
	return 0;
}

void nft_client_close(struct nft_client *client)
{
	if (!client)
		return;
	if (client->context)
		nft_ctx_free(client->context);
	free(client);
}

static int nft_client_execute(struct nft_client *client, const char *commands, unsigned flags)
{
	nft_ctx_output_set_flags(client->context, flags);
	int result = nft_run_cmd_from_buffer(client->context, commands);
	const char *said = nft_ctx_get_error_buffer(client->context);
	keep_complaint(client, said ? said : "");
	return result == 0 ? 0 : error_of(said ? said : "");
}

int nft_client_run(struct nft_client *client, const char *commands)
{
	return nft_client_execute(client, commands, 0);
}

const char *nft_client_complaint(const struct nft_client *client)
{
	return client->complaint;
}

/* ---- chains ---- */

/* The kernel takes any name; nft's language has words of these only, and no way to quote others. */
static bool is_word(const char *name)
{
	if (!isalpha((unsigned char)name[0]) && name[0] != '_')
		return false;
	for (; *name; name++)
		if (!isalnum((unsigned char)*name) && !strchr("_-./\\", *name))
			return false;
	return true;
}

static int nft_client_list(struct nft_client *client, const char *command, unsigned flags, char **out)
{
	int result = nft_client_execute(client, command, flags);
	const char *text = nft_ctx_get_output_buffer(client->context);
	if (result < 0)
		return result;
	*out = strdup(text ? text : "");
	return *out ? 0 : -ENOMEM;
}

static int nft_client_list_json(struct nft_client *client, const char *command, json_t **out)
{
	char *text;
	int result = nft_client_list(client, command, NFT_CTX_OUTPUT_HANDLE | NFT_CTX_OUTPUT_JSON, &text);
	if (result < 0)
		return result;
	json_t *root = json_loads(text, 0, NULL);
	*out = json_incref(json_object_get(root, "nftables"));
	json_decref(root);
	free(text);
	return json_is_array(*out) ? 0 : -EBADMSG;
}

int nft_client_chain(struct nft_client *client, uint8_t family, const char *table, const char *chain,
	struct nft_client_chain *out)
{
	char command[COMMAND_SIZE];
	struct nft_client_chain found = { 0 };
	if (!is_word(table) || !is_word(chain))
		return -EINVAL;
	snprintf(command, sizeof(command), "list chain %s %s %s\n", trace_family_name(family), table, chain);
	int result = nft_client_list(
		client, command, NFT_CTX_OUTPUT_HANDLE | NFT_CTX_OUTPUT_STATELESS, &found.text);
	found.iptables = strstr(client->complaint, "managed by iptables-nft") != NULL;
	if (result == 0)
		result = nft_client_list_json(client, command, &found.json);
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
