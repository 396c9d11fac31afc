/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The four views: what stands in the rows of each. */

#include "exporter/watch/scene.h"

/* One of the screens is a list, and details of what is selected in it beneath. */
struct watch_list {
	const char *name;
	unsigned preview; /* hundredths of the height that details may have */
	size_t (*count)(const struct watch_scene *scene);
	/* Names the row whatever comes or goes before it. */
	void (*key)(const struct watch_scene *scene, size_t index, char key[static WATCH_KEY_SIZE]);
	void (*head)(
		const struct watch_scene *scene, const struct watch_state *state, const struct paper *paper);
	void (*put)(const struct watch_scene *scene, const struct watch_state *state,
		const struct paper *paper, size_t row, size_t index);
	void (*details)(const struct watch_scene *scene, size_t index, struct paper *paper);
	void (*empty)(const struct watch_scene *scene, struct paper *paper);
};

extern const struct watch_list watch_lists[VIEWS];

/* Running text on rows of its own. */
void watch_put_text(struct paper *paper, unsigned style, const char *text);
