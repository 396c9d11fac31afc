// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/base/array.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#endif
#endif
#ifndef ASAN_POISON_MEMORY_REGION
#define ASAN_POISON_MEMORY_REGION(start, size)
#define ASAN_UNPOISON_MEMORY_REGION(start, size)
#endif

#define SMALLEST 8

static bool is_full(size_t count)
{
	return count == 0 || (count >= SMALLEST && (count & (count - 1)) == 0);
}

void *array_add(void **items, size_t *count, size_t size)
{
	if (is_full(*count)) {
		size_t capacity = *count ? *count * 2 : SMALLEST;
		if (capacity > SIZE_MAX / size)
			return NULL;
		void *larger = realloc(*items, capacity * size);
		if (!larger)
			return NULL;
		*items = larger;
		/* Reading beyond the last item is to be noticed, although there is room. */
		ASAN_POISON_MEMORY_REGION((char *)larger + *count * size, (capacity - *count) * size);
	}
	void *item = (char *)*items + *count * size;
	ASAN_UNPOISON_MEMORY_REGION(item, size);
	memset(item, 0, size);
	(*count)++;
	return item;
}

void *array_copy(const void *items, size_t count, size_t size)
{
	size_t capacity = SMALLEST;
	while (capacity < count)
		capacity *= 2;
	char *copy = malloc(capacity * size); /* no overflow: the items are there */
	if (!copy)
		return NULL;
	if (count)
		memcpy(copy, items, count * size);
	ASAN_POISON_MEMORY_REGION(copy + count * size, (capacity - count) * size);
	return copy;
}
