// SPDX-License-Identifier: GPL-2.0-or-later
#include "alerts/finding_tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NONE SIZE_MAX

struct node {
	const struct finding *finding;
	size_t cause, first_symptom, next_symptom; /* positions, or NONE */
	size_t walk;                               /* that met it last */
};

static int compare_ids(const void *left, const void *right)
{
	const struct node *const *a = left, *const *b = right;
	return strcmp((*a)->finding->id, (*b)->finding->id);
}

static int compare_with_id(const void *id, const void *item)
{
	const struct node *const *node = item;
	return strcmp(id, (*node)->finding->id);
}

/* by_id: room for as many pointers as there are nodes. */
static void find_causes(struct node *nodes, size_t count, struct node **by_id)
{
	for (size_t i = 0; i < count; i++)
		by_id[i] = &nodes[i];
	qsort(by_id, count, sizeof(struct node *), compare_ids);
	for (size_t i = 0; i < count; i++) {
		const struct finding *finding = nodes[i].finding;
		struct node **cause = *finding->cause ? bsearch(finding->cause, by_id, count,
								sizeof(struct node *), compare_with_id)
						      : NULL;
		if (cause && (!finding->intended || (*cause)->finding->intended))
			nodes[i].cause = (size_t)(*cause - nodes);
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

static size_t add_rows(const struct node *nodes, size_t root, struct finding_row *rows)
{
	size_t count = 0, at = root;
	unsigned depth = 0;
	for (;;) {
		rows[count++] =
			(struct finding_row){ nodes[at].finding, depth, nodes[root].finding->intended };
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
	size_t nodes_used = 0, rows_used = 0;
	struct node *nodes = calloc(findings->count + 1, sizeof(*nodes));
	struct node **by_id = calloc(findings->count + 1, sizeof(struct node *));
	struct finding_row *made = calloc(findings->count + 1, sizeof(*made));
	bool complete = nodes && by_id && made;
	if (complete) {
		for (size_t i = 0; i < findings->count; i++)
			if (findings->items[i].open)
				nodes[nodes_used++] =
					(struct node){ &findings->items[i], NONE, NONE, NONE, 0 };
		find_causes(nodes, nodes_used, by_id);
		break_circles(nodes, nodes_used);
		link_symptoms(nodes, nodes_used);
		for (size_t i = 0; i < nodes_used; i++)
			if (nodes[i].cause == NONE)
				rows_used += add_rows(nodes, i, made + rows_used);
		*rows = made;
		*count = rows_used;
	} else {
		free(made);
	}
	free(by_id);
	free(nodes);
	return complete ? 0 : -ENOMEM;
}
