// SPDX-License-Identifier: GPL-2.0-or-later
#include "alerts/judge_context.h"

#include <errno.h>
#include <stdlib.h>

const struct path *context_path(const struct judge_context *context, size_t path)
{
	return &context->now->paths[path];
}

const struct service *context_service(const struct judge_context *context, size_t path)
{
	return &context->now->services[context_path(context, path)->service];
}

bool context_certain(const struct judge_context *context, size_t path)
{
	const struct path *way = context_path(context, path);
	return way->basis != PATH_POSSIBLE && way->arrival != 0 && facts_device(context->now, way->arrival);
}

#define ORDER(a, b) (((a) > (b)) - ((a) < (b)))

static int compare_paths(const void *left, const void *right, void *argument)
{
	const struct judge_context *context = argument;
	size_t i = *(const size_t *)left, j = *(const size_t *)right;
	const struct path *a = context_path(context, i), *b = context_path(context, j);
	int order =
		address_compare(&context_service(context, i)->target, &context_service(context, j)->target);
	if (order == 0)
		order = ORDER(a->arrival, b->arrival);
	if (order == 0)
		order = ORDER(a->service, b->service);
	return order ? order : ORDER(i, j);
}

int judge_context_open(
	struct judge_context *context, const struct settings *settings, const struct facts *now)
{
	*context = (struct judge_context){ .settings = settings, .now = now };
	context->order = calloc(now->path_count + 1, sizeof(*context->order));
	if (!context->order || verdicts_make(settings, now, &context->verdicts) < 0) {
		judge_context_close(context);
		return -ENOMEM;
	}
	for (size_t i = 0; i < now->path_count; i++)
		if (now->paths[i].service < now->service_count)
			context->order[context->order_count++] = i;
	qsort_r(context->order, context->order_count, sizeof(*context->order), compare_paths, context);
	return 0;
}

void judge_context_close(struct judge_context *context)
{
	verdicts_clear(&context->verdicts);
	free(context->order);
	free(context->handshakes.suspects);
	free(context->handshakes.services);
}

bool context_next_pair(const struct judge_context *context, struct path_span *pair)
{
	const size_t *end = context->order + context->order_count;
	const size_t *first = pair->paths ? pair->paths + pair->count : context->order;
	*pair = (struct path_span){ first, 0 };
	while (first + pair->count < end) {
		const struct path *a = context_path(context, *first);
		const struct path *b = context_path(context, first[pair->count]);
		if (a->service != b->service || a->arrival != b->arrival)
			break;
		pair->count++;
	}
	return first < end;
}

struct path_span context_target(const struct judge_context *context, const struct address *target)
{
	size_t low = 0, high = context->order_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (address_compare(&context_service(context, context->order[middle])->target, target) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	size_t end = low;
	while (end < context->order_count &&
		address_equal(&context_service(context, context->order[end])->target, target))
		end++;
	return (struct path_span){ context->order + low, end - low };
}
