// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/socket/socket_proc.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collectors/base/procfs.h"

#define LINES_MAX 8192

struct address address_unmapped(const uint8_t bytes[static 16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	bool four = memcmp(bytes, mapped, sizeof(mapped)) == 0;
	return address_make(four ? AF_INET : AF_INET6, four ? bytes + sizeof(mapped) : bytes);
}

int proc_socket_parse(const char *line, struct proc_socket *out)
{
	static const struct address any = { .family = AF_INET6 };
	char digits[33], word[9] = "";
	uint8_t bytes[16];
	unsigned port, state, repeats, uid;
	if (sscanf(line, " %*u: %32[0-9A-F]:%4x %*32[0-9A-F]:%*4x %2x %*8x:%*8x %*2x:%*8x %8x %10u", digits,
		    &port, &state, &repeats, &uid) != 5)
		return -EBADMSG;
	size_t length = strlen(digits);
	if (length != 8 && length != 32)
		return -EBADMSG;
	/* words of 32 bits, as this machine reads them (net/ipv4/tcp_ipv4.c, get_tcp4_sock) */
	for (size_t i = 0; i < length / 8; i++) {
		memcpy(word, digits + 8 * i, 8);
		uint32_t value = (uint32_t)strtoul(word, NULL, 16);
		memcpy(bytes + 4 * i, &value, sizeof(value));
	}
	*out = (struct proc_socket){ .port = (uint16_t)port,
		.state = (uint8_t)state,
		.repeats = repeats,
		.uid = uid,
		.address = length == 8 ? address_make(AF_INET, bytes) : address_unmapped(bytes) };
	if (address_equal(&out->address, &any))
		out->address = (struct address){ 0 };
	return 0;
}

int proc_sockets_read(
	const char *procfs, uint8_t family, uint8_t state, proc_socket_function *function, void *argument)
{
	char *line = NULL;
	size_t room = 0;
	struct proc_socket socket;
	int fd = procfs_open(procfs, family == AF_INET ? "net/tcp" : "net/tcp6"), error = 0;
	if (fd < 0) /* a kernel without IPv6 */
		return fd == -ENOENT && family == AF_INET6 ? 0 : fd;
	FILE *file = fdopen(fd, "re");
	if (!file) {
		error = -errno;
		close(fd);
		return error;
	}
	for (unsigned lines = 0; error == 0 && getline(&line, &room, file) > 0; lines++) {
		if (proc_socket_parse(line, &socket) < 0)
			continue; /* the names of the columns */
		if (socket.state == state)
			error = function(&socket, argument);
		else if (state == TCP_LISTEN)
			break;
		if (lines == LINES_MAX)
			error = -EFBIG;
	}
	if (error == 0 && ferror(file))
		error = -EIO;
	free(line);
	fclose(file);
	return error;
}
