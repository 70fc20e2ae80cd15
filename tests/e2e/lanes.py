#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""lanes.py - migrations over Ethernet between two network namespaces, and what a link does to them

Lane and control link cross the same link, which loses, delays, repeats and
spoils frames of both. Every guest is compared whole at the end.

A row is one line: add one to ROWS and every lane meets it.
"""

import itertools
import sys
import time
from dataclasses import dataclass

sys.dont_write_bytecode = True

from bed import steer  # noqa: E402
from bed.case import case, until  # noqa: E402
from bed.lane import (AF_PACKET, AF_PACKET_6, AF_XDP, AF_XDP_2, AF_XDP_6,  # noqa: E402
                      LanePair, lane_net)
from bed.move import killed_ten_times_each, take_seed  # noqa: E402
from bed.pair import (failed_clearly, guest_runs_on,  # noqa: E402
                      moved_and_verified)

# A device that writes faster than a slow lane carries has no end of pre-copy.
GUEST = ("--dirty-rate", "16M", "--token-rate", "50", "--step-rate", "5")
SLOW_MBPS = 400         # 64 MiB take more than a second: something can happen meanwhile
QUIET = ("--dirty-rate", "0", "--token-rate", "0", "--step-rate", "5")
LINE_RATE = "rate=500M queue=1M"
SECOND_PORT = 49601     # of path 1
SILENCE_S = 30          # after so much of it a migration is given up
SEED = take_seed()


@dataclass(frozen=True)
class Row:
    name: str
    link: str = ""              # settings from before the migration,
    round_0: str = ""           # and in round 0
    counter: str = "frames"     # of the link, forth: must have seen it
    least: int = 1000           # at least so often
    limit_mbps: int = 0
    memory: str = "64M"
    lanes: tuple = (AF_PACKET, AF_XDP, AF_XDP_2)
    waits: bool = False         # most of the time: it can do so beside the others


BASIC = (AF_PACKET, AF_XDP, AF_XDP_2, AF_PACKET_6, AF_XDP_6)
ROWS = [
    Row("perfect", lanes=BASIC),
    Row("2 % lost in bursts of 3", "burst=0.67% burst_frames=3", "", "lost_burst", 50, lanes=BASIC),
    Row("10 % out of order", "reorder=10% reorder_time=300us", "", "delayed", 200),
    Row("5 % twice", "repeat_soon=2.5% repeat_late=2.5% late_time=20ms jitter=20us", "",
        "repeated_late", 50),
    Row("2 % spoilt", "corrupt=2%", "", "flipped", 50),
    Row("everything a little", "lose=0.5% reorder=2% reorder_time=300us repeat_late=1% "
        "late_time=20ms corrupt=0.5% delay=100us jitter=20us", "", "lost_alone", 10),
    Row("1 Gbit/s and a short queue", "rate=1G queue=128k", "", "lost_queue", 0),
    Row("a queue that marks", "rate=1G queue=2M mark=128k", "", "marked", 20),
    Row("first control packets lost, 30 %", "first_tcp=50 first_lose=30%", "", "lost_first", 1,
        waits=True),
    Row("no control packets for a second", "classes=tcp cut=1s", "", "lost_cut", 1),
    Row("cut for 1 s", "", "cut=1s", "lost_cut", 1, SLOW_MBPS),
    Row("cut one way for 2 s", "", "forth.cut=2s", "lost_cut", 1, SLOW_MBPS),
    Row("acknowledgements cut for 2 s", "", "back.cut=2s", "frames", 1000, SLOW_MBPS),
    Row("cut for 10 s", "", "cut=10s", "lost_cut", 1, SLOW_MBPS, waits=True),
    Row("long frames vanish", "", "classes=udp hole=3000", "lost_long", 1, SLOW_MBPS),
    Row("long frames vanish after 5 s", "classes=udp hole=3000 hole_after=5s", "", "lost_long", 1,
        SLOW_MBPS, "256M", waits=True),
    Row("a tenth of the rate", "", "rate=100M queue=256k", "frames", 1000, SLOW_MBPS,
        waits=True),
    Row("one of two paths dies", "", f"dead_port={SECOND_PORT}", "lost_port", 1, SLOW_MBPS,
        lanes=(AF_XDP_2,)),
    Row("one of two paths is dead", f"dead_port={SECOND_PORT}", "", "lost_port", 1,
        lanes=(AF_XDP_2,)),
]


def growth(before, after):
    """What counters of a link have counted meanwhile, by direction."""
    return {way: {name: after[way][name] - before[way][name] for name in after[way]}
            for way in ("forth", "back")}


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


def moves(lane, row, pair, guest_name):
    """A guest from a to b, and what the link did to it."""
    link, name = pair.net.link, f"{lane.name}, {row.name}"
    guest = pair.a.guest(guest_name, options=GUEST, memory=row.memory)
    waiting = pair.b.guest(guest_name, incoming=True, memory=row.memory)
    before = link.counters()
    link.set(row.link)
    migration = pair.begin(guest_name, verify="full")
    if row.round_0:
        migration.until_stage("pre-copy")
        link.set(row.round_0)
    report = migration.result(60)
    link.set("perfect")
    counters = growth(before, link.counters())
    show(name, report, counters)
    moved_and_verified(name, report, waiting)
    case.check(f"{name}: that is what the link did", counters["forth"][row.counter] >= row.least,
               counters)
    for process in (guest, waiting):
        process.end()


def all_rows(lane, waits=False):
    """Those with the same limit between the same two hosts, one after the other."""
    rows = [row for row in ROWS if lane in row.lanes and row.waits == waits]
    numbers = itertools.count()
    for limit_mbps in sorted({row.limit_mbps for row in rows}):
        with lane_net(lane) as net, LanePair(net, lane, limit_mbps=limit_mbps) as pair:
            pair.start()
            for row in rows:
                if row.limit_mbps == limit_mbps:
                    moves(lane, row, pair, f"g{next(numbers)}")


@case.group
def over_af_packet():
    all_rows(AF_PACKET)


@case.group
def over_af_xdp():
    all_rows(AF_XDP)


@case.group
def over_af_xdp_with_two_paths():
    all_rows(AF_XDP_2)


@case.group
def over_ipv6():
    all_rows(AF_PACKET_6)
    all_rows(AF_XDP_6)


@case.group_beside
def what_takes_its_time():
    for lane in (AF_PACKET, AF_XDP, AF_XDP_2):
        all_rows(lane, waits=True)


@case.group_beside
def cut_for_longer_than_anybody_waits():
    with lane_net(AF_XDP) as net, LanePair(net, AF_XDP, limit_mbps=SLOW_MBPS) as pair:
        pair.start()
        guest, waiting = pair.a.guest(options=GUEST), pair.b.guest(incoming=True)
        migration = pair.begin()
        migration.until_stage("pre-copy")
        net.link.set("cut=100s")
        report = migration.result(SILENCE_S + 20)
        failed_clearly("cut for 100 s", report, within=SILENCE_S + 15)
        said = " ".join(str(value) for value in report["error"].values())
        case.check("cut for 100 s: it is said for how long nothing came", f"{SILENCE_S} s" in said,
                   said)
        print(f"       {report['seconds']:.1f} s: {report['error']}", flush=True)
        guest_runs_on("cut for 100 s", guest)
        net.link.set("perfect")
        until("the target to have given up, too", 15, lambda: not any(
            g["busy"] for g in pair.b.call("guest_list")))
        moved_and_verified("the link is back", pair.migrate(verify="full"), waiting)


@case.group
def each_dataplane_is_killed_ten_times_in_one_migration():
    with lane_net(AF_XDP_2) as net, LanePair(net, AF_XDP_2, limit_mbps=2 * SLOW_MBPS) as pair:
        killed_ten_times_each(pair, SEED)
        for end in net.ends:
            case.equal(f"{end.interface}: no program of ours is left", steer.program(end), None)


def two_at_once(name, pair, sources):
    """Both guests arrive; seconds that round 0 of each took."""
    ways = [(f"{name.replace(' ', '-')}.{i}", source, pair.b if source is pair.a else pair.a)
            for i, source in enumerate(sources)]
    guests = [(source.guest(guest, options=QUIET, memory="128M", device="16M"),
               target.guest(guest, incoming=True, memory="128M", device="16M"))
              for guest, source, target in ways]
    migrations = [pair.begin(guest, source, target) for guest, source, target in ways]
    reports = [migration.result(60) for migration in migrations]
    for (guest, _, _), report, (_, waiting) in zip(ways, reports, guests):
        moved_and_verified(guest, report, waiting)
    for pair_of_guests in guests:
        for process in pair_of_guests:
            process.end()
    took = [r["rounds"][0]["seconds"] for r in reports]
    rates = [r["rounds"][0]["rate_bytes_per_s"] * 8e-9 for r in reports]
    print(f"       {name}: round 0 took {took[0]:.2f} and {took[1]:.2f} s, {rates[0]:.2f} and "
          f"{rates[1]:.2f} Gbit/s", flush=True)
    return took


@case.group
def two_guests_share_two_paths():
    with lane_net(AF_XDP_2) as net, LanePair(net, AF_XDP_2) as pair:
        pair.start()
        net.link.set("rate=1G queue=1M")
        took = two_at_once("one way", pair, (pair.a, pair.a))
        # With a third of the rate for half of the time, and then all of it.
        case.check("one way: neither gets twice as much", max(took) <= 4 / 3 * min(took), took)
        two_at_once("one each way", pair, (pair.a, pair.b))


def goodput(pair, guest_name, faults):
    """Of round 0, bit/s."""
    pair.net.link.set("perfect", LINE_RATE, faults)
    guest = pair.a.guest(guest_name, options=QUIET, device="16M")
    waiting = pair.b.guest(guest_name, incoming=True, device="16M")
    report = pair.migrate(guest_name)
    moved_and_verified(f"{guest_name}, {faults or 'no faults'}", report, waiting)
    for process in (guest, waiting):
        process.end()
    return report["rounds"][0]["sent_bytes"] * 8 / report["rounds"][0]["seconds"]


@case.group
def goodput_with_loss():
    """By turns, the best of each, and over a link that is slower than a machine which
    is busy with something else."""
    kinds = ("", "lose=0.1%", "lose=2%")
    for lane in (AF_PACKET, AF_XDP):
        with lane_net(lane) as net, LanePair(net, lane) as pair:
            pair.start()
            found = {kind: [] for kind in kinds}
            for turn in range(3):
                for i, kind in enumerate(kinds):
                    found[kind].append(goodput(pair, f"g{turn}.{i}", kind))
        for kind in kinds:
            print(f"       {lane.name}, {kind or 'no faults'}: " + " ".join(f"{x / 1e9:.2f}"
                  for x in found[kind]) + " Gbit/s", flush=True)
        for kind, least in (("lose=0.1%", 0.9), ("lose=2%", 0.5)):
            ratio = max(found[kind]) / max(found[""])
            case.check(f"{lane.name}, {kind}: {ratio:.2f} of the goodput without", ratio >= least)


case.run()
