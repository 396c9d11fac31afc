# SPDX-License-Identifier: GPL-2.0-or-later
"""Rules as kube-proxy makes them for many services of two endpoints each, in the modes "iptables" (for either
iptables-restore) and "nftables": python3 kube_proxy.py MODE SERVICES"""

import sys


def services(count):
    for i in range(count):
        high, low = divmod(i, 250)
        yield f"{i:016X}", f"10.{96 + high // 250}.{high % 250}.{low + 1}", [f"10.{200 + n}.{high}.{low + 1}" for n in range(2)]


def iptables(count):
    chains = ["PREROUTING ACCEPT", "INPUT ACCEPT", "OUTPUT ACCEPT", "POSTROUTING ACCEPT", "KUBE-MARK-MASQ -", "KUBE-SERVICES -"]
    rules = ["PREROUTING -j KUBE-SERVICES", "KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000"]
    for name, address, endpoints in services(count):
        comment = f'-m comment --comment "prod/{name}:https"'
        chains.append(f"KUBE-SVC-{name} -")
        rules.append(f"KUBE-SERVICES -d {address}/32 -p tcp {comment} -m tcp --dport 443 -j KUBE-SVC-{name}")
        rules.append(f"KUBE-SVC-{name} ! -s 10.244.0.0/16 -d {address}/32 -p tcp {comment} -m tcp --dport 443 -j KUBE-MARK-MASQ")
        for i, endpoint in enumerate(endpoints):
            chance = "" if i else "-m statistic --mode random --probability 0.5"
            chains.append(f"KUBE-SEP-{i}{name[1:]} -")
            rules.append(f"KUBE-SVC-{name} {comment} {chance} -j KUBE-SEP-{i}{name[1:]}")
            rules.append(f"KUBE-SEP-{i}{name[1:]} -s {endpoint}/32 {comment} -j KUBE-MARK-MASQ")
            rules.append(f"KUBE-SEP-{i}{name[1:]} -p tcp {comment} -m tcp -j DNAT --to-destination {endpoint}:8443")
    yield "*nat"
    yield from (f":{chain} [0:0]" for chain in chains)
    yield from (f"-A {rule}" for rule in rules)
    yield "COMMIT"


def nftables(count):
    elements = []
    yield "table ip kube-proxy {"
    for name, address, endpoints in services(count):
        for i, endpoint in enumerate(endpoints):
            yield f"chain endpoint-{i}{name} {{ meta l4proto tcp dnat to {endpoint}:8443; }}"
        yield f"chain service-{name} {{ numgen random mod 2 vmap {{ 0 : goto endpoint-0{name}, 1 : goto endpoint-1{name} }}; }}"
        elements.append(f"{address} . tcp . 443 : goto service-{name}")
    yield "map service-ips { type ipv4_addr . inet_proto . inet_service : verdict; elements = { " + ", ".join(elements) + " }; }"
    yield "chain services { ip daddr . meta l4proto . th dport vmap @service-ips; }"
    yield "chain nat-prerouting { type nat hook prerouting priority dstnat; jump services; }"
    yield "}"


if __name__ == "__main__":
    print("\n".join({"iptables": iptables, "nftables": nftables}[sys.argv[1]](int(sys.argv[2]))))
