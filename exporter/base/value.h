/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* JSON values. All functions return a new reference, or NULL when memory is out. */

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "collectors/base/address.h"

/* Bytes that are no UTF-8, which jansson refuses and names may hold, become %XX; so do characters that cannot
 * be printed (buffer_escaped()). */
json_t *value_text(const char *text);
/* Null for NULL and "". */
json_t *value_text_or_null(const char *text);
json_t *value_address(const struct address *address);
/* RFC 3339. */
json_t *value_time(int64_t time_ns);
json_t *value_count(uint64_t count);

/* One member of an object; all of an object's members are made before the first is set. */
struct value_member {
	const char *key;
	json_t *value;
};

/* Takes all values over. NULL if one of them is. */
json_t *value_object(const struct value_member *members, size_t count);

#define VALUE_OBJECT(members) value_object(members, sizeof(members) / sizeof(*(members)))

/* Each takes the value over; NULL in, or no memory, empties *object or *array, and nothing is added any more.
 */
void value_set(json_t **object, const char *key, json_t *value);
void value_append(json_t **array, json_t *item);
