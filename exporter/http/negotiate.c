// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/http/negotiate.h"

#include <string.h>
#include <strings.h>

/* A piece of a header; points into it. */
struct piece {
	const char *start;
	size_t length;
};

static bool is_space(char byte)
{
	return byte == ' ' || byte == '\t';
}

static struct piece trimmed(struct piece piece)
{
	while (piece.length > 0 && is_space(*piece.start))
		piece.start++, piece.length--;
	while (piece.length > 0 && is_space(piece.start[piece.length - 1]))
		piece.length--;
	return piece;
}

static bool piece_is(struct piece piece, const char *text)
{
	return piece.length == strlen(text) && strncasecmp(piece.start, text, piece.length) == 0;
}

/* Takes what stands before the separator off the rest; separators within quotes do not count. False at the
 * end. */
static bool next_piece(struct piece *rest, char separator, struct piece *out)
{
	if (rest->length == 0)
		return false;
	size_t length = 0;
	bool quoted = false;
	while (length < rest->length && (quoted || rest->start[length] != separator)) {
		if (quoted && rest->start[length] == '\\' && length + 1 < rest->length)
			length++;
		else if (rest->start[length] == '"')
			quoted = !quoted;
		length++;
	}
	*out = trimmed((struct piece){ rest->start, length });
	size_t taken = length < rest->length ? length + 1 : length;
	rest->start += taken;
	rest->length -= taken;
	return true;
}

/* "0", "0.5", "1.000" in thousandths; anything else is 0: not wanted. */
static int quality(struct piece text)
{
	if (text.length == 0 || text.length > 5 || (text.start[0] != '0' && text.start[0] != '1'))
		return 0;
	int result = (text.start[0] - '0') * 1000;
	if (text.length > 1 && text.start[1] != '.')
		return 0;
	int unit = 100;
	for (size_t i = 2; i < text.length; i++, unit /= 10) {
		if (text.start[i] < '0' || text.start[i] > '9')
			return 0;
		result += (text.start[i] - '0') * unit;
	}
	return result <= 1000 ? result : 0;
}

/* An entry of Accept or Accept-Encoding: "NAME;version=…;escaping=…;q=…". */
struct range {
	struct piece name, version, escaping;
	int quality;
};

static void range_read(struct piece text, struct range *range)
{
	const char *equals = memchr(text.start, '=', text.length);
	if (!equals)
		return;
	size_t length = (size_t)(equals - text.start);
	struct piece name = trimmed((struct piece){ text.start, length });
	struct piece value = trimmed((struct piece){ equals + 1, text.length - length - 1 });
	if (value.length >= 2 && value.start[0] == '"' && value.start[value.length - 1] == '"')
		value = (struct piece){ value.start + 1, value.length - 2 };
	if (piece_is(name, "q"))
		range->quality = quality(value);
	else if (piece_is(name, "version"))
		range->version = value;
	else if (piece_is(name, "escaping"))
		range->escaping = value;
}

static bool next_range(struct piece *rest, struct range *out)
{
	struct piece entry, part;
	if (!next_piece(rest, ',', &entry))
		return false;
	*out = (struct range){ .quality = 1000 };
	if (next_piece(&entry, ';', &out->name))
		while (next_piece(&entry, ';', &part))
			range_read(part, out);
	return true;
}

/* How exactly a range speaks of a format; the most exact one decides (RFC 9110, 12.5.1). */
enum exactness { MATCH_NONE, MATCH_ANY, MATCH_TYPE, MATCH_NAME, MATCH_VERSION };

static const struct offer {
	const char *any_subtype;
	const char *name;
	const char *version;
} offers[METRICS_FORMATS] = {
	[METRICS_TEXT] = { "text/*", "text/plain", "0.0.4" },
	[METRICS_OPENMETRICS] = { "application/*", "application/openmetrics-text", "1.0.0" },
};

static enum exactness match(const struct range *range, const struct offer *offer)
{
	if (piece_is(range->name, "*/*"))
		return MATCH_ANY;
	if (piece_is(range->name, offer->any_subtype))
		return MATCH_TYPE;
	if (!piece_is(range->name, offer->name))
		return MATCH_NONE;
	if (range->version.length == 0)
		return MATCH_NAME;
	return piece_is(range->version, offer->version) ? MATCH_VERSION : MATCH_NONE;
}

struct preference {
	enum exactness exactness;
	int quality;
	struct piece escaping;
};

static struct preference preference_of(struct piece accept, const struct offer *offer)
{
	struct preference best = { 0 };
	struct range range;
	while (next_range(&accept, &range)) {
		enum exactness exactness = match(&range, offer);
		if (exactness > best.exactness)
			best = (struct preference){ exactness, range.quality, range.escaping };
	}
	return best;
}

#define TEXT_TYPE        "text/plain; version=0.0.4; charset=utf-8"
#define OPENMETRICS_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

/* All our names are plain ASCII, which satisfies every scheme; the answer says which was asked for. */
static const struct scheme {
	const char *name;
	const char *content_type;
} schemes[] = {
	{ "allow-utf-8", OPENMETRICS_TYPE "; escaping=allow-utf-8" },
	{ "underscores", OPENMETRICS_TYPE "; escaping=underscores" },
	{ "dots", OPENMETRICS_TYPE "; escaping=dots" },
	{ "values", OPENMETRICS_TYPE "; escaping=values" },
};

static const char *openmetrics_type(struct piece escaping)
{
	for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++)
		if (piece_is(escaping, schemes[i].name))
			return schemes[i].content_type;
	return OPENMETRICS_TYPE;
}

struct negotiated negotiate_format(const char *accept)
{
	struct piece header = { accept ? accept : "", accept ? strlen(accept) : 0 };
	struct preference text = preference_of(header, &offers[METRICS_TEXT]);
	struct preference open = preference_of(header, &offers[METRICS_OPENMETRICS]);
	bool named = open.exactness >= MATCH_NAME && open.quality > 0;
	if (open.quality > text.quality || (named && open.quality == text.quality))
		return (struct negotiated){ METRICS_OPENMETRICS, openmetrics_type(open.escaping) };
	return (struct negotiated){ METRICS_TEXT, TEXT_TYPE };
}

bool negotiate_gzip(const char *accept_encoding)
{
	struct piece header = { accept_encoding ? accept_encoding : "",
		accept_encoding ? strlen(accept_encoding) : 0 };
	int gzip = -1, any = 0, identity = 0;
	struct range range;
	while (next_range(&header, &range)) {
		if (piece_is(range.name, "gzip") || piece_is(range.name, "x-gzip"))
			gzip = range.quality;
		else if (piece_is(range.name, "*"))
			any = range.quality;
		else if (piece_is(range.name, "identity"))
			identity = range.quality;
	}
	if (gzip < 0)
		gzip = any;
	return gzip > 0 && gzip >= identity;
}
