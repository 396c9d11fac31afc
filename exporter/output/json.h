/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* JSON: one shape per type, whichever face shows it. All functions return a new reference, or NULL when
 * memory is out. */

#include <jansson.h>

#include "alerts/finding.h"
#include "alerts/settings.h"
#include "alerts/timeline.h"
#include "collectors/facts.h"

struct explanation;

/* {"id","condition","severity","device","address","origin","target","reply_device","since","last_seen","changed":[CHANGE],"from_start":bool,"summary",
 * "explanation","evidence":{…},"cause":ID|null,"intended":bool,"remedy":[commands],"remedy_checked":bool}.
 * device, address, origin, target and reply_device are null where they mean nothing; times are RFC 3339 in
 * UTC. evidence.handshakes is there if the facts (or NULL) have handshakes of the finding: see
 * json_finding_handshakes(). */
json_t *json_finding(const struct finding *finding, const struct facts *facts);
/* Array of its commands. */
json_t *json_remedy(const struct finding *finding);
/* Array of the open findings. */
json_t *json_findings(const struct findings *findings, const struct facts *facts);
/* {"time","looked_at":{"devices","lines":[DEVICE,…],"addresses","paths"},"unwatched":[{"collector","part","reason",
 * "count","text"}],"findings":[…]}: time is that of the judgement, unwatched as unwatched.h has it. */
json_t *json_report(const struct findings *findings, const struct facts *facts);
/* {"addresses":[…]}. */
json_t *json_address_report(const struct findings *findings, const struct facts *facts);
/* Array of the service addresses:
 * {"address","origin","target","arrival_devices":[…],"verdict","flows":{"half_open",
 * "open"},"paths":[{"destination","kind","arrival_device","reply_devices":[…],"verdict","table","gateway"}]}.
 */
json_t *json_addresses(const struct facts *facts, const struct verdicts *verdicts);

/* {"time","kind","event","text"}: text is in the language of iproute2 or nft. */
json_t *json_change(const struct change *change);
/* {"since","untold","changes":[…]}, newest first; since is when watching began, untold how many were too many
 * at once to be kept. */
json_t *json_changes(const struct change_history *history);

/* The last hour: {"step_seconds","since","until","times":[…],"watched":[…],"devices":[{"device","line",
 * "outcomes":{OUTCOME:[…],…}}],"devices_omitted","findings":[{"id","condition","severity","device","address",
 * "cause","intended","summary","since","until"}],"findings_omitted","changes":[CHANGE],"changes_omitted"},
 * all oldest first.
 *
 * times: the end of each step, the first of which began at `since`. watched: whether handshakes were.
 * devices: how many handshakes ended in each step, by the device of the SYN (of those without one by that of
 * the SYN-ACK); outcomes that did not occur are left out; device is null for all that have no row of their
 * own together, and devices_omitted says how many these were in the step that had most. A finding's until is
 * null while it is open. findings_omitted: how many found no place or gave way to others. changes_omitted:
 * how many were too many at once to be told each, since watching began.
 *
 * Times are by the clock of the facts, also those before it was set. */
json_t *json_history(const struct timeline *timeline, const struct facts *facts);

/* Array of the handshakes that show the finding, newest first:
 * {"client","client_port","server","server_port","first","last","repeats","syn":{"in":DEVICE|null,"out":…},
 * "synack":{…},"acknowledged","translated":null}, where translated is the same opening as seen on the other
 * side of a translation: {"client","client_port","server","server_port","syn","synack"}. */
json_t *json_finding_handshakes(const struct finding *finding, const struct facts *facts);
/* {OUTCOME:COUNT,…}, outcomes that did not occur left out. */
json_t *json_outcomes(const uint64_t counts[static HANDSHAKE_OUTCOMES]);
/* {"tracked","limit","sampling_ratio","evicted","devices":[{"device","packets":{"in":{KIND:COUNT,…},"out":{…}},
 * "echo":{OUTCOME:COUNT,…},"captured","dropped"}],"pairs":[{"syn_device","synack_device","outcomes":{…}}]}. A
 * pair's device is null where that packet was not seen; sampling_ratio is the share of flows that is
 * followed. facts->handshakes must be there. */
json_t *json_handshakes(const struct facts *facts);
/* {"client","service","port","target","rule","device","steps":[{"step","outcome","text"}],"breaks_at","flow",
 * "conclusion","findings":[…],"trace"}; device, target, rule (that translates), breaks_at, flow and trace are
 * null where they mean nothing. trace: {"client","client_port","translated","target","target_port","end",
 * "place","table","chain","handle","rule","set","missing_element","steps":[{"table","chain","handle",
 * "verdict","rule"}],"explanation","remedy"}; null where it means nothing. New reference, or NULL. */
json_t *explain_json(const struct explanation *explanation);
