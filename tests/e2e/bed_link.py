#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""bed_link.py - the bed itself: what pw-link does to the kernel's own datagrams and connections

A case that finds nothing wrong with a lane is worth as much as the faults that
the lane has met.
"""

import hashlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading

sys.dont_write_bytecode = True

from bed.case import case  # noqa: E402
from bed.link import PREFIX, Link, Net, run  # noqa: E402

MANY = 400      # datagrams
QUIET_S = 0.3   # nothing more comes
NOT_ECT, ECT0, CE = 0, 2, 3


def udp_pair(net, ipv6=False):
    """A connected socket at a, and the one at b that it sends to."""
    family = socket.AF_INET6 if ipv6 else socket.AF_INET
    with net.b.inside():
        far = socket.socket(family, socket.SOCK_DGRAM)
    far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    far.bind((net.b.address6 if ipv6 else net.b.address, 0))
    far.settimeout(QUIET_S)
    with net.a.inside():
        near = socket.socket(family, socket.SOCK_DGRAM)
    near.connect(far.getsockname())
    return near, far


def drain(sock):
    """What comes, until nothing does."""
    came = []
    while True:
        try:
            came.append(sock.recv(65536))
        except TimeoutError:
            return came


def send_many(net, size=1000, ipv6=False):
    """(what a sent, what b got)"""
    near, far = udp_pair(net, ipv6)
    with near, far:
        sent = [secrets.token_bytes(size) for _ in range(MANY)]
        for datagram in sent:
            near.send(datagram)
        return sent, drain(far)


def ecn_of(sock, count):
    """What the ECN field of so many datagrams was."""
    found = set()
    for _ in range(count):
        _, said, _, _ = sock.recvmsg(65536, 64)
        found |= {value[0] & 3 for _, _, value in said}
    return found


def transfer(net, size):
    """Is what b gets over TCP what a sends?"""
    data, got = secrets.token_bytes(size), hashlib.sha256()
    with net.b.inside():
        listener = socket.create_server((net.b.address, 0))
    with net.a.inside():
        near = socket.socket()

    def send():
        with near:
            near.connect(listener.getsockname())
            near.sendall(data)
    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    listener.settimeout(20)
    with listener, listener.accept()[0] as far:
        far.settimeout(20)
        while block := far.recv(65536):
            got.update(block)
    sender.join(5)
    return got.digest() == hashlib.sha256(data).digest()


def bad_checksums(end, protocol):
    """What the kernel of that end has dropped for its checksum."""
    names, values = [line.split() for line in end.run("cat", "/proc/net/snmp").splitlines()
                     if line.startswith(protocol + ":")]
    return int(values[names.index("InCsumErrors")])


@case.group
def a_perfect_link_passes_everything_in_order():
    with Net(link="") as net:
        for ipv6 in (False, True):
            send_many(net, ipv6=ipv6)   # what waits for an address may leave in any order
            for size in (1, 1000, net.mtu - (48 if ipv6 else 28)):
                sent, got = send_many(net, size, ipv6)
                case.check(f"{MANY} datagrams of {size} bytes, IPv{6 if ipv6 else 4}",
                           sent == got, len(sent), len(got))
        case.check("a connection", transfer(net, 4 << 20))
        counters = net.link.counters()
        for way in ("forth", "back"):
            seen = counters[way]
            case.equal(f"{way}: nothing was lost, nor by the bed itself",
                       (seen["frames"], seen["overrun"], seen["too_long"], seen["not_sent"]),
                       (seen["sent"], 0, 0, 0))


@case.group
def each_fault_is_seen_by_sockets():
    rows = [    # settings, the least and the most that arrives, counter
        ("lose=50%", 0.35, 0.65, "lost_alone"),
        ("burst=10% burst_frames=10", 0.25, 0.75, "lost_burst"),
        ("repeat_soon=50%", 1.35, 1.65, "repeated_soon"),
        ("repeat_late=50% late_time=20ms", 1.35, 1.65, "repeated_late"),
        ("hole=900", 0, 0, "lost_long"),
        ("cut=60s", 0, 0, "lost_cut"),
        ("first_udp=100", 0.75, 0.75, "lost_first"),
        ("rate=100M queue=100k", 0.2, 0.99, "lost_queue"),
    ]
    for settings, least, most, counter in rows:
        with Net(link="") as net:
            send_many(net)      # addresses are resolved
            net.link.set(*("forth." + word for word in settings.split()))
            sent, got = send_many(net)
            case.check(f"{settings}: so many arrive", least <= len(got) / MANY <= most, len(got))
            case.check(f"{settings}: none of them is another", set(got) <= set(sent))
            seen = net.link.counters()
            case.check(f"{settings}: it was counted", seen["forth"][counter] > 10, seen)
            case.equal(f"{settings}: and not on the way back", seen["back"][counter], 0)


@case.group
def order_changes():
    with Net(link="") as net:
        send_many(net)
        net.link.set("forth.reorder=20%", "forth.reorder_time=20ms")
        sent, got = send_many(net)
        case.check("all arrive, in another order", sent != got and sorted(sent) == sorted(got),
                   len(got))


@case.group
def udp_is_spoilt_behind_the_kernels_back():
    for ipv6 in (False, True):
        name = f"IPv{6 if ipv6 else 4}"
        with Net(link="") as net:
            send_many(net, ipv6=ipv6)
            net.link.set("forth.corrupt=100%")
            sent, got = send_many(net, ipv6=ipv6)
            case.equal(f"{name}: all arrive", len(got), MANY)
            case.equal(f"{name}: none is what it was", len(set(sent) & set(got)), 0)
            case.check(f"{name}: some are of another length", 10 < sum(
                len(datagram) != 1000 for datagram in got) < MANY / 2)
            case.equal(f"{name}: the kernel found nothing", bad_checksums(net.b, "Udp"), 0)


@case.group
def a_copy_of_what_is_spoilt_is_whole():
    with Net(link="") as net:
        send_many(net)
        net.link.set("forth.corrupt=100%", "forth.repeat_soon=100%")
        sent, got = send_many(net)
        case.equal("twice as many arrive", len(got), 2 * MANY)
        case.equal("half of them as they were", len(set(got) & set(sent)), MANY)


@case.group
def a_long_queue_marks_what_can_be_marked():
    for ipv6 in (False, True):
        name, level = (("IPv6", socket.IPPROTO_IPV6) if ipv6 else ("IPv4", socket.IPPROTO_IP))
        ask, tell = ((socket.IPV6_RECVTCLASS, socket.IPV6_TCLASS) if ipv6 else
                     (socket.IP_RECVTOS, socket.IP_TOS))
        with Net(link="rate=1G mark=20k") as net:
            send_many(net, ipv6=ipv6)
            near, far = udp_pair(net, ipv6)
            with near, far:
                far.setsockopt(level, ask, 1)
                for ecn, wanted in ((ECT0, {ECT0, CE}), (NOT_ECT, {NOT_ECT})):
                    near.setsockopt(level, tell, ecn)
                    for _ in range(MANY):
                        near.send(bytes(8000))
                    case.equal(f"{name}: sent with {ecn}, arrive with", ecn_of(far, MANY), wanted)


@case.group
def tcp_is_spoilt_so_that_the_kernel_finds_it():
    with Net(link="corrupt=5%") as net:
        case.check("a connection brings what was sent", transfer(net, 4 << 20))
        found = bad_checksums(net.b, "Tcp") + bad_checksums(net.a, "Tcp")
        counters = net.link.counters()
        spoilt = counters["forth"]["flipped"] + counters["back"]["flipped"]
        case.check("some was spoilt", spoilt > 20, counters)
        # one that says that it is longer than its frame is dropped, but not counted
        case.check("the kernels found nearly each", 0.7 * spoilt <= found <= spoilt, found, spoilt)


@case.group
def everything_at_once():
    with Net(link="lose=1% burst=0.2% burst_frames=3 reorder=5% reorder_time=1ms repeat_soon=2% "
                  "repeat_late=2% late_time=10ms corrupt=1% delay=200us jitter=50us rate=2G "
                  "queue=1M", mtu=1500) as net:
        case.check("a connection brings what was sent", transfer(net, 2 << 20))


@case.group
def settings_change_while_it_runs():
    with Net(link="") as net:
        near, far = udp_pair(net)
        with near, far:
            for settings, arrives in (("", True), ("forth.cut=60s", False), ("perfect", True),
                                      ("back.cut=60s", True)):
                net.link.set(settings)
                near.send(settings.encode())
                case.equal(f"'{settings}': does it arrive", drain(far),
                           [settings.encode()] if arrives else [])
        net.link.say("forth.loose=2%")
        refused = net.link.hear("refused")
        case.check("what is not understood is refused, and it is said what", "loose" in
                   refused["why"], refused)
        net.link.send_signal(signal.SIGTERM)
        case.check("it shows its counters at the end",
                   net.link.hear("counters")["forth"]["lost_cut"] >= 1)     # or ARP as well
        case.equal("and ends in order", net.link.await_end(), 0)


@case.group
def mistakes_are_told():
    with Net(link=None) as net:
        for words, told in ((("to-b", "to-c"), "to-c: name an interface"),
                            (("to-b", "lo", "lose=2"), "'lose=2' is too much or not understood"),
                            (("to-b",), "usage: pw-link")):
            done = subprocess.run([*net.a.prefix, Link.PROGRAM, *words], capture_output=True,
                                  text=True)
            case.check(f"{' '.join(words)}: it says why", done.returncode in (1, 2) and
                       told in done.stderr, done.returncode, done.stderr)


@case.group
def what_a_killed_test_left_goes():
    gone = subprocess.Popen(["true"])
    gone.wait()
    left = f"{PREFIX}{gone.pid}a"
    run("ip", "netns", "add", left)
    with Net() as net:
        names = os.listdir("/run/netns")
        case.check("the namespace of a process that is gone is removed", left not in names)
        case.check("the own ones are there", net.a.namespace in names, names)
    case.check("and go at the end", net.a.namespace not in os.listdir("/run/netns"))


case.run()
