// SPDX-License-Identifier: GPL-2.0-or-later
#include "alerts/finding.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/growth.h"

static const char *const severity_names[SEVERITIES] = {
	[SEVERITY_INFO] = "info",
	[SEVERITY_WARNING] = "warning",
	[SEVERITY_CRITICAL] = "critical",
};

static const char *const origin_names[] = {
	[ORIGIN_LOCAL] = "local",
	[ORIGIN_DNAT] = "dnat",
	[ORIGIN_REMOTE] = "remote",
};

const char *severity_name(enum severity severity)
{
	return severity_names[severity];
}

const char *origin_name(enum origin origin)
{
	return origin_names[origin];
}

struct findings *findings_new(void)
{
	return calloc(1, sizeof(struct findings));
}

void findings_free(struct findings *findings)
{
	if (!findings)
		return;
	for (size_t i = 0; i < findings->count; i++)
		finding_clear(&findings->items[i]);
	free(findings->items);
	free(findings);
}

struct finding *findings_add(struct findings *findings)
{
	return GROW(findings->items, findings->count);
}

const struct finding *findings_find(const struct findings *findings, const char *id)
{
	for (size_t i = 0; i < findings->count; i++)
		if (strcmp(findings->items[i].id, id) == 0)
			return &findings->items[i];
	return NULL;
}

/* FNV-1a: the id must be the same after a restart and on another machine, but withstand nobody. */
static uint64_t hash(uint64_t sum, const void *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		sum = (sum ^ ((const uint8_t *)bytes)[i]) * UINT64_C(0x100000001b3);
	return sum;
}

static uint64_t hash_text(uint64_t sum, const char *text)
{
	return hash(sum, text, strlen(text) + 1);
}

void finding_identify(struct finding *finding)
{
	uint64_t sum = UINT64_C(0xcbf29ce484222325);
	sum = hash_text(sum, finding->condition->name);
	sum = hash_text(sum, finding->device_name);
	if (finding->has_service) {
		sum = hash_text(sum, origin_name(finding->origin));
		sum = hash(sum, &finding->address, sizeof(finding->address));
		sum = hash(sum, &finding->target, sizeof(finding->target));
	}
	snprintf(finding->id, sizeof(finding->id), "%016" PRIx64, sum);
}

static int copy_text(char **to, const char *from)
{
	if (!from)
		return 0;
	*to = strdup(from);
	return *to ? 0 : -ENOMEM;
}

static int copy_evidence(struct finding *to, const struct finding *from)
{
	for (size_t i = 0; i < from->evidence_count; i++) {
		struct evidence *item = GROW(to->evidence, to->evidence_count);
		if (!item)
			return -ENOMEM;
		item->key = from->evidence[i].key;
		item->number = from->evidence[i].number;
		item->item = from->evidence[i].item;
		if (copy_text(&item->text, from->evidence[i].text) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int copy_remedy(struct finding *to, const struct finding *from)
{
	for (size_t i = 0; i < from->remedy_count; i++) {
		char **command = GROW(to->remedy, to->remedy_count);
		if (!command || copy_text(command, from->remedy[i]) < 0)
			return -ENOMEM;
	}
	return 0;
}

int finding_copy(struct finding *to, const struct finding *from)
{
	*to = *from;
	to->reply_device = to->summary = to->explanation = NULL;
	to->evidence = NULL;
	to->remedy = NULL;
	to->evidence_count = to->remedy_count = 0;
	if (copy_text(&to->reply_device, from->reply_device) == 0 &&
		copy_text(&to->summary, from->summary) == 0 &&
		copy_text(&to->explanation, from->explanation) == 0 && copy_evidence(to, from) == 0 &&
		copy_remedy(to, from) == 0)
		return 0;
	finding_clear(to);
	return -ENOMEM;
}

void finding_clear(struct finding *finding)
{
	for (size_t i = 0; i < finding->evidence_count; i++)
		free(finding->evidence[i].text);
	for (size_t i = 0; i < finding->remedy_count; i++)
		free(finding->remedy[i]);
	free(finding->evidence);
	free(finding->remedy);
	free(finding->reply_device);
	free(finding->summary);
	free(finding->explanation);
	memset(finding, 0, sizeof(*finding));
}

__attribute__((format(printf, 2, 0))) static int format_text(
	char **out, const char *format, va_list arguments)
{
	char *text;
	if (vasprintf(&text, format, arguments) < 0)
		return -ENOMEM;
	*out = text;
	return 0;
}

int finding_set_text(char **text, const char *format, ...)
{
	char *fresh;
	va_list arguments;
	va_start(arguments, format);
	int error = format_text(&fresh, format, arguments);
	va_end(arguments);
	if (error < 0)
		return error;
	free(*text);
	*text = fresh;
	return 0;
}

int finding_append_text(char **text, const char *format, ...)
{
	char *more;
	va_list arguments;
	va_start(arguments, format);
	int error = format_text(&more, format, arguments);
	va_end(arguments);
	if (error < 0)
		return error;
	error = finding_set_text(text, "%s%s", *text ? *text : "", more);
	free(more);
	return error;
}

static int add_evidence(struct finding *finding, struct evidence evidence)
{
	struct evidence *item = GROW(finding->evidence, finding->evidence_count);
	if (!item) {
		free(evidence.text);
		return -ENOMEM;
	}
	*item = evidence;
	return 0;
}

int finding_add_evidence(struct finding *finding, const char *key, const char *format, ...)
{
	char *text;
	va_list arguments;
	va_start(arguments, format);
	int error = format_text(&text, format, arguments);
	va_end(arguments);
	return error < 0 ? error : add_evidence(finding, (struct evidence){ .key = key, .text = text });
}

/* The shortest of two precisions that reads back as the same number. */
int finding_add_number(struct finding *finding, const char *key, double value)
{
	char text[32];
	snprintf(text, sizeof(text), "%.15g", value);
	if (isfinite(value) && strtod(text, NULL) != value)
		snprintf(text, sizeof(text), "%.17g", value);
	char *copy = strdup(text);
	if (!copy)
		return -ENOMEM;
	return add_evidence(
		finding, (struct evidence){ .key = key, .text = copy, .number = isfinite(value) });
}

void finding_add_handshake(struct finding *finding, uint64_t handshake)
{
	if (finding->handshake_count < FINDING_HANDSHAKES)
		finding->handshakes[finding->handshake_count++] = handshake;
}

int finding_add_item(struct finding *finding, const char *key, const char *text)
{
	char *copy = strdup(text);
	return copy ? add_evidence(finding, (struct evidence){ .key = key, .text = copy, .item = true })
		    : -ENOMEM;
}

int finding_add_remedy(struct finding *finding, const char *format, ...)
{
	char *text;
	va_list arguments;
	va_start(arguments, format);
	int error = format_text(&text, format, arguments);
	va_end(arguments);
	if (error < 0)
		return error;
	char **command = GROW(finding->remedy, finding->remedy_count);
	if (!command) {
		free(text);
		return -ENOMEM;
	}
	*command = text;
	return 0;
}

bool finding_is_alarm(const struct finding *finding)
{
	return finding->open && !finding->intended && finding->cause[0] == '\0';
}
