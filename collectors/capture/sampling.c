// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/capture/sampling.h"

#include <stdbool.h>

/* Shares of one CPU. */
#define BUSY 0.80
#define IDLE 0.30

/* A handshake that nobody answers or acknowledges stays open for HANDSHAKE_OPEN_NS. Those that were given up
 * come from a stream that would need so many times the room. */
static uint32_t wanted_by_room(
	const struct sampling *sampling, int64_t passed_ns, const struct sampling_load *load)
{
	double given_up = (double)(load->table.evicted - sampling->evicted) / (double)passed_ns;
	double times = given_up * (double)HANDSHAKE_OPEN_NS / (double)load->table.limit;
	uint32_t ratio = 1;
	while (ratio < SAMPLING_MOST && ratio < times)
		ratio *= 2;
	return ratio;
}

uint32_t sampling_step(struct sampling *sampling, int64_t now_ns, const struct sampling_load *load)
{
	int64_t passed_ns = now_ns - sampling->step_ns;
	bool begun = sampling->ratio != 0;
	if (begun && passed_ns < SAMPLING_STEP_NS)
		return sampling->ratio > sampling->before ? sampling->ratio : sampling->before;
	sampling->before = sampling->ratio;
	if (!begun) {
		sampling->ratio = 1;
	} else {
		double share = (double)(load->cpu_ns - sampling->cpu_ns) / (double)passed_ns;
		uint32_t wanted = wanted_by_room(sampling, passed_ns, load);
		/* At half the ratio there would be twice as many. */
		bool calm = load->table.evicted == sampling->evicted && share < IDLE &&
			    load->table.tracked < load->table.limit / 4;
		if (share > BUSY && wanted < sampling->ratio * 2)
			wanted = sampling->ratio * 2;
		if (wanted > sampling->ratio)
			sampling->ratio = wanted < SAMPLING_MOST ? wanted : SAMPLING_MOST;
		bool falls = calm && sampling->ratio > 1 && now_ns - sampling->calm_ns >= SAMPLING_CALM_NS;
		if (falls)
			sampling->ratio /= 2;
		if (!calm || falls)
			sampling->calm_ns = now_ns;
	}
	sampling->step_ns = now_ns;
	sampling->cpu_ns = load->cpu_ns;
	sampling->evicted = load->table.evicted;
	return sampling->ratio > sampling->before ? sampling->ratio : sampling->before;
}
