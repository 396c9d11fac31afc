// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sends small UDP packets of one flow for so long and prints how many went out for each second of CPU time:
 *
 *	bench_forward ADDRESS PORT SECONDS
 *
 * Over veth devices a packet is forwarded and received within the call that sends it, so this is the speed of
 * the whole way. tests/bench/trace.py uses it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define PAYLOAD 22
#define BATCH   256

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int open_flow(const char *address, uint16_t port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
	int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (inet_pton(AF_INET, address, &to.sin_addr) == 1 && descriptor >= 0 &&
		connect(descriptor, (const struct sockaddr *)&to, sizeof(to)) == 0)
		return descriptor;
	perror(address);
	exit(1);
}

static int run(int descriptor, double seconds)
{
	static const char payload[PAYLOAD];
	double start = now(), passed = 0;
	uint64_t sent = 0;
	while (passed < seconds) {
		for (unsigned i = 0; i < BATCH; i++)
			if (send(descriptor, payload, sizeof(payload), 0) < 0 && errno != ENOBUFS)
				return perror("send"), 1;
		sent += BATCH;
		passed = now() - start;
	}
	printf("%.0f\n", (double)sent / passed);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc != 4)
		return fprintf(stderr, "usage: bench_forward ADDRESS PORT SECONDS\n"), 2;
	int descriptor = open_flow(argv[1], (uint16_t)atoi(argv[2]));
	int status = run(descriptor, atof(argv[3]));
	close(descriptor);
	return status;
}
