# SPDX-License-Identifier: GPL-2.0-or-later
"""All labs. Several classes may share a name: their variants are that lab's."""

from lab.labs.dnat_uplinks import CompleteRules, Connmark, DnatByRules, DnatMarkedReplies, DnatUplinks
from lab.labs.forward_drop import Alone, ForwardDrop, NotDropped, ReversePath, Untraced
from lab.labs.full_tunnel import FullTunnel
from lab.labs.lookalikes import BridgeVeth, DirectServerReturn, DualStack, Ecmp, Hairpin, LanDevice, VipOnLo
from lab.labs.odd_traffic import BulkTransfer, Firewalled, HalfBroken, LossyPath, ServiceDown, SlowClient, SynFlood, SynScan
from lab.labs.snat_gateway import SnatGateway
from lab.labs.tunnel_rp_filter import TunnelRpFilter
from lab.labs.two_nics import Intended, NicsMarkedReplies, NoLookupLeadsOut, OneTable, SharedSubnet, TwoNics

CLASSES = (DnatUplinks, DnatByRules, DnatMarkedReplies, TwoNics, OneTable, NoLookupLeadsOut, SharedSubnet, NicsMarkedReplies,
           TunnelRpFilter, FullTunnel, SnatGateway, SynFlood, HalfBroken, Connmark, Ecmp, CompleteRules, Intended, LanDevice, VipOnLo, BridgeVeth, Hairpin,
           DirectServerReturn, DualStack, SynScan, ServiceDown, Firewalled, SlowClient, LossyPath, BulkTransfer,
           ForwardDrop, Untraced, Alone, ReversePath, NotDropped)


def variants(name):
    """{variant: class} of one lab; empty if there is none of that name."""
    return {variant: lab for lab in CLASSES if lab.name == name for variant in lab.variants}


def cases(silent):
    """(class, variant, family) of all labs that have a faulty twin, or of all that have none."""
    return [(lab, variant, family) for lab in CLASSES if lab.silent == silent
            for variant in lab.variants for family in lab.families(variant)]
