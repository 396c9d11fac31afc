// SPDX-License-Identifier: GPL-2.0-or-later
#include "alerts/finding.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/array.h"

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
	finding_clear(&findings->spare);
	free(findings->items);
	free(findings->by_id);
	verdicts_clear(&findings->verdicts);
	free(findings);
}

struct finding *findings_add(struct findings *findings, const struct condition *condition)
{
	struct finding *finding = ARRAY_ADD(findings->items, findings->count);
	if (!finding) {
		findings->failed = true;
		finding = &findings->spare;
		finding_clear(finding);
	}
	finding->condition = condition;
	return finding;
}

static int compare_ids(const void *left, const void *right)
{
	const struct finding *const *a = left, *const *b = right;
	return strcmp((*a)->id, (*b)->id);
}

int findings_index(struct findings *findings)
{
	struct finding **by_id = calloc(findings->count + 1, sizeof(struct finding *));
	if (!by_id)
		return -ENOMEM;
	for (size_t i = 0; i < findings->count; i++)
		by_id[i] = &findings->items[i];
	qsort(by_id, findings->count, sizeof(struct finding *), compare_ids);
	free(findings->by_id);
	findings->by_id = by_id;
	return 0;
}

static int compare_with_id(const void *id, const void *item)
{
	const struct finding *const *finding = item;
	return strcmp(id, (*finding)->id);
}

const struct finding *findings_find(const struct findings *findings, const char *id)
{
	if (findings->by_id) {
		struct finding *const *found = bsearch(
			id, findings->by_id, findings->count, sizeof(struct finding *), compare_with_id);
		return found ? *found : NULL;
	}
	for (size_t i = 0; i < findings->count; i++)
		if (strcmp(findings->items[i].id, id) == 0)
			return &findings->items[i];
	return NULL;
}

struct finding *findings_about(const struct findings *findings, const struct condition *condition, int device,
	const struct address *address, const struct address *target)
{
	for (size_t i = 0; i < findings->count; i++) {
		struct finding *finding = &findings->items[i];
		if (finding->condition == condition && finding->device == device &&
			(!address || address_equal(&finding->address, address)) &&
			(!target || address_equal(&finding->target, target)))
			return finding;
	}
	return NULL;
}

bool findings_failed(const struct findings *findings)
{
	bool failed = findings->failed;
	for (size_t i = 0; i < findings->count; i++)
		failed |= findings->items[i].failed;
	return failed;
}

void finding_set_service(struct finding *finding, enum origin origin, const struct address *address,
	const struct address *target)
{
	finding->has_service = true;
	finding->origin = origin;
	finding->address = *address;
	finding->target = *target;
}

/* FNV-1a: the id must be the same after a restart and on another machine, but withstand nobody. */
static uint64_t finding_hash(uint64_t sum, const void *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		sum = (sum ^ ((const uint8_t *)bytes)[i]) * UINT64_C(0x100000001b3);
	return sum;
}

static uint64_t finding_hash_text(uint64_t sum, const char *text)
{
	return finding_hash(sum, text, strlen(text) + 1);
}

void finding_identify(struct finding *finding)
{
	uint64_t sum = UINT64_C(0xcbf29ce484222325);
	sum = finding_hash_text(sum, finding->condition->name);
	sum = finding_hash_text(sum, finding->device_name);
	if (finding->has_service && !finding->condition->any_target)
		sum = finding_hash_text(sum, origin_name(finding->origin));
	if (finding->has_service)
		sum = finding_hash(sum, &finding->address, sizeof(finding->address));
	if (finding->has_service && !finding->condition->any_target)
		sum = finding_hash(sum, &finding->target, sizeof(finding->target));
	snprintf(finding->id, sizeof(finding->id), "%016" PRIx64, sum);
}

/* Takes the text over. */
static void finding_own_evidence(struct finding *finding, struct evidence evidence)
{
	struct evidence *item = evidence.text ? ARRAY_ADD(finding->evidence, finding->evidence_count) : NULL;
	if (item)
		*item = evidence;
	else
		free(evidence.text);
	finding->failed |= !item;
}

static void finding_own_remedy(struct finding *finding, char *text)
{
	char **command = text ? ARRAY_ADD(finding->remedy, finding->remedy_count) : NULL;
	if (command)
		*command = text;
	else
		free(text);
	finding->failed |= !command;
}

static void finding_copy_text(struct finding *to, char **text, const char *from)
{
	*text = from ? strdup(from) : NULL;
	to->failed |= from && !*text;
}

void finding_copy(struct finding *to, const struct finding *from)
{
	*to = *from;
	to->evidence = NULL;
	to->remedy = NULL;
	to->evidence_count = to->remedy_count = 0;
	finding_copy_text(to, &to->summary, from->summary);
	finding_copy_text(to, &to->explanation, from->explanation);
	for (size_t i = 0; i < from->evidence_count; i++) {
		struct evidence evidence = from->evidence[i];
		evidence.text = strdup(evidence.text);
		finding_own_evidence(to, evidence);
	}
	for (size_t i = 0; i < from->remedy_count; i++)
		finding_own_remedy(to, strdup(from->remedy[i]));
	for (unsigned i = 0; i < from->changed_count; i++)
		change_share(from->changed[i]);
}

void finding_clear(struct finding *finding)
{
	for (size_t i = 0; i < finding->evidence_count; i++)
		free(finding->evidence[i].text);
	for (size_t i = 0; i < finding->remedy_count; i++)
		free(finding->remedy[i]);
	for (unsigned i = 0; i < finding->changed_count; i++)
		change_release(finding->changed[i]);
	free(finding->evidence);
	free(finding->remedy);
	free(finding->summary);
	free(finding->explanation);
	memset(finding, 0, sizeof(*finding));
}

/* NULL when memory is out. */
__attribute__((format(printf, 1, 0))) static char *format_text(const char *format, va_list arguments)
{
	char *text;
	return vasprintf(&text, format, arguments) < 0 ? NULL : text;
}

void finding_summarise(struct finding *finding, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	free(finding->summary);
	finding->summary = format_text(format, arguments);
	va_end(arguments);
	finding->failed |= !finding->summary;
}

void finding_explain(struct finding *finding, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	char *more = format_text(format, arguments), *all = more;
	va_end(arguments);
	if (more && finding->explanation) {
		size_t size = strlen(finding->explanation);
		bool apart = size && finding->explanation[size - 1] == '.' &&
			     (isupper((unsigned char)*more) || *more == '`');
		all = realloc(finding->explanation, size + strlen(more) + 2);
		if (all)
			strcat(strcat(all, apart ? " " : ""), more);
		free(more);
	}
	if (all)
		finding->explanation = all;
	finding->failed |= !all;
}

void finding_add_evidence(struct finding *finding, const char *key, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	finding_own_evidence(
		finding, (struct evidence){ .key = key, .text = format_text(format, arguments) });
	va_end(arguments);
}

/* The shortest of two precisions that reads back as the same number. */
void finding_add_number(struct finding *finding, const char *key, double value)
{
	char text[32];
	snprintf(text, sizeof(text), "%.15g", value);
	if (isfinite(value) && strtod(text, NULL) != value)
		snprintf(text, sizeof(text), "%.17g", value);
	finding_own_evidence(
		finding, (struct evidence){ .key = key, .text = strdup(text), .number = isfinite(value) });
}

void finding_add_item(struct finding *finding, const char *key, const char *text)
{
	finding_own_evidence(finding, (struct evidence){ .key = key, .text = strdup(text), .item = true });
}

bool finding_add_distinct(struct finding *finding, const char *key, const char *text)
{
	unsigned count = 0;
	for (size_t i = 0; i < finding->evidence_count; i++) {
		if (strcmp(finding->evidence[i].key, key) != 0)
			continue;
		if (strcmp(finding->evidence[i].text, text) == 0)
			return true;
		count++;
	}
	if (count < FINDING_DISTINCT)
		finding_add_item(finding, key, text);
	return count < FINDING_DISTINCT;
}

bool finding_add_address(struct finding *finding, const char *key, const struct address *address)
{
	char text[ADDRESS_TEXT_SIZE];
	return finding_add_distinct(finding, key, address_format(address, text));
}

void finding_add_remedy(struct finding *finding, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	finding_own_remedy(finding, format_text(format, arguments));
	va_end(arguments);
}

void finding_add_handshake(struct finding *finding, uint64_t handshake)
{
	if (finding->handshake_count < FINDING_HANDSHAKES)
		finding->handshakes[finding->handshake_count++] = handshake;
}

bool finding_is_alarm(const struct finding *finding)
{
	return finding->open && !finding->intended && finding->cause[0] == '\0';
}
