// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "exporter/http/compress.h"
#include "exporter/metrics/metrics.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static const struct {
	double value;
	const char *text;
} values[] = {
	{ 0, "0" },
	{ -0.0, "0" },
	{ 1, "1" },
	{ -3, "-3" },
	{ 0.1, "0.1" },
	{ 0.5, "0.5" },
	{ 1.0 / 3, "0.3333333333333333" },
	{ 0.1 + 0.2, "0.30000000000000004" },
	{ 1792000000.25, "1792000000.25" },
	{ 4294967296, "4294967296" },
	{ 9007199254740992, "9007199254740992" },
	{ 1e300, "1e+300" },
	{ 5e-324, "4.94065645841247e-324" },
	{ INFINITY, "+Inf" },
	{ -INFINITY, "-Inf" },
	{ NAN, "NaN" },
};

static void values_are_short_and_exact(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(values); i++) {
		char text[METRIC_VALUE_SIZE];
		const char *written = metric_value(values[i].value, text);
		assert_string_equal(written, values[i].text);
		if (!isnan(values[i].value))
			assert_true(strtod(written, NULL) == values[i].value);
	}
}

static void emit_odd_names(struct metric_sink *sink, const struct facts *facts)
{
	(void)facts;
	metric_add(sink, 1, "eth0");
	metric_add(sink, 2, "a\"b\\c\nd");
	metric_add(sink, 3, "caf\xc3\xa9");
	metric_add(sink, 4,
		"\xff\xc0\xaf"
		"x");
	metric_add(sink, 5, "\xed\xa0\x80");
	metric_add(sink, 6, "");
	/* A terminal would obey the first, and show the second backwards. */
	metric_add(sink, 7, "\x1b[2J\x7f");
	metric_add(sink, 8, "0hte\xe2\x80\xae");
}

static void emit_nothing(struct metric_sink *sink, const struct facts *facts)
{
	(void)sink;
	(void)facts;
}

static void emit_one(struct metric_sink *sink, const struct facts *facts)
{
	(void)facts;
	metric_add(sink, 1.5);
}

static const struct metric_family rows[] = {
	{ .name = "odd_names",
		.type = METRIC_GAUGE,
		.labels = { "device" },
		.help = "A \"quoted\" \\ help\nof two lines.",
		.always = true,
		.emit = emit_odd_names },
	{ .name = "nothing",
		.type = METRIC_GAUGE,
		.help = "Not to be seen.",
		.always = true,
		.emit = emit_nothing },
	{ .name = "later", .type = METRIC_GAUGE, .help = "Wants facts.", .emit = emit_one },
	{ .name = "work_seconds_total",
		.type = METRIC_COUNTER,
		.unit = "seconds",
		.help = "Work.",
		.always = true,
		.emit = emit_one },
};

static const char *const expected[METRICS_FORMATS] = {
	[METRICS_TEXT] = "# HELP odd_names A \"quoted\" \\\\ help\\nof two lines.\n"
			 "# TYPE odd_names gauge\n"
			 "odd_names{device=\"eth0\"} 1\n"
			 "odd_names{device=\"a\\\"b\\\\c\\nd\"} 2\n"
			 "odd_names{device=\"caf\xc3\xa9\"} 3\n"
			 "odd_names{device=\"%FF%C0%AFx\"} 4\n"
			 "odd_names{device=\"%ED%A0%80\"} 5\n"
			 "odd_names{device=\"\"} 6\n"
			 "odd_names{device=\"%1B[2J%7F\"} 7\n"
			 "odd_names{device=\"0hte%E2%80%AE\"} 8\n"
			 "# HELP work_seconds_total Work.\n"
			 "# TYPE work_seconds_total counter\n"
			 "work_seconds_total 1.5\n",
	[METRICS_OPENMETRICS] = "# HELP odd_names A \\\"quoted\\\" \\\\ help\\nof two lines.\n"
				"# TYPE odd_names gauge\n"
				"odd_names{device=\"eth0\"} 1\n"
				"odd_names{device=\"a\\\"b\\\\c\\nd\"} 2\n"
				"odd_names{device=\"caf\xc3\xa9\"} 3\n"
				"odd_names{device=\"%FF%C0%AFx\"} 4\n"
				"odd_names{device=\"%ED%A0%80\"} 5\n"
				"odd_names{device=\"\"} 6\n"
				"odd_names{device=\"%1B[2J%7F\"} 7\n"
				"odd_names{device=\"0hte%E2%80%AE\"} 8\n"
				"# HELP work_seconds Work.\n"
				"# TYPE work_seconds counter\n"
				"# UNIT work_seconds seconds\n"
				"work_seconds_total 1.5\n"
				"# EOF\n",
};

static void both_formats_are_written_and_escaped(void **state)
{
	(void)state;
	for (size_t format = 0; format < METRICS_FORMATS; format++) {
		struct buffer out = { 0 };
		struct metrics metrics = metrics_begin(&out, (enum metrics_format)format, NULL);
		for (size_t i = 0; i < COUNT(rows); i++)
			metrics_family(&metrics, &rows[i]);
		metrics_end(&metrics);
		buffer_add(&out, "", 1);
		assert_false(out.failed);
		assert_string_equal(out.data, expected[format]);
		buffer_clear(&out);
	}
}

static void a_failed_buffer_stays_failed(void **state)
{
	(void)state;
	struct buffer out = { 0 };
	buffer_text(&out, "kept");
	assert_null(buffer_room(&out, SIZE_MAX / 2));
	assert_true(out.failed);
	buffer_text(&out, "lost");
	buffer_format(&out, "%d", 7);
	assert_int_equal(out.size, 4);
	buffer_clear(&out);
	assert_false(out.failed);
}

static void gunzip(const struct buffer *in, char *out, size_t size)
{
	z_stream stream = { .next_in = (Bytef *)in->data,
		.avail_in = (uInt)in->size,
		.next_out = (Bytef *)out,
		.avail_out = (uInt)size };
	assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
	assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
	assert_int_equal(stream.total_out, size);
	assert_int_equal(stream.avail_in, 0);
	inflateEnd(&stream);
}

static void gzip_gives_back_what_it_took(void **state)
{
	(void)state;
	static const size_t sizes[] = { 1, 255, 4096, 300000 };
	for (size_t i = 0; i < COUNT(sizes); i++) {
		struct buffer out = { 0 };
		char *plain = malloc(sizes[i]), *back = malloc(sizes[i]);
		for (size_t at = 0; at < sizes[i]; at++)
			plain[at] = (char)(at * at % 251);
		assert_int_equal(compress_gzip(plain, sizes[i], &out), 0);
		gunzip(&out, back, sizes[i]);
		assert_memory_equal(plain, back, sizes[i]);
		buffer_clear(&out);
		free(plain);
		free(back);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_short_and_exact),
		cmocka_unit_test(both_formats_are_written_and_escaped),
		cmocka_unit_test(a_failed_buffer_stays_failed),
		cmocka_unit_test(gzip_gives_back_what_it_took),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
