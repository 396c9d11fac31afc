// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/http/compress.h"

#include <errno.h>
#include <limits.h>
#include <zlib.h>

/* zlib writes a gzip header when 16 is added to the window's bits. */
#define GZIP_WINDOW  (15 + 16)
#define MEMORY_LEVEL 8

int compress_gzip(const void *data, size_t size, struct buffer *out)
{
	z_stream stream = { 0 };
	int result = -ENOMEM;
	if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, GZIP_WINDOW, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) !=
		Z_OK)
		return result;
	size_t most = deflateBound(&stream, size);
	char *room = most <= UINT_MAX && size <= UINT_MAX ? buffer_room(out, most) : NULL;
	if (room) {
		stream.next_in = (z_const Bytef *)data;
		stream.avail_in = (uInt)size;
		stream.next_out = (Bytef *)room;
		stream.avail_out = (uInt)most;
		if (deflate(&stream, Z_FINISH) == Z_STREAM_END) {
			buffer_filled(out, most - stream.avail_out);
			result = 0;
		}
	}
	deflateEnd(&stream);
	return result;
}
