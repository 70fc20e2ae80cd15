#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""lanes.py - migrations over Ethernet between two network namespaces, and what a link does to them

Lane and control link cross the same link, which loses, delays, repeats and
spoils frames of both. The guest is compared whole at the end.
"""

import sys

sys.dont_write_bytecode = True

from bed.case import case  # noqa: E402
from bed.link import Net  # noqa: E402
from bed.pair import Pair, moved_and_verified  # noqa: E402

BUSY = ("--dirty-rate", "64M")
PACKET_LANE = ("net_af_packet0,iface={interface},framesz=8448,blocksz=135168,framecnt=512,"
               "qdisc_bypass=1")

# What the link does all the time, and the counter that must have seen it.
FAULTS = [
    ("perfect", "", None),
    ("2 % lost in bursts of 3", "burst=0.67% burst_frames=3", "lost_burst"),
    ("10 % out of order", "reorder=10% reorder_time=300us", "delayed"),
    ("5 % twice", "repeat_soon=2.5% repeat_late=2.5% late_time=20ms jitter=20us",
     "repeated_late"),
    ("2 % spoilt", "corrupt=2%", "flipped"),
]


class LanePair(Pair):
    """Two hosts in the namespaces of a net, with nothing but that between them."""

    def __init__(self, net, lane, **more):
        self.net = net
        super().__init__(**more)
        self.a.lane = None
        for host, end in zip(self.hosts, net.ends):
            host.privileges, host.end_of_net = end.prefix, end
        for host, peer in ((self.a, self.b), (self.b, self.a)):
            own, far = host.end_of_net, peer.end_of_net
            vdev = lane.format(interface=own.interface)
            self.write_conf(
                host, peer, "client",
                control=f"control: {{address: {own.address}, port: {host.port}}}",
                peers=f"peers: [{{name: {peer.name}, address: {far.address}, port: {peer.port}}}]",
                lane=f'lane: {{vdev: "{vdev}", paths: 1}}')


def say(name, report, counters):
    """One line that a person wants to see of each row."""
    forth = counters["forth"]
    lost = sum(value for key, value in forth.items() if key.startswith("lost_"))
    print(f"       {name}: {report['seconds']:.2f} s, stun {report['stun_s'] * 1e3:.0f} ms; "
          f"{forth['frames']} frames forth, {lost} of them lost, {forth['overrun']} of the bed's "
          f"own doing; {counters['back']['frames']} back", flush=True)


def moves_over_a_link(lane, rows):
    for name, faults, counter in rows:
        with Net(link=faults) as net, LanePair(net, lane) as pair:
            pair.start()
            pair.a.guest(options=BUSY)
            waiting = pair.b.guest(incoming=True)
            report = pair.begin(verify="full").result(60)
            counters = net.link.counters()
            say(name, report, counters)
            moved_and_verified(name, report, waiting)
            if counter:
                case.check(f"{name}: that is what the link did", counters["forth"][counter] > 50,
                           counters)


@case.group
def packet_lane_over_a_link_with_faults():
    moves_over_a_link(PACKET_LANE, FAULTS)


case.run()
