// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/ruleset.h"

#include <ctype.h>
#include <errno.h>
#include <nftables/libnftables.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/trace.h"

#define COMPLAINT_SIZE 160
#define COMMAND_SIZE   640

struct ruleset {
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

static void keep_complaint(struct ruleset *ruleset, const char *said)
{
	size_t length = strcspn(said, "\n");
	length = length < COMPLAINT_SIZE ? length : COMPLAINT_SIZE - 1;
	memcpy(ruleset->complaint, said, length);
	ruleset->complaint[length] = '\0';
}

int ruleset_open(struct ruleset **out)
{
	struct ruleset *ruleset = calloc(1, sizeof(*ruleset));
	if (!ruleset)
		return -ENOMEM;
	ruleset->context = nft_ctx_new(NFT_CTX_DEFAULT);
	if (!ruleset->context || nft_ctx_buffer_output(ruleset->context) ||
		nft_ctx_buffer_error(ruleset->context)) {
		ruleset_close(ruleset);
		return -ENOMEM;
	}
	*out = ruleset;
	return 0;
}

void ruleset_close(struct ruleset *ruleset)
{
	if (!ruleset)
		return;
	if (ruleset->context)
		nft_ctx_free(ruleset->context);
	free(ruleset);
}

static int run(struct ruleset *ruleset, const char *commands, unsigned flags)
{
	nft_ctx_output_set_flags(ruleset->context, flags);
	int result = nft_run_cmd_from_buffer(ruleset->context, commands);
	const char *said = nft_ctx_get_error_buffer(ruleset->context);
	keep_complaint(ruleset, said ? said : "");
	return result == 0 ? 0 : error_of(said ? said : "");
}

int ruleset_run(struct ruleset *ruleset, const char *commands)
{
	return run(ruleset, commands, 0);
}

const char *ruleset_complaint(const struct ruleset *ruleset)
{
	return ruleset->complaint;
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

static int list(struct ruleset *ruleset, const char *command, unsigned flags, char **out)
{
	int result = run(ruleset, command, flags);
	const char *text = nft_ctx_get_output_buffer(ruleset->context);
	if (result < 0)
		return result;
	*out = strdup(text ? text : "");
	return *out ? 0 : -ENOMEM;
}

static int list_json(struct ruleset *ruleset, const char *command, json_t **out)
{
	char *text;
	int result = list(ruleset, command, NFT_CTX_OUTPUT_HANDLE | NFT_CTX_OUTPUT_JSON, &text);
	if (result < 0)
		return result;
	json_t *root = json_loads(text, 0, NULL);
	*out = json_incref(json_object_get(root, "nftables"));
	json_decref(root);
	free(text);
	return json_is_array(*out) ? 0 : -EBADMSG;
}

int ruleset_chain(struct ruleset *ruleset, uint8_t family, const char *table, const char *chain,
	struct ruleset_chain *out)
{
	char command[COMMAND_SIZE];
	struct ruleset_chain found = { 0 };
	if (!is_word(table) || !is_word(chain))
		return -EINVAL;
	snprintf(command, sizeof(command), "list chain %s %s %s\n", trace_family_name(family), table, chain);
	int result = list(ruleset, command, NFT_CTX_OUTPUT_HANDLE | NFT_CTX_OUTPUT_STATELESS, &found.text);
	found.iptables = strstr(ruleset->complaint, "managed by iptables-nft") != NULL;
	if (result == 0)
		result = list_json(ruleset, command, &found.json);
	if (result < 0)
		ruleset_chain_clear(&found);
	else
		*out = found;
	return result;
}

void ruleset_chain_clear(struct ruleset_chain *chain)
{
	free(chain->text);
	json_decref(chain->json);
	*chain = (struct ruleset_chain){ 0 };
}
