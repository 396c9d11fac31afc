// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/device/device_parse.h"
#include "collectors/socket/socket.h"
#include "tests/fuzz/message.h"

/* Whichever kind of message it is, it is given to the parser of each: that refuses what is not its own. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nlmsghdr *header = message_of(data, size);
	if (!header)
		return 0;
	struct device device;
	struct local_address address;
	struct listener listener;
	if (link_parse_device(header, &device) == 0 &&
		strnlen(device.name, sizeof(device.name)) >= IF_NAMESIZE)
		abort();
	if (link_parse_address(header, &address) == 1 &&
		address.prefix.length > 8 * address_size(address.prefix.address.family))
		abort();
	listen_parse(header, &listener);
	free(header);
	return 0;
}
