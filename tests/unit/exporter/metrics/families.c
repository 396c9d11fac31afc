// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "alerts/condition/conditions.h"
#include "collectors/base/array.h"
#include "exporter/base/version.h"
#include "exporter/metrics/families.h"
#include "tests/support/sample.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define TOTAL        "_total"

/* Of the sample's findings, so that no golden changes for a further condition. */
const struct condition *const conditions[] = { &reply_wrong_device_condition, &no_reply_route_condition,
	&rp_filter_drops_condition, NULL };

static char *expose(const struct snapshot *snapshot, enum metrics_format format, size_t most)
{
	struct exposition exposition;
	struct process_stats process = { 0 };
	struct buffer out = { 0 };
	process.known[PROCESS_CPU_SECONDS] = process.known[PROCESS_START_SECONDS] = true;
	process.value[PROCESS_CPU_SECONDS] = 1.25;
	process.value[PROCESS_START_SECONDS] = 1767323000.5;
	assert_int_equal(exposition_make(snapshot, &process, most, &exposition), 0);
	struct metric_families families;
	assert_int_equal(metric_families_make(&families), 0);
	assert_int_equal(metrics_expose(&out, format, &families, &exposition), 0);
	metric_families_clear(&families);
	buffer_add(&out, "", 1);
	exposition_clear(&exposition);
	return out.data;
}

/* What differs from build to build. */
static void blank_build(char *text)
{
	char *start = strstr(text, "oneway_exporter_build_info{");
	assert_non_null(start);
	char *end = strchr(start, '}');
	start += strlen("oneway_exporter_build_info{");
	memmove(start, end, strlen(end) + 1);
}

static void add_exposition(
	struct buffer *all, const char *title, const struct snapshot *snapshot, enum metrics_format format)
{
	char *text = expose(snapshot, format, 256);
	blank_build(text);
	buffer_format(all, "%s== %s ==\n%s", all->size ? "\n" : "", title, text);
	free(text);
}

/* With ONEWAY_GOLDEN set, the file is written anew, to be read before it is committed. */
static void compare(const struct buffer *all, const char *path)
{
	bool anew = getenv("ONEWAY_GOLDEN");
	FILE *file = fopen(path, anew ? "we" : "re");
	char *expected = calloc(1, all->size + 2);
	assert_true(file && expected);
	if (anew)
		assert_int_equal(fwrite(all->data, 1, all->size, file), all->size);
	else {
		assert_true(fread(expected, 1, all->size + 1, file) > 0);
		assert_string_equal(all->data, expected);
	}
	fclose(file);
	free(expected);
}

static void expositions_are_as_written_down(void **state)
{
	(void)state;
	struct buffer all = { 0 };
	struct snapshot host = sample_snapshot();
	struct snapshot unknown = { .facts = facts_new(), .findings = findings_new() };
	add_exposition(&all, "a host", &host, METRICS_TEXT);
	add_exposition(&all, "a host, as OpenMetrics", &host, METRICS_OPENMETRICS);
	add_exposition(&all, "before the first judgement", NULL, METRICS_TEXT);
	add_exposition(&all, "nothing could be read", &unknown, METRICS_TEXT);
	buffer_add(&all, "", 1);
	all.size--;
	compare(&all, TEST_DATA "/metrics/expositions.txt");
	buffer_clear(&all);
	sample_free(&host);
	sample_free(&unknown);
}

static void the_worst_addresses_are_kept(void **state)
{
	(void)state;
	static const char *const in_order[] = { "198.51.100.7", "2001:db8::1", "192.0.2.1", "192.0.2.9",
		"198.51.100.8" };
	struct snapshot snapshot = sample_snapshot();
	for (size_t most = 0; most <= COUNT(in_order); most++) {
		char expected[64], *text = expose(&snapshot, METRICS_TEXT, most);
		snprintf(expected, sizeof(expected), "\noneway_addresses_omitted %zu\n",
			COUNT(in_order) - most);
		assert_non_null(strstr(text, expected));
		for (size_t i = 0; i < 3; i++) { /* the others have no path, or the same rank */
			snprintf(
				expected, sizeof(expected), "oneway_reply_route{address=\"%s\"", in_order[i]);
			assert_true(!strstr(text, expected) == (i >= most));
		}
		free(text);
	}
	sample_free(&snapshot);
}

static struct finding *add_gateway_finding(struct snapshot *snapshot, const char *device, const char *source)
{
	struct finding *finding = findings_add(snapshot->findings, &foreign_source_condition);
	struct address address;
	snprintf(finding->device_name, sizeof(finding->device_name), "%s", device);
	assert_int_equal(address_parse(source, &address), 0);
	finding_set_service(finding, ORIGIN_LOCAL, &address, &address);
	finding->open = true;
	finding_add_item(finding, "servers", "10.0.0.7");
	finding_add_item(finding, "servers", "203.0.113.9"); /* far away */
	finding_add_item(finding, "peers", "10.0.0.9");
	return finding;
}

static void findings_of_gateways_are_named(void **state)
{
	(void)state;
	struct snapshot snapshot = sample_snapshot();
	struct local_address *own = ARRAY_ADD(snapshot.facts->addresses, snapshot.facts->address_count);
	assert_non_null(own);
	own->ifindex = 1;
	assert_int_equal(address_parse("10.0.0.1", &own->prefix.address), 0);
	own->prefix.length = 24;
	finding_add_remedy(add_gateway_finding(&snapshot, "wan1", "192.0.2.1"), "not checked");
	add_gateway_finding(&snapshot, "wan1", "192.0.2.9"); /* the same series */
	add_gateway_finding(&snapshot, "wan2", "192.0.2.1");
	add_gateway_finding(&snapshot, "odd", "192.0.2.1")->intended = true;
	add_gateway_finding(&snapshot, "new", "192.0.2.1")->open = false;
	char *text = expose(&snapshot, METRICS_TEXT, 256);
	assert_non_null(strstr(text, "# TYPE oneway_finding_server gauge\n"
				     "oneway_finding_server{condition=\"foreign_source\",device=\"wan1\","
				     "server=\"10.0.0.7\"} 1\n"
				     "oneway_finding_server{condition=\"foreign_source\",device=\"wan2\","
				     "server=\"10.0.0.7\"} 1\n# HELP"));
	assert_non_null(
		strstr(text, "\noneway_finding_info{condition=\"foreign_source\",device=\"wan1\","
			     "address=\"192.0.2.1\",origin=\"local\",reply_device=\"\",remedy=\"\"} 1\n"));
	free(text);
	sample_free(&snapshot);
}

#define MANY_DEVICES 500
#define MANY_PAIRS   1024

/* Each name was that of two devices, one after the other. */
static struct snapshot many_devices(void)
{
	struct snapshot snapshot = sample_snapshot();
	struct facts *facts = snapshot.facts;
	struct handshake_report *report = facts->handshakes;
	free(facts->captures);
	free(report->devices);
	free(report->pairs);
	facts->captures = calloc(2 * MANY_DEVICES, sizeof(*facts->captures));
	report->devices = calloc(2 * MANY_DEVICES, sizeof(*report->devices));
	report->pairs = calloc(2 * MANY_PAIRS, sizeof(*report->pairs));
	facts->capture_count = report->device_count = 2 * MANY_DEVICES;
	report->pair_count = 2 * MANY_PAIRS;
	for (int i = 0; i < 2 * MANY_DEVICES; i++) {
		facts->captures[i] = (struct capture){ .ifindex = i + 1, .packets = (uint64_t)i };
		snprintf(facts->captures[i].name, IF_NAMESIZE, "many%d", i % MANY_DEVICES);
		report->devices[i] = (struct handshake_device){ .device = i + 1, .echoes = { 1 } };
	}
	for (int i = 0; i < MANY_PAIRS; i++) {
		int syn = i % MANY_DEVICES + 1, synack = (i + i / MANY_DEVICES) % MANY_DEVICES + 1;
		report->pairs[i] = (struct handshake_pair){ syn, synack, { 1 } };
		report->pairs[MANY_PAIRS + i] =
			(struct handshake_pair){ MANY_DEVICES + syn, MANY_DEVICES + synack, { 2 } };
	}
	return snapshot;
}

static size_t occurrences(const char *text, const char *part)
{
	size_t count = 0;
	for (; (text = strstr(text, part)); text++)
		count++;
	return count;
}

static double cpu_seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void many_devices_are_written_soon(void **state)
{
	(void)state;
	struct snapshot snapshot = many_devices();
	double start = cpu_seconds();
	char *text = expose(&snapshot, METRICS_TEXT, 256);
	double seconds = cpu_seconds() - start;
	assert_non_null(strstr(text, "\noneway_capture_packets_total{device=\"many3\"} 506\n"));
	assert_non_null(strstr(text, "\noneway_echo_total{device=\"many3\",outcome=\"answered\"} 2\n"));
	assert_non_null(strstr(text, "\noneway_handshakes_total{syn_device=\"many3\",synack_device=\"many4\","
				     "outcome=\"completed\"} 3\n"));
	assert_int_equal(occurrences(text, "\noneway_capture_packets_total{"), MANY_DEVICES);
	assert_int_equal(occurrences(text, "outcome=\"one_way\"}"), MANY_PAIRS);
	print_message("%zu bytes in %.4f s of CPU time\n", strlen(text), seconds);
	assert_true(seconds < 1.5); /* 30 ms, 200 sanitized; looking at each pair of rows took 3.5 s */
	free(text);
	sample_free(&snapshot);
}

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text);
	return length >= strlen(end) && strcmp(text + length - strlen(end), end) == 0;
}

static void families_follow_the_conventions(void **state)
{
	(void)state;
	struct metric_families families;
	assert_int_equal(metric_families_make(&families), 0);
	for (size_t i = 0; i < families.count; i++) {
		const struct metric_family *family = families.items[i];
		assert_true(family->help && ends_with(family->help, "."));
		assert_true(ends_with(family->name, TOTAL) == (family->type == METRIC_COUNTER));
		if (i > 0)
			assert_true(strcmp(families.items[i - 1]->name, family->name) < 0);
		char base[128];
		snprintf(base, sizeof(base), "%s", family->name);
		if (family->type == METRIC_COUNTER)
			base[strlen(base) - strlen(TOTAL)] = '\0';
		if (family->unit)
			assert_true(ends_with(base, family->unit));
		else
			assert_false(ends_with(base, "_seconds") || ends_with(base, "_bytes"));
	}
	metric_families_clear(&families);
}

static void write_file(const char *directory, const char *name, const char *text)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	FILE *file = fopen(path, "we");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void remove_tree(const char *directory)
{
	static const char *const names[] = { "self/fd/0", "self/fd/1", "self/fd", "self/stat", "self", "stat",
		"" };
	for (size_t i = 0; i < COUNT(names); i++) {
		char path[256];
		snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
		remove(path);
	}
}

static void the_process_is_read(void **state)
{
	(void)state;
	char directory[] = "/tmp/oneway-proc-XXXXXX", path[64];
	struct process_stats stats;
	assert_non_null(mkdtemp(directory));
	process_read(directory, &stats);
	assert_false(stats.known[PROCESS_CPU_SECONDS] || stats.known[PROCESS_OPEN_FDS] ||
		     stats.known[PROCESS_START_SECONDS] || stats.known[PROCESS_RESIDENT_BYTES]);
	snprintf(path, sizeof(path), "%s/self", directory);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/self/fd", directory);
	mkdir(path, 0700);
	write_file(directory, "self/fd/0", "");
	write_file(directory, "self/fd/1", "");
	write_file(directory, "stat", "cpu 1 2 3\nbtime 1700000000\n");
	write_file(directory, "self/stat",
		"7 (a) b) S 1 7 7 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 6 0 1200 4096000 25 1844674407\n");
	process_read(directory, &stats);
	double ticks = (double)sysconf(_SC_CLK_TCK);
	assert_true(stats.known[PROCESS_CPU_SECONDS] && stats.value[PROCESS_CPU_SECONDS] == 200 / ticks);
	assert_true(stats.known[PROCESS_THREADS] && stats.value[PROCESS_THREADS] == 6);
	assert_true(stats.known[PROCESS_START_SECONDS] &&
		    stats.value[PROCESS_START_SECONDS] == 1700000000 + 1200 / ticks);
	assert_true(stats.known[PROCESS_VIRTUAL_BYTES] && stats.value[PROCESS_VIRTUAL_BYTES] == 4096000);
	assert_true(stats.known[PROCESS_RESIDENT_BYTES] &&
		    stats.value[PROCESS_RESIDENT_BYTES] == 25 * (double)sysconf(_SC_PAGESIZE));
	assert_true(stats.known[PROCESS_OPEN_FDS] && stats.value[PROCESS_OPEN_FDS] == 1);
	write_file(directory, "self/stat", "7 (a) S 1 2\n");
	process_read(directory, &stats);
	assert_false(stats.known[PROCESS_CPU_SECONDS]);
	remove_tree(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(expositions_are_as_written_down),
		cmocka_unit_test(the_worst_addresses_are_kept),
		cmocka_unit_test(findings_of_gateways_are_named),
		cmocka_unit_test(many_devices_are_written_soon),
		cmocka_unit_test(families_follow_the_conventions),
		cmocka_unit_test(the_process_is_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
