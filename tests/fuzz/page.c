// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Texts that others choose – names of devices, summaries, commands, changes, errors – on their way into the
 * page: whatever they are, what is markup stays what it is without them.
 */
#include <stdlib.h>
#include <string.h>

#include "alerts/condition/conditions.h"
#include "exporter/page/page.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whose tags, and the quotes within them, must be the same. */
static void count_markup(const struct buffer *page, size_t counts[static 4])
{
	for (size_t i = 0; i < page->size; i++) {
		counts[0] += page->data[i] == '<';
		counts[1] += page->data[i] == '>';
		counts[2] += page->data[i] == '"';
		counts[3] += page->data[i] == '\'';
		if ((unsigned char)page->data[i] < 0x20 && page->data[i] != '\n' && page->data[i] != '\t')
			abort();
	}
}

static void write_page(const char *text, struct buffer *out)
{
	struct device device = { .ifindex = 1, .up = true };
	struct capture capture = { .ifindex = 1 };
	struct handshake_pair pair = { 1, 1, { 1 } };
	struct handshake_report report = { .pairs = &pair, .pair_count = 1 };
	struct device_drop drop = { .ifindex = 1 };
	char *copy = strdup(text);
	strncpy(device.name, text, sizeof(device.name) - 1);
	strncpy(capture.name, text, sizeof(capture.name) - 1);
	strncpy(drop.name, text, sizeof(drop.name) - 1);
	struct service service = { .address = { AF_INET, { 192, 0, 2, 1 } },
		.target = { AF_INET, { 10, 0, 0, 1 } },
		.origin = ORIGIN_DNAT,
		.target_ifindex = 1,
		.arrival = { .count = 1, .ifindex = { 1 } } };
	struct change change = { .text = copy };
	struct change *changes[] = { &change };
	struct change_history history = { .items = changes, .count = 1 };
	struct collector_status status = { .name = "link", .reason = "error" };
	strncpy(status.error, text, sizeof(status.error) - 1);
	struct facts facts = { .devices = &device,
		.device_count = 1,
		.captures = &capture,
		.capture_count = 1,
		.handshakes = &report,
		.services = &service,
		.service_count = 1,
		.device_drops_known = true,
		.device_drops = &drop,
		.device_drop_count = 1,
		.changes = &history,
		.collectors = &status,
		.collector_count = 1 };
	struct evidence evidence = { .key = "key", .text = copy };
	struct finding finding = { .id = "0123456789abcdef",
		.condition = &reply_wrong_device_condition,
		.device = 1,
		.open = true,
		.summary = copy,
		.explanation = copy,
		.evidence = &evidence,
		.evidence_count = 1,
		.changed = { &change },
		.changed_count = 1,
		.remedy = &copy,
		.remedy_count = 1 };
	strncpy(finding.device_name, text, sizeof(finding.device_name) - 1);
	strncpy(finding.reply_device, text, sizeof(finding.reply_device) - 1);
	enum verdict verdict = VERDICT_UNCOVERED;
	struct findings findings = { .items = &finding, .count = 1, .verdicts = { .services = &verdict } };
	const struct snapshot snapshot = { .facts = &facts, .findings = &findings };
	const struct page_setting setting = { .telemetry_path = copy, .host = copy };
	uint64_t tag;
	if (!copy || page_write(out, &snapshot, &setting, &tag) < 0)
		abort();
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buffer plain = { 0 }, page = { 0 };
	size_t expected[4] = { 0 }, counts[4] = { 0 };
	char *text = calloc(1, size + 1), *same = calloc(1, size + 1);
	if (!text || !same)
		abort();
	memcpy(text, data, size);
	size_t length = strlen(text);
	memset(same, 'x', length);
	write_page(same, &plain);
	write_page(text, &page);
	count_markup(&plain, expected);
	count_markup(&page, counts);
	/* One attribute more where a text is squeezed into its box. */
	if (counts[0] != expected[0] || counts[1] != expected[1] || counts[2] % 2 || counts[3] != expected[3])
		abort();
	buffer_clear(&plain);
	buffer_clear(&page);
	free(text);
	free(same);
	return 0;
}
