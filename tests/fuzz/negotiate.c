// SPDX-License-Identifier: GPL-2.0-or-later
/* Accept and Accept-Encoding, and the Host header, as anyone may send them. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "exporter/http/guard.h"
#include "exporter/http/negotiate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	if (!text)
		abort();
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	struct negotiated negotiated = negotiate_format(text);
	const char *type = negotiated.format == METRICS_OPENMETRICS
				   ? "application/openmetrics-text; version=1.0.0;"
				   : "text/plain; version=0.0.4;";
	if (strncmp(negotiated.content_type, type, strlen(type)) != 0)
		abort();
	negotiate_gzip(text);
	guard_host_is_own(text);
	free(text);
	return 0;
}
