// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/alertmanager/alert_book.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/rfc3339.h"

static void entry_clear(struct alert_entry *entry)
{
	alert_clear(&entry->alert);
}

void alert_book_clear(struct alert_book *book)
{
	for (size_t i = 0; i < book->count; i++)
		entry_clear(&book->entries[i]);
	free(book->entries);
	*book = (struct alert_book){ 0 };
}

/* Keeps the old text where there is no memory for the new one. */
static void renew_text(char **text, const char *wanted)
{
	char *copy = strcmp(*text, wanted) == 0 ? NULL : strdup(wanted);
	if (!copy)
		return;
	free(*text);
	*text = copy;
}

/* What Alertmanager is told of one that fires already is renewed with its next telling. */
static void entry_fires(struct alert_entry *entry, const struct alert *alert, int64_t monotonic_ns)
{
	renew_text(&entry->alert.annotations, alert->annotations);
	entry->alert.since_ns = alert->since_ns;
	if (entry->ended_ns)
		entry->due_ns = monotonic_ns;
	entry->ended_ns = 0;
}

static void entry_ends(struct alert_entry *entry, int64_t now_ns, int64_t monotonic_ns)
{
	if (entry->ended_ns)
		return;
	entry->ended_ns = now_ns;
	entry->due_ns = monotonic_ns;
	entry->forgotten_ns = monotonic_ns + ALERT_ENDS_NS;
}

/* Nobody knows of it, its end was told, or it has ended by itself. */
static bool entry_is_over(const struct alert_entry *entry, int64_t monotonic_ns)
{
	return entry->ended_ns && !entry->underway &&
	       (!entry->tried || entry->due_ns == INT64_MAX || monotonic_ns >= entry->forgotten_ns);
}

static bool entry_begin(struct alert_entry *entry, const struct alert *alert, int64_t monotonic_ns)
{
	*entry = (struct alert_entry){ .alert = { strdup(alert->labels), strdup(alert->annotations),
					       alert->since_ns },
		.due_ns = monotonic_ns };
	if (entry->alert.labels && entry->alert.annotations)
		return true;
	entry_clear(entry);
	return false;
}

/* Both are sorted: one pass over both. */
int alert_book_update(
	struct alert_book *book, const struct alert_list *firing, int64_t now_ns, int64_t monotonic_ns)
{
	struct alert_entry *merged = calloc(book->count + firing->count + 1, sizeof(*merged));
	size_t room = ALERTS_MOST - book->count, count = 0, omitted = 0, i = 0, j = 0;
	int result = 0;
	if (!merged)
		return -ENOMEM;
	while (i < book->count || j < firing->count) {
		struct alert_entry *entry = &merged[count];
		int order = i == book->count ? 1
			    : j == firing->count
				    ? -1
				    : strcmp(book->entries[i].alert.labels, firing->items[j].labels);
		if (order <= 0)
			*entry = book->entries[i++];
		if (order == 0) {
			entry_fires(entry, &firing->items[j++], monotonic_ns);
		} else if (order < 0) {
			entry_ends(entry, now_ns, monotonic_ns);
		} else if (room == 0) {
			omitted++, j++;
			continue;
		} else if (entry_begin(entry, &firing->items[j++], monotonic_ns)) {
			room--;
		} else {
			result = -ENOMEM;
			continue;
		}
		if (entry_is_over(entry, monotonic_ns))
			entry_clear(entry);
		else
			count++;
	}
	free(book->entries);
	book->entries = merged;
	book->count = count;
	book->dropped += omitted > book->omitted ? omitted - book->omitted : 0;
	book->omitted = omitted;
	return result;
}

static bool entry_is_due(const struct alert_entry *entry, int64_t monotonic_ns)
{
	return !entry->underway && entry->due_ns <= monotonic_ns;
}

size_t alert_book_due(const struct alert_book *book, int64_t monotonic_ns)
{
	size_t due = 0;
	for (size_t i = 0; i < book->count; i++)
		due += book->entries[i].underway || entry_is_due(&book->entries[i], monotonic_ns);
	return due;
}

int64_t alert_book_next_ns(const struct alert_book *book)
{
	int64_t next_ns = INT64_MAX;
	for (size_t i = 0; i < book->count; i++)
		if (!book->entries[i].underway && book->entries[i].due_ns < next_ns)
			next_ns = book->entries[i].due_ns;
	return next_ns;
}

/* A clock that was set back must not let an alert begin after its end: Alertmanager refuses that. */
static void write_entry(
	const struct alert_entry *entry, const char *generator, int64_t now_ns, struct buffer *body)
{
	char starts[RFC3339_SIZE], ends[RFC3339_SIZE];
	int64_t ends_ns = entry->ended_ns ? entry->ended_ns : now_ns + ALERT_ENDS_NS;
	int64_t latest_ns = ends_ns < now_ns ? ends_ns : now_ns;
	rfc3339_format(entry->alert.since_ns < latest_ns ? entry->alert.since_ns : latest_ns, starts);
	buffer_format(body, "{\"labels\":%s,\"annotations\":%s,\"startsAt\":\"%s\",\"endsAt\":\"%s\"",
		entry->alert.labels, entry->alert.annotations, starts, rfc3339_format(ends_ns, ends));
	buffer_format(body, ",\"generatorURL\":%s}", generator);
}

size_t alert_book_write(struct alert_book *book, const char *generator, int64_t now_ns, int64_t monotonic_ns,
	struct buffer *body)
{
	size_t count = 0;
	for (size_t i = 0; i < book->count && count < ALERTS_BATCH_MOST; i++) {
		struct alert_entry *entry = &book->entries[i];
		if (!entry_is_due(entry, monotonic_ns))
			continue;
		buffer_text(body, count++ ? "," : "[");
		write_entry(entry, generator, now_ns, body);
		entry->underway = entry->tried = true;
		entry->due_ns = INT64_MAX;
	}
	buffer_text(body, count ? "]" : "");
	return count;
}

/* What changed meanwhile was made due by that. */
void alert_book_told(struct alert_book *book, bool taken, int64_t monotonic_ns)
{
	for (size_t i = 0; i < book->count; i++) {
		struct alert_entry *entry = &book->entries[i];
		if (!entry->underway)
			continue;
		entry->underway = false;
		if (entry->due_ns == INT64_MAX && !(taken && entry->ended_ns))
			entry->due_ns = taken ? monotonic_ns + ALERT_RESEND_NS : monotonic_ns;
	}
}
