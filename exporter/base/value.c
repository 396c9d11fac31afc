// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/base/value.h"

#include "collectors/base/rfc3339.h"
#include "exporter/base/buffer.h"

json_t *value_text(const char *from)
{
	json_t *plain = json_string(from);
	if (plain)
		return plain;
	struct buffer clean = { 0 };
	buffer_escaped(&clean, from, NULL);
	json_t *result = clean.failed ? NULL : json_stringn(clean.data ? clean.data : "", clean.size);
	buffer_clear(&clean);
	return result;
}

json_t *value_text_or_null(const char *from)
{
	return from && *from ? value_text(from) : json_null();
}

json_t *value_address(const struct address *address)
{
	char out[ADDRESS_TEXT_SIZE];
	return address_is_none(address) ? json_null() : json_string(address_format(address, out));
}

json_t *value_time(int64_t time_ns)
{
	char out[RFC3339_SIZE];
	return json_string(rfc3339_format(time_ns, out));
}

void value_set(json_t **object, const char *key, json_t *value)
{
	if (*object && json_object_set_new(*object, key, value) == 0)
		return;
	if (!*object)
		json_decref(value);
	json_decref(*object);
	*object = NULL;
}

json_t *value_object(const struct value_member *members, size_t count)
{
	json_t *object = json_object();
	for (size_t i = 0; i < count; i++)
		value_set(&object, members[i].key, members[i].value);
	return object;
}

void value_append(json_t **array, json_t *item)
{
	if (*array && json_array_append_new(*array, item) == 0)
		return;
	if (!*array)
		json_decref(item);
	json_decref(*array);
	*array = NULL;
}

json_t *value_count(uint64_t count)
{
	return json_integer(count <= INT64_MAX ? (json_int_t)count : INT64_MAX);
}
