// SPDX-License-Identifier: GPL-2.0-or-later
/* Alone in its file: a unit test that defines a table of its own is not linked with this one. */
#include "exporter/output/writer.h"

extern const struct writer text_writer, json_writer, prometheus_writer, nagios_writer;

const struct writer *const writers[] = { &text_writer, &json_writer, &prometheus_writer, &nagios_writer,
	NULL };
