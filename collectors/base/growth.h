/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>

/* Makes room for one more item of `size` bytes in a malloc'd array and returns that zeroed item, now counted;
 * NULL when memory is out (array and count are then as before). Every array grown by this keeps its capacity
 * implicit: it is the next power of two, at least 8. */
void *grow(void **items, size_t *count, size_t size);

#define GROW(items, count) ((__typeof__(*(items)) *)grow((void **)&(items), &(count), sizeof(*(items))))
