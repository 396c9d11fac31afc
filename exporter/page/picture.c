// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/page/picture.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "alerts/describe.h"

static void put_endpoint(const struct address *address, uint16_t port, char text[static DIAGRAM_TEXT])
{
	char formatted[ADDRESS_TEXT_SIZE];
	address_format(address, formatted);
	if (!port)
		snprintf(text, DIAGRAM_TEXT, "%s", formatted);
	else
		snprintf(text, DIAGRAM_TEXT, address->family == AF_INET6 ? "[%s]:%u" : "%s:%u", formatted,
			port);
}

/* ---- boxes ---- */

static void picture_client(const struct round_trip *trip, struct diagram_column *column)
{
	struct diagram_box *box = &column->boxes[0];
	column->spans = true;
	column->outside = !trip->opened_here;
	column->width = 146;
	if (trip->opened_here) {
		snprintf(box->title, DIAGRAM_TEXT, "this host");
		address_format(&trip->client, box->note);
		return;
	}
	if (address_is_none(&trip->client))
		snprintf(box->title, DIAGRAM_TEXT, "clients");
	else
		address_format(&trip->client, box->title);
	if (trip->clients > 1)
		snprintf(box->note, DIAGRAM_TEXT, "and %u more %s", trip->clients - 1,
			trip->clients == 2 ? "client" : "clients");
	else if (!address_is_none(&trip->client))
		snprintf(box->note, DIAGRAM_TEXT, trip->connections ? "client" : "client, for example");
}

static void picture_device(const char names[WAYS][DEVICE_NAMES_SIZE], const char *request, const char *reply,
	bool bad, struct diagram_column *column)
{
	bool both = *names[WAY_REQUEST] && *names[WAY_REPLY];
	column->width = 100;
	column->spans = both && strcmp(names[WAY_REQUEST], names[WAY_REPLY]) == 0;
	for (int way = 0; way < WAYS; way++)
		snprintf(column->boxes[way].title, DIAGRAM_TEXT, "%.*s", DIAGRAM_TEXT - 1, names[way]);
	if (column->spans)
		return;
	snprintf(column->boxes[LANE_REQUEST].note, DIAGRAM_TEXT, "%s", request);
	snprintf(column->boxes[LANE_REPLY].note, DIAGRAM_TEXT, "%s", reply);
	column->boxes[LANE_REPLY].bad = bad;
}

static void picture_translation(const struct round_trip *trip, struct diagram_box *box)
{
	char target[DIAGRAM_TEXT];
	const struct nat_rule *rule = trip->translation;
	if (address_is_none(&trip->target))
		return;
	put_endpoint(&trip->service, trip->port, box->title);
	put_endpoint(&trip->target, trip->target_port, target);
	snprintf(box->note, DIAGRAM_TEXT, "→ %.80s", target);
	if (rule && *rule->table)
		snprintf(box->more, DIAGRAM_TEXT, " · %.30s %.40s #%" PRIu64, rule->table, rule->chain,
			rule->handle);
}

static void picture_reply(const struct round_trip *trip, struct diagram_box *box)
{
	char table[TABLE_TEXT_SIZE], gateway[ADDRESS_TEXT_SIZE];
	const struct route_answer *reply = trip->reply;
	if (!address_is_none(&trip->source)) {
		address_format(&trip->source, box->title);
		snprintf(box->note, DIAGRAM_TEXT, "becomes the source");
		box->bad = true;
		return;
	}
	if (!reply || reply->result == ROUTE_NOT_ASKED)
		return;
	box->bad = trip->fault && trip->fault_way == WAY_REPLY && trip->fault_leg == PLACE_OUTER;
	if (trip->rule && reply->table)
		snprintf(box->title, DIAGRAM_TEXT, "rule %u, table %s", trip->rule->priority,
			describe_table(reply->table, table));
	else if (reply->table)
		snprintf(box->title, DIAGRAM_TEXT, "table %s", describe_table(reply->table, table));
	else
		snprintf(box->title, DIAGRAM_TEXT, "reply route");
	if (reply->result == ROUTE_FOUND && !address_is_none(&reply->gateway))
		snprintf(box->note, DIAGRAM_TEXT, "%svia %s", reply->prefix_length ? "" : "default ",
			address_format(&reply->gateway, gateway));
	else if (reply->result == ROUTE_FOUND)
		snprintf(box->note, DIAGRAM_TEXT, "on the link");
	else if (describe_failure(reply->result))
		snprintf(box->note, DIAGRAM_TEXT, "%.150s", describe_failure(reply->result));
}

static void picture_server(const struct round_trip *trip, struct diagram_column *column)
{
	struct diagram_box *box = &column->boxes[0];
	bool translated = !address_is_none(&trip->target);
	const struct address *server = translated ? &trip->target : &trip->service;
	uint16_t port = translated ? trip->target_port : trip->port;
	column->spans = true;
	column->width = 146;
	column->outside = trip->opened_here || *trip->inner[WAY_REQUEST] || *trip->inner[WAY_REPLY] ||
			  (translated && !trip->delivered);
	if (address_is_none(server))
		snprintf(box->title, DIAGRAM_TEXT, column->outside ? "servers" : "services");
	else
		put_endpoint(server, port, box->title);
	snprintf(box->note, DIAGRAM_TEXT,
		trip->opened_here ? "asked"
		: translated      ? "target"
		: column->outside ? "server"
				  : "service");
	if (address_is_none(&trip->answerer))
		return;
	column->spans = false;
	put_endpoint(&trip->answerer, trip->port, column->boxes[LANE_REPLY].title);
	snprintf(column->boxes[LANE_REPLY].note, DIAGRAM_TEXT, "answers");
	column->boxes[LANE_REPLY].bad = true;
}

/* ---- arrows ---- */

static const enum diagram_stroke strokes[LEG_STATES] = {
	[LEG_ABSENT] = STROKE_NONE,
	[LEG_SEEN] = STROKE_GOOD,
	[LEG_EXPECTED] = STROKE_DASHED,
	[LEG_UNSEEN] = STROKE_UNSEEN,
	[LEG_WRONG] = STROKE_BAD,
	[LEG_LOST] = STROKE_LOST,
};

static void put_count(const struct round_trip *trip, uint64_t count, uint64_t repeats, const char *what,
	struct diagram_arrow *arrow)
{
	if (!count)
		return;
	snprintf(arrow->label, DIAGRAM_TEXT, "%s%" PRIu64 " %s", trip->more ? "≥ " : "", count, what);
	if (repeats)
		snprintf(arrow->note, DIAGRAM_TEXT, "%" PRIu64 " repeated", repeats);
}

/* The numbers stand beyond the outer device, and on the leg that is wrong. */
static void picture_arrows(const struct round_trip *trip, struct diagram *out)
{
	for (int way = 0; way < WAYS; way++)
		for (int leg = 0; leg < PLACES - 1; leg++)
			out->arrows[way][leg].stroke = strokes[trip->legs[way][leg]];
	int open = trip->opened_here ? PLACE_OUTER : PLACE_CLIENT;
	put_count(trip, trip->syns, trip->syn_repeats, "SYN", &out->arrows[WAY_REQUEST][open]);
	if (trip->legs[WAY_REPLY][PLACE_OUTER] != LEG_ABSENT)
		put_count(trip, trip->synacks, trip->synack_repeats, "SYN-ACK",
			&out->arrows[WAY_REPLY][PLACE_OUTER]);
	if (trip->legs[WAY_REQUEST][PLACE_CLIENT] == LEG_UNSEEN)
		snprintf(out->arrows[WAY_REQUEST][PLACE_CLIENT].note, DIAGRAM_TEXT,
			"its SYN never passed here");
	if (!trip->fault)
		return;
	struct diagram_arrow *wrong = &out->arrows[trip->fault_way][trip->fault_leg];
	snprintf(wrong->note, DIAGRAM_TEXT, "%s", trip->fault);
	if (trip->dropped)
		snprintf(wrong->label, DIAGRAM_TEXT, "%" PRIu64 " in a minute", trip->dropped);
	if (trip->legs[WAY_REPLY][PLACE_CLIENT] == LEG_LOST && trip->fault_leg != PLACE_CLIENT)
		snprintf(out->arrows[WAY_REPLY][PLACE_CLIENT].note, DIAGRAM_TEXT,
			trip->opened_here ? "not accepted" : "never acknowledged");
}

void picture_of(const struct round_trip *trip, struct diagram *out)
{
	bool wrong = trip->fault && trip->fault_way == WAY_REPLY && trip->fault_leg <= PLACE_OUTER &&
		     !trip->opened_here;
	*out = (struct diagram){ 0 };
	picture_client(trip, &out->columns[PLACE_CLIENT]);
	bool leaves = trip->legs[WAY_REPLY][PLACE_OUTER] != LEG_ABSENT;
	picture_device(trip->outer, trip->opened_here ? "leaves here" : "arrives here",
		trip->opened_here ? "comes back here"
		: leaves          ? "leaves here"
				  : "the way back",
		wrong, &out->columns[PLACE_OUTER]);
	out->columns[PLACE_MIDDLE].width = 226;
	picture_translation(trip, &out->columns[PLACE_MIDDLE].boxes[LANE_REQUEST]);
	if (!trip->opened_here)
		picture_reply(trip, &out->columns[PLACE_MIDDLE].boxes[LANE_REPLY]);
	picture_device(trip->inner, "to the target", "from the target", false, &out->columns[PLACE_INNER]);
	picture_server(trip, &out->columns[PLACE_SERVER]);
	picture_arrows(trip, out);
}
