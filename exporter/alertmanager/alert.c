// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/alertmanager/alert.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/array.h"
#include "exporter/base/buffer.h"
#include "exporter/base/value.h"
#include "exporter/metrics/finding_series.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* As in alerts/mixin/findings.libsonnet. */
#define UNNAMED_ALERT   "OnewayFindingUnnamed"
#define UNNAMED_SUMMARY "A finding is open whose address no label may name."
#define UNNAMED_PAGE    "watching.md#onewayfindingunnamed"
#define WHERE           "`oneway check` there shows the evidence, and the commands that heal it where there are some."

static const char *const finding_labels[] = { FINDING_LABELS };
_Static_assert(COUNT(finding_labels) == FINDING_LABEL_COUNT, "labels");

/* ---- who sends ---- */

static bool is_label_name(const char *name, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!(isascii(name[i]) && (isalpha(name[i]) || (i > 0 && isdigit(name[i])))) &&
			name[i] != '_')
			return false;
	return length > 0;
}

static bool is_own_label(const char *name)
{
	bool own = strcmp(name, "alertname") == 0;
	for (size_t i = 0; i < COUNT(finding_labels); i++)
		own |= strcmp(name, finding_labels[i]) == 0;
	return own;
}

static int add_label(json_t *labels, const char *text, char *message, size_t size)
{
	const char *equals = strchr(text, '=');
	size_t length = equals ? (size_t)(equals - text) : 0;
	char *name = strndup(text, length), shown[96];
	json_t *value = equals ? value_text(equals + 1) : NULL;
	int result = 0;
	text_format(text, TEXT_QUOTED, shown, sizeof(shown));
	snprintf(message, size, "out of memory");
	if (!name || (equals && !value)) {
		result = -ENOMEM;
	} else if (!equals || !is_label_name(text, length)) {
		snprintf(message, size, "--alertmanager.label: expected NAME=VALUE, got %s", shown);
		result = -EINVAL;
	} else if (is_own_label(name)) {
		snprintf(message, size, "--alertmanager.label: %s is what a finding says itself", name);
		result = -EINVAL;
	} else if (json_object_set(labels, name, value) < 0) {
		result = -ENOMEM;
	}
	json_decref(value);
	free(name);
	return result;
}

int alert_sender_make(
	const struct alert_sender_options *options, struct alert_sender *out, char *message, size_t size)
{
	const struct value_member members[] = {
		{ "job", value_text("oneway") },
		{ "instance", value_text(options->instance) },
	};
	json_t *labels = VALUE_OBJECT(members), *value, *generator = value_text(options->generator_url);
	const char *name;
	void *next;
	char *encoded = generator ? json_dumps(generator, JSON_ENCODE_ANY) : NULL;
	int result = labels && encoded ? 0 : -ENOMEM;
	json_decref(generator);
	snprintf(message, size, "out of memory");
	for (size_t i = 0; result == 0 && i < options->labels.count; i++)
		result = add_label(labels, options->labels.items[i], message, size);
	if (result < 0) {
		json_decref(labels);
		free(encoded);
		return result;
	}
	json_object_foreach_safe(labels, next, name, value)
	{
		if (!*json_string_value(value))
			json_object_del(labels, name);
	}
	const char *instance = json_string_value(json_object_get(labels, "instance"));
	*out = (struct alert_sender){ labels, instance ? instance : "", encoded, options->runbook_url };
	return 0;
}

void alert_sender_clear(struct alert_sender *sender)
{
	json_decref(sender->labels);
	free(sender->generator);
	*sender = (struct alert_sender){ 0 };
}

/* ---- texts ---- */

const char *alert_name(const struct condition *condition, char name[static ALERT_NAME_SIZE])
{
	size_t used = (size_t)snprintf(name, ALERT_NAME_SIZE, "Oneway");
	bool capital = true;
	for (const char *at = condition->name; *at && used + 1 < ALERT_NAME_SIZE; at++) {
		if (*at != '_')
			name[used++] = (char)(capital ? toupper((unsigned char)*at) : *at);
		capital = *at == '_';
	}
	name[used] = '\0';
	return name;
}

/* Takes the text over. */
static json_t *text_value(struct buffer *text)
{
	buffer_add(text, "", 1);
	json_t *value = text->failed ? NULL : value_text(text->data);
	buffer_clear(text);
	return value;
}

/* Up to the first colon or semicolon, as a sentence. */
static json_t *summary_value(const struct condition *condition)
{
	struct buffer text = { 0 };
	buffer_format(&text, "%c%.*s.", toupper((unsigned char)condition->help[0]),
		(int)strcspn(condition->help, ":;") - 1, condition->help + 1);
	return text_value(&text);
}

static bool shows_remedy(const struct finding *finding)
{
	return finding->remedy_checked && finding->remedy_count > 0;
}

static json_t *description_value(
	const struct alert_sender *sender, const struct finding_series *series, const struct finding *told)
{
	const struct finding *finding = series->finding;
	struct buffer text = { 0 };
	buffer_text(&text, sender->instance);
	if (*finding->device_name)
		buffer_format(&text, ", device %s", finding->device_name);
	if (*series->address)
		buffer_format(&text, ", address %s", series->address);
	if (*told->reply_device)
		buffer_format(&text, ", replies leave by %s", told->reply_device);
	buffer_format(&text, ": %s. ", finding->condition->help);
	if (shows_remedy(told))
		buffer_format(&text, "To heal it, begin with: %s ", told->remedy[0]);
	buffer_text(&text, WHERE);
	return text_value(&text);
}

/* All its commands, a line each. */
static json_t *remedy_value(const struct finding *finding)
{
	struct buffer text = { 0 };
	for (size_t i = 0; i < finding->remedy_count; i++)
		buffer_format(&text, "%s%s", i ? "\n" : "", finding->remedy[i]);
	return text_value(&text);
}

static json_t *runbook_value(const struct alert_sender *sender, const char *page)
{
	struct buffer text = { 0 };
	buffer_format(&text, "%s%s", sender->runbook_url, page);
	return text_value(&text);
}

/* ---- alerts ---- */

void alert_clear(struct alert *alert)
{
	free(alert->labels);
	free(alert->annotations);
	*alert = (struct alert){ 0 };
}

void alert_list_clear(struct alert_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		alert_clear(&list->items[i]);
	free(list->items);
	*list = (struct alert_list){ 0 };
}

static char *dump(const json_t *object)
{
	return object ? json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
}

/* Takes both over; labels are joined by the sender's. */
static int add_alert(struct alert_list *list, const struct alert_sender *sender, json_t *labels,
	json_t *annotations, int64_t since_ns)
{
	if (labels && json_object_update_missing(labels, sender->labels) < 0)
		value_set(&labels, "", NULL);
	struct alert alert = { dump(labels), dump(annotations), since_ns };
	json_decref(labels);
	json_decref(annotations);
	struct alert *place = alert.labels && alert.annotations ? ARRAY_ADD(list->items, list->count) : NULL;
	if (place)
		*place = alert;
	else
		alert_clear(&alert);
	return place ? 0 : -ENOMEM;
}

static int add_series(struct alert_list *list, const struct findings *findings,
	const struct finding_series *series, const struct alert_sender *sender)
{
	const struct finding *finding = series->finding;
	const struct finding *told = finding_of_subject(findings, finding);
	const char *const values[] = { finding->condition->name, severity_name(finding->severity),
		finding->device_name, series->address, series->origin, series->cause };
	char name[ALERT_NAME_SIZE], page[ALERT_NAME_SIZE];
	json_t *labels = json_object();
	_Static_assert(COUNT(values) == FINDING_LABEL_COUNT, "labels");
	value_set(&labels, "alertname", value_text(alert_name(finding->condition, name)));
	for (size_t i = 0; i < COUNT(values); i++)
		if (*values[i])
			value_set(&labels, finding_labels[i], value_text(values[i]));
	snprintf(page, sizeof(page), "%s.md", finding->condition->name);
	const struct value_member members[] = {
		{ "summary", summary_value(finding->condition) },
		{ "description", description_value(sender, series, told) },
		{ "runbook_url", runbook_value(sender, page) },
	};
	json_t *annotations = VALUE_OBJECT(members);
	if (shows_remedy(told))
		value_set(&annotations, "remedy", remedy_value(told));
	return add_alert(list, sender, labels, annotations, finding->since_ns);
}

static int add_unnamed(struct alert_list *list, const struct findings *findings,
	const struct condition *condition, enum severity severity, const struct alert_sender *sender)
{
	unsigned count = 0;
	int64_t since_ns = INT64_MAX;
	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *finding = &findings->items[i];
		if (finding->condition != condition || finding->severity != severity ||
			!finding_is_counted(finding))
			continue;
		count++;
		since_ns = finding->since_ns < since_ns ? finding->since_ns : since_ns;
	}
	if (count == 0)
		return 0;
	struct buffer text = { 0 };
	buffer_format(&text,
		"%s: %u findings of %s have addresses beyond --metrics.max-addresses, so no other alert "
		"tells of them. " WHERE,
		sender->instance, count, condition->name);
	const struct value_member labels[] = {
		{ "alertname", value_text(UNNAMED_ALERT) },
		{ "condition", value_text(condition->name) },
		{ "severity", value_text(severity_name(severity)) },
	};
	const struct value_member annotations[] = {
		{ "summary", value_text(UNNAMED_SUMMARY) },
		{ "description", text_value(&text) },
		{ "runbook_url", runbook_value(sender, UNNAMED_PAGE) },
	};
	return add_alert(list, sender, VALUE_OBJECT(labels), VALUE_OBJECT(annotations), since_ns);
}

static int by_labels(const void *left, const void *right)
{
	const struct alert *a = left, *b = right;
	return strcmp(a->labels, b->labels);
}

static bool is_named(
	const struct findings *findings, const struct selection *shown, const struct condition *condition)
{
	struct finding_series series;
	for (size_t position = 0; finding_series_next(findings, shown, true, &position, &series);)
		if (series.finding->condition == condition)
			return true;
	return false;
}

int alert_list_make(const struct findings *findings, const struct selection *shown,
	const struct alert_sender *sender, struct alert_list *out)
{
	struct alert_list list = { 0 };
	struct finding_series series;
	int result = 0;
	for (size_t position = 0;
		result == 0 && finding_series_next(findings, shown, false, &position, &series);)
		if (!*series.finding->cause)
			result = add_series(&list, findings, &series, sender);
	for (size_t i = 0; result == 0 && conditions[i]; i++)
		for (int severity = 0;
			severity < SEVERITIES && !is_named(findings, shown, conditions[i]) && result == 0;
			severity++)
			result = add_unnamed(&list, findings, conditions[i], (enum severity)severity, sender);
	if (result < 0) {
		alert_list_clear(&list);
		return result;
	}
	if (list.count > 0)
		qsort(list.items, list.count, sizeof(*list.items), by_labels);
	*out = list;
	return 0;
}
