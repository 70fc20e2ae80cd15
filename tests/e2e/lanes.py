#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""lanes.py - migrations over Ethernet between two network namespaces, and what a link does to them

Lane and control link cross the same link, which loses, delays, repeats and
spoils frames of both. Every guest is compared whole at the end.

A row is one line: add one to FAULTS or EVENTS and every lane in LANES meets it.
"""

import sys

sys.dont_write_bytecode = True

from bed.case import case  # noqa: E402
from bed.link import Net  # noqa: E402
from bed.pair import Pair, moved_and_verified  # noqa: E402

# A device that writes faster than a slow lane carries has no end of pre-copy.
GUEST = ("--dirty-rate", "16M", "--token-rate", "50", "--step-rate", "5")
SLOW_MBPS = 400         # 64 MiB take more than a second: something can happen meanwhile

# Name, MTU, what the configuration says of it.
LANES = [
    ("af_packet", 9000, 'vdev: "net_af_packet0,iface={interface}"'),
    ("af_xdp", 3400, 'vdev: "net_af_xdp0,iface={interface}"'),
]

# What the link does all the time; the counter that must have seen it at least so often.
FAULTS = [
    ("perfect", "", "frames", 1000),
    ("2 % lost in bursts of 3", "burst=0.67% burst_frames=3", "lost_burst", 50),
    ("10 % out of order", "reorder=10% reorder_time=300us", "delayed", 200),
    ("5 % twice", "repeat_soon=2.5% repeat_late=2.5% late_time=20ms jitter=20us",
     "repeated_late", 50),
    ("2 % spoilt", "corrupt=2%", "flipped", 50),
    ("everything a little", "lose=0.5% reorder=2% reorder_time=300us repeat_late=1% "
     "late_time=20ms corrupt=0.5% delay=100us jitter=20us", "lost_alone", 10),
    ("1 Gbit/s and a short queue", "rate=1G queue=128k", "lost_queue", 0),
    ("a queue that marks", "rate=1G queue=2M mark=128k", "marked", 20),
    ("first frames of the control link lost", "first_tcp=3", "lost_first", 3),
]

# What happens to the link in round 0.
EVENTS = [
    ("cut for 2 s", "cut=2s", "lost_cut", 1),
    ("cut one way for 2 s", "forth.cut=2s", "lost_cut", 1),
    ("acknowledgements cut for 2 s", "back.cut=2s", "frames", 1000),
    ("long frames vanish", "classes=udp hole=3000", "lost_long", 1),
    ("a tenth of the rate", "rate=100M queue=256k", "frames", 1000),
]


class LanePair(Pair):
    """Two hosts in the namespaces of a net, with nothing but that between them."""

    def __init__(self, net, lane, **more):
        self.net = net
        super().__init__(paths=1, **more)
        self.a.lane = None
        for host, end in zip(self.hosts, net.ends):
            host.privileges, host.end_of_net = end.prefix, end
        for host, peer in ((self.a, self.b), (self.b, self.a)):
            own, far = host.end_of_net, peer.end_of_net
            said = lane.format(interface=own.interface, address=own.address,
                               address6=own.address6)
            self.write_conf(
                host, peer, "client",
                control=f"control: {{address: {own.address}, port: {host.port}}}",
                peers=f"peers: [{{name: {peer.name}, address: {far.address}, port: {peer.port}}}]",
                lane=f"lane: {{{said}, paths: 1}}")


def show(name, report, counters):
    """What a person wants to know of each row."""
    forth = counters["forth"]
    lost = sum(value for key, value in forth.items() if key.startswith("lost_"))
    useful = sum(r["sent_bytes"] for r in report["rounds"]) + report["device_bytes"]
    overrun = forth["overrun"] + counters["back"]["overrun"]
    print(f"       {name}: {report['seconds']:.2f} s, stun {report['stun_s'] * 1e3:.0f} ms, "
          f"{useful * 8 / report['total_s'] / 1e9:.2f} Gbit/s of use; forth {forth['frames']} "
          f"frames, {lost} lost; back {counters['back']['frames']}; {overrun} lost by the bed",
          flush=True)


def moves(name, net, pair, event=None):
    """A guest from a to b; event befalls the link in round 0."""
    pair.start()
    pair.a.guest(options=GUEST)
    waiting = pair.b.guest(incoming=True)
    migration = pair.begin(verify="full")
    if event:
        migration.until_stage("pre-copy")
        net.link.set(event)
    report = migration.result(60)
    counters = net.link.counters()
    show(name, report, counters)
    moved_and_verified(name, report, waiting)
    return counters


@case.group
def links_with_faults():
    for lane, mtu, said in LANES:
        for name, faults, counter, least in FAULTS:
            name = f"{lane}, {name}"
            with Net(link=faults, mtu=mtu) as net, LanePair(net, said) as pair:
                counters = moves(name, net, pair)
            case.check(f"{name}: that is what the link did",
                       counters["forth"][counter] >= least, counters)


@case.group
def links_that_change_in_round_0():
    for lane, mtu, said in LANES:
        for name, event, counter, least in EVENTS:
            name = f"{lane}, {name}"
            with Net(link="", mtu=mtu) as net, LanePair(net, said, limit_mbps=SLOW_MBPS) as pair:
                counters = moves(name, net, pair, event)
            case.check(f"{name}: that is what the link did",
                       counters["forth"][counter] >= least, counters)


case.run()
