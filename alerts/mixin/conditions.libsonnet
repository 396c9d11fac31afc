// SPDX-License-Identifier: GPL-2.0-or-later
// What oneway finds. From the program's own table, by tests/documentation/manual.py.
[
  // begin conditions
  { name: 'reply_wrong_device', help: 'requests for a service address arrive on one device and their replies leave by another: predicted by lookup, or seen on the wire' },
  { name: 'no_reply_route', help: 'a service address is reached, and its replies have no route, or an unreachable, prohibit or blackhole one' },
  { name: 'rp_filter_drops', help: 'packets that arrive on a device are dropped by reverse-path filtering: predicted by lookup, or counted, by device where that is possible' },
  { name: 'handshake_one_way', help: 'clients repeat their SYN at least twice although it was answered, and no handshake completes there; or three in a minute do, and they are a fifth of all' },
  { name: 'reply_ignored', help: 'answers to this host arrive on a device, and it repeats its SYN as if they had not, or reverse-path filtering is known to reject them' },
  { name: 'reply_from_other_address', help: 'what this host asks of one address, by TCP or ping, is answered by another' },
  { name: 'foreign_source', help: 'replies leave by a device with a source address that belongs to another one' },
  { name: 'return_only', help: 'SYN-ACKs pass through this host whose SYN never did' },
  { name: 'forward_drop', help: 'requests for a service that is translated arrive, are repeated, do not leave, and nobody answers: a rule drops them, or routing does' },
  { name: 'half_open_nat', help: "translated connections of a client stay answered and unacknowledged for minutes, and most of that target's do: what connection tracking alone can tell where nothing may be captured; not amid a flood" },
  // end conditions
]
