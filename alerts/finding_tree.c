// SPDX-License-Identifier: GPL-2.0-or-later
#include "alerts/finding_tree.h"

#include <errno.h>
#include <stdlib.h>

#define NONE SIZE_MAX

/* Of each finding, at its position. */
struct node {
	size_t cause, first_symptom, next_symptom; /* positions, or NONE */
	size_t walk;                               /* that met it last */
};

static void find_causes(const struct findings *findings, struct node *nodes)
{
	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *finding = &findings->items[i];
		const struct finding *cause =
			finding->open && *finding->cause ? findings_find(findings, finding->cause) : NULL;
		bool stands_beneath = cause && cause->open && (!finding->intended || cause->intended);
		nodes[i] = (struct node){ .cause = stands_beneath ? (size_t)(cause - findings->items) : NONE,
			.first_symptom = NONE,
			.next_symptom = NONE };
	}
}

/* Each walk goes up until it meets a node of an earlier walk, an end, or itself. */
static void break_circles(struct node *nodes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t at = i, walk = i + 1;
		for (; at != NONE && !nodes[at].walk; at = nodes[at].cause)
			nodes[at].walk = walk;
		if (at == NONE || nodes[at].walk != walk)
			continue;
		size_t first = at;
		for (size_t next = nodes[at].cause; next != at; next = nodes[next].cause)
			first = next < first ? next : first;
		nodes[first].cause = NONE;
	}
}

static void link_symptoms(struct node *nodes, size_t count)
{
	for (size_t i = count; i-- > 0;) {
		if (nodes[i].cause == NONE)
			continue;
		struct node *cause = &nodes[nodes[i].cause];
		nodes[i].next_symptom = cause->first_symptom;
		cause->first_symptom = i;
	}
}

static size_t add_rows(
	const struct findings *findings, const struct node *nodes, size_t root, struct finding_row *rows)
{
	size_t count = 0, at = root;
	unsigned depth = 0;
	for (;;) {
		rows[count++] =
			(struct finding_row){ &findings->items[at], depth, findings->items[root].intended };
		if (nodes[at].first_symptom != NONE) {
			at = nodes[at].first_symptom;
			depth++;
			continue;
		}
		for (; at != root && nodes[at].next_symptom == NONE; depth--)
			at = nodes[at].cause;
		if (at == root)
			return count;
		at = nodes[at].next_symptom;
	}
}

int finding_tree(const struct findings *findings, struct finding_row **rows, size_t *count)
{
	size_t used = 0;
	struct node *nodes = calloc(findings->count + 1, sizeof(*nodes));
	struct finding_row *made = calloc(findings->count + 1, sizeof(*made));
	if (!nodes || !made) {
		free(nodes);
		free(made);
		return -ENOMEM;
	}
	find_causes(findings, nodes);
	break_circles(nodes, findings->count);
	link_symptoms(nodes, findings->count);
	for (size_t i = 0; i < findings->count; i++)
		if (findings->items[i].open && nodes[i].cause == NONE)
			used += add_rows(findings, nodes, i, made + used);
	free(nodes);
	*rows = made;
	*count = used;
	return 0;
}
