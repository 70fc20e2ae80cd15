#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""xdp.py - lanes over interfaces that stay the kernels': af_xdp with our program, af_packet"""

import signal
import sys

sys.dont_write_bytecode = True

from bed import steer  # noqa: E402
from bed.case import case, until  # noqa: E402
from bed.net import Cable, Traffic  # noqa: E402
from bed.pair import moved_and_verified  # noqa: E402
from bed.wire import Wire  # noqa: E402

XDP = "net_af_xdp0,iface={interface}"
PACKET = "net_af_packet0,iface={interface}"


def moves_beside_other_traffic(name, cable, wire):
    """There and back, while the kernels ping and transfer."""
    wire.start()
    wire.a.guest(options=("--dirty-rate", "64M"))
    there = wire.b.guest(incoming=True)
    with Traffic(cable) as traffic:
        moved_and_verified(name, wire.migrate(verify="full"), there)
    case.check(f"{name}: other traffic of the interface lost nothing", traffic.is_whole(), traffic)


@case.group
def one_queue():
    with Cable() as cable, Wire(cable, XDP) as wire:
        moves_beside_other_traffic("one queue", cable, wire)
        for end in cable.ends:
            counted = steer.count(end)
            case.check(f"{end.interface}: datagrams went past the kernel, the rest through it",
                       counted["redirected"] > 1000 and counted["passed"] > 100, counted)
    for end in cable.ends:
        pass


@case.group
def two_queues():
    with Cable(queues=2) as cable, Wire(cable, XDP, paths=2) as wire:
        moves_beside_other_traffic("two queues", cable, wire)
        counted = [steer.count(cable.b, queue) for queue in (0, 1)]
        case.check("each queue got datagrams", all(c["redirected"] > 100 for c in counted),
                   counted)


case.run()
