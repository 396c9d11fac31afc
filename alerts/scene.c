// SPDX-License-Identifier: GPL-2.0-or-later
#include "alerts/scene.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const struct path *scene_path(const struct scene *scene, size_t path)
{
	return &scene->now->paths[path];
}

const struct service *scene_service(const struct scene *scene, size_t path)
{
	return &scene->now->services[scene_path(scene, path)->service];
}

bool scene_certain(const struct scene *scene, size_t path)
{
	const struct path *way = scene_path(scene, path);
	return way->basis != PATH_POSSIBLE && way->arrival != 0 && facts_device(scene->now, way->arrival);
}

#define ORDER(a, b) (((a) > (b)) - ((a) < (b)))

static int compare_paths(const void *left, const void *right, void *argument)
{
	const struct scene *scene = argument;
	size_t i = *(const size_t *)left, j = *(const size_t *)right;
	const struct path *a = scene_path(scene, i), *b = scene_path(scene, j);
	int order = address_compare(&scene_service(scene, i)->target, &scene_service(scene, j)->target);
	if (order == 0)
		order = ORDER(a->arrival, b->arrival);
	if (order == 0)
		order = ORDER(a->service, b->service);
	return order ? order : ORDER(i, j);
}

static void scene_fill(struct scene *scene)
{
	const struct facts *facts = scene->now;
	for (size_t i = 0; i < facts->path_count; i++)
		if (facts->paths[i].service < facts->service_count)
			scene->order[scene->order_count++] = i;
	if (scene->order_count)
		qsort_r(scene->order, scene->order_count, sizeof(*scene->order), compare_paths, scene);
}

int scene_open(struct scene *scene, const struct settings *settings, const struct facts *now)
{
	*scene = (struct scene){ .settings = settings, .now = now };
	scene->order = calloc(now->path_count + 1, sizeof(*scene->order));
	if (!scene->order || verdicts_make(settings, now, &scene->verdicts) < 0) {
		scene_close(scene);
		return -ENOMEM;
	}
	scene_fill(scene);
	return 0;
}

void scene_close(struct scene *scene)
{
	verdicts_clear(&scene->verdicts);
	free(scene->order);
}

static bool same_pair(const struct scene *scene, size_t i, size_t j)
{
	const struct path *a = scene_path(scene, i), *b = scene_path(scene, j);
	return a->service == b->service && a->arrival == b->arrival;
}

bool scene_next_pair(const struct scene *scene, struct path_span *pair)
{
	const size_t *end = scene->order + scene->order_count;
	const size_t *first = pair->paths ? pair->paths + pair->count : scene->order;
	const size_t *last = first;
	while (last < end && same_pair(scene, *first, *last))
		last++;
	*pair = (struct path_span){ first, last - first };
	return first < end;
}

struct path_span scene_target(const struct scene *scene, const struct address *target)
{
	size_t low = 0, high = scene->order_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (address_compare(&scene_service(scene, scene->order[middle])->target, target) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	size_t end = low;
	while (end < scene->order_count &&
		address_equal(&scene_service(scene, scene->order[end])->target, target))
		end++;
	return (struct path_span){ scene->order + low, end - low };
}
