// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/capture/capture_file.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "collectors/base/clock.h"

struct capture_file {
	pcap_t *pcap;
	enum packet_link link;
	char *name;
};

static const struct link_type {
	int number;
	enum packet_link link;
} link_types[] = {
	{ DLT_EN10MB, PACKET_ETHERNET },
	{ DLT_RAW, PACKET_RAW },
	{ DLT_IPV4, PACKET_RAW },
	{ DLT_IPV6, PACKET_RAW },
	{ DLT_LINUX_SLL, PACKET_SLL },
	{ DLT_LINUX_SLL2, PACKET_SLL2 },
	{ DLT_NULL, PACKET_NULL },
	{ DLT_LOOP, PACKET_LOOP },
};

static int complain(char *error, int number, const char *name, const char *reason)
{
	snprintf(error, CAPTURE_ERROR_SIZE, "%s: %s", name, reason);
	return number;
}

/* A named pipe would be waited for, perhaps for ever, when it is opened. NULL with errno set,
 * EINVAL if it is no regular file. */
static FILE *open_regular(const char *path)
{
	struct stat status;
	if (stat(path, &status) < 0)
		return NULL;
	if (S_ISREG(status.st_mode))
		return fopen(path, "rbe");
	errno = EINVAL;
	return NULL;
}

/* The stream is the file's from here on. */
static int open_pcap(struct capture_file *file, FILE *stream, char *error)
{
	char reason[PCAP_ERRBUF_SIZE] = "";
	file->pcap = pcap_fopen_offline_with_tstamp_precision(stream, PCAP_TSTAMP_PRECISION_NANO, reason);
	if (!file->pcap) {
		if (stream != stdin)
			fclose(stream);
		return complain(error, -EBADMSG, file->name, reason);
	}
	int number = pcap_datalink(file->pcap);
	for (size_t i = 0; i < sizeof(link_types) / sizeof(*link_types); i++)
		if (link_types[i].number == number) {
			file->link = link_types[i].link;
			return 0;
		}
	const char *name = pcap_datalink_val_to_description_or_dlt(number);
	snprintf(reason, sizeof(reason), "link type %s is not supported", name);
	return complain(error, -EPROTONOSUPPORT, file->name, reason);
}

int capture_file_open(const char *path, struct capture_file **out, char error[static CAPTURE_ERROR_SIZE])
{
	FILE *stream = strcmp(path, "-") == 0 ? stdin : open_regular(path);
	if (!stream) {
		int number = -errno;
		return complain(
			error, number, path, number == -EINVAL ? "not a regular file" : strerror(-number));
	}
	struct capture_file *file = calloc(1, sizeof(*file));
	if (file)
		file->name = strdup(stream == stdin ? "standard input" : path);
	if (!file || !file->name) {
		free(file);
		if (stream != stdin)
			fclose(stream);
		return complain(error, -ENOMEM, path, strerror(ENOMEM));
	}
	int result = open_pcap(file, stream, error);
	if (result < 0)
		capture_file_close(file);
	else
		*out = file;
	return result;
}

void capture_file_close(struct capture_file *file)
{
	if (!file)
		return;
	if (file->pcap)
		pcap_close(file->pcap); /* and the stream, but for standard input */
	free(file->name);
	free(file);
}

/* A damaged file may claim any time. */
static int64_t time_of(const struct pcap_pkthdr *header)
{
	int64_t seconds = header->ts.tv_sec, rest = header->ts.tv_usec; /* nanoseconds, as asked for */
	if (seconds < 0 || seconds >= INT64_MAX / SECOND_NS || rest < 0 || rest >= SECOND_NS)
		return -1;
	return seconds * SECOND_NS + rest;
}

int capture_file_next(
	struct capture_file *file, struct capture_frame *out, char error[static CAPTURE_ERROR_SIZE])
{
	struct pcap_pkthdr *header;
	const u_char *bytes;
	int result = pcap_next_ex(file->pcap, &header, &bytes);
	if (result == PCAP_ERROR_BREAK)
		return 0;
	if (result != 1)
		return complain(error, -EBADMSG, file->name, pcap_geterr(file->pcap));
	*out = (struct capture_frame){ .link = file->link,
		.bytes = bytes,
		.size = header->caplen,
		.length = header->len,
		.time_ns = time_of(header) };
	return 1;
}
