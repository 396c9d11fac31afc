// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include "exporter/http/negotiate.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

#define TEXT "text/plain; version=0.0.4; charset=utf-8"
#define OPEN "application/openmetrics-text; version=1.0.0; charset=utf-8"

static const struct {
	const char *accept;
	const char *content_type;
} formats[] = {
	{ NULL, TEXT },
	{ "", TEXT },
	{ "*/*", TEXT },
	/* Prometheus 2.42 */
	{ "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
	  "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
		OPEN },
	/* Prometheus 3 */
	{ "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
	  "application/openmetrics-text;version=0.0.1;q=0.5,"
	  "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
		OPEN "; escaping=allow-utf-8" },
	/* Prometheus 3 with native histograms */
	{ "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,"
	  "application/openmetrics-text;version=1.0.0;escaping=underscores;q=0.5,"
	  "text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
		OPEN "; escaping=underscores" },
	/* Prometheus 2.0 */
	{ "text/plain;version=0.0.4;q=1,*/*;q=0.1", TEXT },
	/* a browser */
	{ "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", TEXT },
	{ "application/openmetrics-text", OPEN },
	{ "APPLICATION/OpenMetrics-Text; Version=1.0.0", OPEN },
	{ "application/openmetrics-text; version=\"1.0.0\"", OPEN },
	{ "application/openmetrics-text;version=1.0.0,*/*", OPEN },
	{ "text/plain,application/openmetrics-text", OPEN },
	{ "text/plain;q=0.9,application/openmetrics-text;q=0.8", TEXT },
	{ "text/plain;q=0.8,application/openmetrics-text;q=0.9", OPEN },
	{ "application/*", OPEN },
	{ "application/*;q=0.5,text/*;q=0.6", TEXT },
	/* the most exact range decides, not the best */
	{ "application/openmetrics-text;version=1.0.0;q=0.1,*/*;q=0.9", TEXT },
	{ "*/*;q=0.9,text/plain;q=0.1,application/openmetrics-text;q=0.2", OPEN },
	{ "application/openmetrics-text;q=0", TEXT },
	{ "application/openmetrics-text;q=0,text/plain;q=0", TEXT },
	{ "application/openmetrics-text;version=0.0.1", TEXT },
	{ "application/openmetrics-text;version=2.0.0", TEXT },
	{ "application/openmetrics-text;version=1.0.0;escaping=evil\r\nX: y", OPEN },
	{ "application/openmetrics-text;q=2", TEXT },
	{ "application/openmetrics-text;q=-1", TEXT },
	{ "application/openmetrics-text;q=0.12345", TEXT },
	{ "application/openmetrics-text;q=", TEXT },
	{ "application/openmetrics-text;q=1.000", OPEN },
	{ "application/openmetrics-text;q=1.001,text/plain;q=0.1", TEXT },
	{ "\"a,application/openmetrics-text\"", TEXT },
	{ "\"a,application/openmetrics-text", TEXT },
	{ "a;b=\"\\\",\",application/openmetrics-text", OPEN },
	{ ",,;;,=,;q=1,", TEXT },
	{ "image/png", TEXT },
};

static void formats_follow_the_accept_header(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(formats); i++) {
		struct negotiated negotiated = negotiate_format(formats[i].accept);
		assert_string_equal(negotiated.content_type, formats[i].content_type);
		assert_int_equal(negotiated.format,
			formats[i].content_type[0] == 't' ? METRICS_TEXT : METRICS_OPENMETRICS);
	}
}

static const struct {
	const char *accept_encoding;
	bool gzip;
} encodings[] = {
	{ NULL, false },
	{ "", false },
	{ "gzip", true },
	{ "GZIP", true },
	{ "x-gzip", true },
	{ "gzip, deflate, br", true },
	{ "deflate, br", false },
	{ "gzip;q=0", false },
	{ "gzip;q=0.001", true },
	{ "gzip;q=0.5, identity", false },
	{ "gzip, identity", true },
	{ "identity;q=0.5, gzip;q=0.6", true },
	{ "*", true },
	{ "*;q=0", false },
	{ "gzip;q=0, *", false },
	{ "*;q=0, gzip", true },
	{ "gzip;q=x", false },
	{ "notgzip, gzi", false },
};

static void gzip_follows_the_accept_encoding_header(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(encodings); i++)
		if (negotiate_gzip(encodings[i].accept_encoding) != encodings[i].gzip)
			fail_msg("%s", encodings[i].accept_encoding);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats_follow_the_accept_header),
		cmocka_unit_test(gzip_follows_the_accept_encoding_header),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
