/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>

/* Makes room for one more item of `size` bytes in a malloc'd array and returns that zeroed item, now counted;
 * NULL when memory is out (array and count are then as before). Every array grown by this keeps its capacity
 * implicit: it is the next power of two, at least 8. */
void *array_add(void **items, size_t *count, size_t size);

#define ARRAY_ADD(items, count) \
	((__typeof__(*(items)) *)array_add((void **)&(items), &(count), sizeof(*(items))))

/* A copy of such an array, to which ARRAY_ADD() may add as well; never NULL but when memory is out. */
void *array_copy(const void *items, size_t count, size_t size);
