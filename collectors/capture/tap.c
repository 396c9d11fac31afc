// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/capture/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pcap/pcap.h>
#include <pcap/sll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "collectors/capture/capture_filter.h"

struct tap {
	pcap_t *pcap;
	uint32_t ifindex;
	tap_function *function; /* of the present tap_read() */
	void *argument;
};

static int activate(pcap_t *pcap, size_t ring)
{
	pcap_set_snaplen(pcap, CAPTURE_SNAPLEN);
	pcap_set_promisc(pcap, 0);
	/* TPACKET_V3 with its blocks of 256 KiB, or TPACKET_V2. */
	pcap_set_immediate_mode(pcap, ring < TAP_RING_BYTES);
	pcap_set_timeout(pcap, TAP_DELAY_MS);
	pcap_set_buffer_size(pcap, (int)ring);
	pcap_set_tstamp_precision(pcap, PCAP_TSTAMP_PRECISION_NANO);
	errno = 0;
	int result = pcap_activate(pcap);
	int error = errno; /* libpcap tells it in words alone */
	if (result >= 0)
		return 0;
	if (result == PCAP_ERROR_PERM_DENIED)
		return -EPERM;
	if (error == EMFILE || error == ENFILE)
		return -EMFILE;
	return error == ENOMEM || error == ENOBUFS ? -ENOMEM : -EIO;
}

int tap_filter(struct tap *tap, const struct bpf_program *filter)
{
	struct bpf_program lent = *filter; /* libpcap's prototype wants no const */
	return pcap_setfilter(tap->pcap, &lent) < 0 ? -EIO : 0;
}

/* The device instead of all of them. Only a handle for all has the header that tells directions. */
static int prepare(struct tap *tap, size_t ring, const struct bpf_program *filter)
{
	const struct sockaddr_ll address = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)tap->ifindex
	};
	char message[PCAP_ERRBUF_SIZE];
	int result = activate(tap->pcap, ring);
	if (result < 0)
		return result;
	if (pcap_set_datalink(tap->pcap, DLT_LINUX_SLL2) < 0 || pcap_setnonblock(tap->pcap, 1, message) < 0 ||
		tap_filter(tap, filter) < 0)
		return -EIO;
	fcntl(pcap_fileno(tap->pcap), F_SETFD, FD_CLOEXEC);
	/* Works with a device that is down as well; packets come when it is up. */
	return bind(pcap_fileno(tap->pcap), (const struct sockaddr *)&address, sizeof(address)) < 0 ? -errno
												    : 0;
}

int tap_open(int ifindex, size_t ring, const struct bpf_program *filter, struct tap **out)
{
	char message[PCAP_ERRBUF_SIZE];
	struct tap *tap = calloc(1, sizeof(*tap));
	if (!tap)
		return -ENOMEM;
	tap->ifindex = (uint32_t)ifindex;
	tap->pcap = pcap_create("any", message);
	int result = tap->pcap ? prepare(tap, ring, filter) : -ENOMEM;
	if (result < 0) {
		tap_close(tap);
		return result;
	}
	*out = tap;
	return 0;
}

void tap_close(struct tap *tap)
{
	if (!tap)
		return;
	if (tap->pcap)
		pcap_close(tap->pcap);
	free(tap);
}

int tap_descriptor(const struct tap *tap)
{
	return pcap_get_selectable_fd(tap->pcap);
}

static void on_frame(u_char *argument, const struct pcap_pkthdr *header, const u_char *bytes)
{
	const struct tap *tap = (const struct tap *)argument;
	uint32_t ifindex;
	if (header->caplen < SLL2_HDR_LEN)
		return;
	memcpy(&ifindex, bytes + offsetof(struct sll2_header, sll2_if_index), sizeof(ifindex));
	/* What came before it was bound is of any device. */
	if (ntohl(ifindex) != tap->ifindex)
		return;
	const struct tap_frame frame = {
		/* The precision is nanoseconds: tv_usec carries those. */
		.time_ns = header->ts.tv_sec * INT64_C(1000000000) + header->ts.tv_usec,
		.bytes = bytes,
		.size = header->caplen,
		.length = header->len,
	};
	tap->function(tap->argument, &frame);
}

/* A device that goes down leaves ENETDOWN in the socket, and the socket works again when the device does.
 * libpcap would look for a device named "any", not find it, and give up. */
static int pending_error(const struct tap *tap)
{
	int error = 0;
	socklen_t size = sizeof(error);
	return getsockopt(pcap_fileno(tap->pcap), SOL_SOCKET, SO_ERROR, &error, &size) < 0 ? errno : error;
}

int tap_read(struct tap *tap, int most, tap_function *function, void *argument)
{
	pending_error(tap); /* taken, and so gone */
	tap->function = function;
	tap->argument = argument;
	int result = pcap_dispatch(tap->pcap, most, on_frame, (u_char *)tap);
	return result < 0 ? -EIO : result;
}

int tap_counts(struct tap *tap, uint32_t *received, uint32_t *dropped)
{
	struct pcap_stat counts;
	if (pcap_stats(tap->pcap, &counts) < 0)
		return -EIO;
	*received = counts.ps_recv;
	*dropped = counts.ps_drop;
	return 0;
}
