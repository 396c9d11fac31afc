// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/capture/capture_file.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "collectors/base/clock.h"
#include "collectors/capture/pcapng_reader.h"

struct capture_file {
	pcap_t *pcap; /* NULL: pcapng is set */
	enum packet_link link;
	struct pcapng_reader *pcapng;
	FILE *stream;           /* of pcapng */
	uint64_t read, skipped; /* frames of pcapng */
	int skipped_type;       /* link type of the last skipped one */
	char *name;
};

/* As files have them, and libpcap; the two differ in one. */
static const struct link_type {
	int number, dlt;
	enum packet_link link;
} link_types[] = {
	{ 1, DLT_EN10MB, PACKET_ETHERNET },
	{ 101, DLT_RAW, PACKET_RAW },
	{ 228, DLT_IPV4, PACKET_RAW },
	{ 229, DLT_IPV6, PACKET_RAW },
	{ 113, DLT_LINUX_SLL, PACKET_SLL },
	{ 276, DLT_LINUX_SLL2, PACKET_SLL2 },
	{ 0, DLT_NULL, PACKET_NULL },
	{ 108, DLT_LOOP, PACKET_LOOP },
};

#define LINK_TYPES (sizeof(link_types) / sizeof(*link_types))

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

static int complain_link(char *error, const struct capture_file *file, int link_type)
{
	char reason[PCAP_ERRBUF_SIZE];
	snprintf(reason, sizeof(reason), "link type %s is not supported",
		pcap_datalink_val_to_description_or_dlt(link_type));
	return complain(error, -EPROTONOSUPPORT, file->name, reason);
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
	for (size_t i = 0; i < LINK_TYPES; i++)
		if (link_types[i].dlt == number) {
			file->link = link_types[i].link;
			return 0;
		}
	return complain_link(error, file, number);
}

/* What kind of file it is, its first byte tells. */
static int open_stream(struct capture_file *file, FILE *stream, char *error)
{
	int first = getc(stream);
	if (first != EOF)
		ungetc(first, stream);
	if (first != PCAPNG_FIRST_BYTE)
		return open_pcap(file, stream, error);
	file->stream = stream;
	return pcapng_reader_new(stream, &file->pcapng) < 0
		       ? complain(error, -ENOMEM, file->name, strerror(ENOMEM))
		       : 0;
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
	int result = open_stream(file, stream, error);
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
	pcapng_reader_free(file->pcapng);
	if (file->stream && file->stream != stdin)
		fclose(file->stream);
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

static int next_of_pcap(struct capture_file *file, struct capture_frame *out, char *error)
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

static bool find_link(int link_type, enum packet_link *out)
{
	for (size_t i = 0; i < LINK_TYPES; i++)
		if (link_types[i].number == link_type) {
			*out = link_types[i].link;
			return true;
		}
	return false;
}

/* The next frame of a link type that is known. */
static int next_known(
	struct capture_file *file, struct pcapng_frame *frame, enum packet_link *link, char *reason)
{
	int result;
	while ((result = pcapng_reader_next(file->pcapng, frame, reason)) == 1) {
		if (find_link(frame->interface->link_type, link))
			return 1;
		file->skipped++;
		file->skipped_type = frame->interface->link_type;
	}
	return result;
}

static int next_of_pcapng(struct capture_file *file, struct capture_frame *out, char *error)
{
	char reason[PCAPNG_REASON_SIZE] = "";
	struct pcapng_frame frame;
	enum packet_link link = PACKET_RAW;
	int result = next_known(file, &frame, &link, reason);
	if (result == 0 && file->skipped && !file->read)
		return complain_link(error, file, file->skipped_type);
	if (result < 0)
		return complain(error, result, file->name, result == -EBADMSG ? reason : strerror(-result));
	if (result == 0)
		return 0;
	file->read++;
	*out = (struct capture_frame){ .link = link,
		.bytes = frame.bytes,
		.size = frame.size,
		.length = frame.length,
		.time_ns = frame.time_ns,
		.direction = frame.direction,
		.interface = *frame.interface->name ? frame.interface->name : NULL,
		.interface_number = frame.interface->number };
	return 1;
}

int capture_file_next(
	struct capture_file *file, struct capture_frame *out, char error[static CAPTURE_ERROR_SIZE])
{
	return file->pcapng ? next_of_pcapng(file, out, error) : next_of_pcap(file, out, error);
}

uint64_t capture_file_skipped(const struct capture_file *file)
{
	return file->skipped;
}

const char *capture_file_comments(const struct capture_file *file)
{
	return file->pcapng ? pcapng_reader_comments(file->pcapng) : "";
}

double capture_file_part(const struct capture_file *file)
{
	struct stat status;
	FILE *stream = file->pcap ? pcap_file(file->pcap) : file->stream;
	off_t at = stream ? ftello(stream) : -1;
	if (at < 0 || fstat(fileno(stream), &status) < 0 || !S_ISREG(status.st_mode) || status.st_size <= 0)
		return -1;
	return at < status.st_size ? (double)at / (double)status.st_size : 1;
}
