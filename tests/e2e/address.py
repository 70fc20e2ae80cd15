#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""address.py - lanes between hosts: addresses, neighbours, VLANs, and what the frames say

Two network namespaces joined by a pair of virtual interfaces; each host lives in
one, and the control link goes the same way as the lane. Needs root.
"""

import ctypes
import os
import socket
import struct
import subprocess
import sys
from contextlib import contextmanager

sys.dont_write_bytecode = True

from bed.case import Failure, case, until  # noqa: E402
from bed.pair import Pair, failed_clearly, guest_runs_on, moved_and_verified  # noqa: E402

LIBC = ctypes.CDLL(None)
MTU = 9000
LANE_PORTS = (49600, 5000, 6000)
ETH_P_ALL = 3
IPV4 = ("10.92.0.1", "10.92.0.2", 24)
IPV6 = ("2001:db8:92::1", "2001:db8:92::2", 64)
VLAN = 93
PATIENT = "paths: 1, delay_target_us: 100000"    # the delay here is the scheduler's
UNSEEN = f'driver: vdev, vdev: "net_af_packet0,iface={{interface}}", {PATIENT}'
SHARED = f"driver: af_packet, interface: {{interface}}, {PATIENT}"


def run(*argv):
    done = subprocess.run(argv, capture_output=True, text=True)
    if done.returncode:
        raise Failure(f"{' '.join(argv)}: {done.stdout} {done.stderr}")
    return done.stdout


class End:
    """One namespace, and its interface."""

    def __init__(self, letter):
        self.name, self.interface = f"pwadr{os.getpid()}{letter}", f"pw{letter}"
        self.prefix = ("ip", "netns", "exec", self.name)

    def ip(self, *words):
        return run("ip", "-n", self.name, *words)

    def mac(self):
        return self.ip("-br", "link", "show", self.interface).split()[2]

    @contextmanager
    def inside(self):
        """Sockets made here are of that namespace."""
        with open("/proc/self/ns/net") as home, open(f"/run/netns/{self.name}") as there:
            LIBC.setns(there.fileno(), 0)
            try:
                yield
            finally:
                LIBC.setns(home.fileno(), 0)


class Lan:
    """with Lan() as lan: its ends are there, with addresses of both kinds."""

    def __init__(self):
        if os.geteuid() != 0:
            raise Failure("network namespaces take root, and this is another user")
        self.a, self.b = self.ends = [End("a"), End("b")]

    def __enter__(self):
        for end in self.ends:
            run("ip", "netns", "add", end.name)
        run("ip", "link", "add", self.a.interface, "netns", self.a.name, "type", "veth", "peer",
            "name", self.b.interface, "netns", self.b.name)
        for i, end in enumerate(self.ends):
            end.ip("link", "set", "lo", "up")
            end.ip("link", "set", end.interface, "mtu", str(MTU), "up")
            for kind in (IPV4, IPV6):
                end.ip("address", "add", f"{kind[i]}/{kind[2]}", "dev", end.interface,
                       *(["nodad"] if kind is IPV6 else []))
        return self

    def __exit__(self, *_):
        for end in self.ends:
            subprocess.run(("ip", "netns", "del", end.name), capture_output=True)


class Hosts(Pair):
    """A pair on a LAN. lanes: two lines of configuration, with {interface} in them."""

    def __init__(self, lan, *lanes, **more):
        super().__init__(paths=1, **more)
        self.a.lane = None
        for i, (host, end) in enumerate(zip(self.hosts, lan.ends)):
            host.privileges = end.prefix
            self.write_conf(
                host, self.hosts[1 - i], ("server", "client")[i],
                control=f"control: {{address: {IPV4[i]}, port: {host.port}}}",
                peers=f"peers: [{{name: {self.hosts[1 - i].name}, address: {IPV4[1 - i]}, "
                      f"port: {self.hosts[1 - i].port}}}]",
                lane="lane: {" + lanes[i % len(lanes)].format(interface=end.interface) + "}")


class Frames:
    """with Frames(end) as f: what reaches an end meanwhile, up to a bound. What a
    lane sends goes past those who listen."""

    def __init__(self, end):
        with end.inside():
            self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
            self.sock.setsockopt(263, 8, 1)     # SOL_PACKET, PACKET_AUXDATA: tags
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 20)
            self.sock.bind((end.interface, ETH_P_ALL))
        self.sock.setblocking(False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def read(self):
        """(frame, tag or None) of each."""
        frames = []
        while True:
            try:
                frame, extra, _, _ = self.sock.recvmsg(MTU + 64, 256)
            except BlockingIOError:
                return frames
            tag = None
            for _, _, aux in extra:
                status, _, _, _, _, tci, _ = struct.unpack("IIIHHHH", aux)
                tag = tci if status & 0x10 else None
            frames.append((frame, tag))


def words_sum(text):
    total = sum(struct.unpack(f"!{len(text) // 2}H", text))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total


def is_lane(frame):
    """A datagram of a lane, without its tag."""
    if frame[12:14] == b"\x08\x00":
        return frame[23] == 17 and struct.unpack("!H", frame[36:38])[0] in LANE_PORTS
    return frame[12:14] == b"\x86\xdd" and frame[20] == 17 and \
        struct.unpack("!H", frame[56:58])[0] in LANE_PORTS


def mac_text(raw):
    return ":".join(f"{byte:02x}" for byte in raw)


def move(name, lan, *lanes):
    """There; (data, acks): the frames of the lane as they came, with their tags."""
    with Hosts(lan, *lanes) as hosts, Frames(lan.a) as at_a, Frames(lan.b) as at_b:
        hosts.start()
        hosts.a.guest(options=("--dirty-rate", "16M"))
        there = hosts.b.guest(incoming=True)
        moved_and_verified(name, hosts.migrate(verify="full"), there)
        data, acks = ([(f, tag) for f, tag in frames.read() if is_lane(f)]
                      for frames in (at_b, at_a))
    case.check(f"{name}: frames of the lane pass both ways", len(data) > 100 and len(acks) > 10,
               len(data), len(acks))
    return data, acks


@case.group
def ipv4():
    with Lan() as lan:
        data, acks = ([f for f, _ in frames] for frames in move("IPv4", lan, SHARED))
        case.equal("they go from MAC to MAC",
                   {(mac_text(f[6:12]), mac_text(f[:6])) for f in data},
                   {(lan.a.mac(), lan.b.mac())})
        case.equal("and back", {(mac_text(f[6:12]), mac_text(f[:6])) for f in acks},
                   {(lan.b.mac(), lan.a.mac())})
        case.equal("the addresses are those of the interfaces",
                   {(socket.inet_ntoa(f[26:30]), socket.inet_ntoa(f[30:34])) for f in data},
                   {IPV4[:2]})
        case.check("every IP header adds up",
                   all(words_sum(f[14:34]) == 0xffff for f in data + acks))
        case.check("none may be fragmented", all(f[20:22] == b"\x40\x00" for f in data + acks))
        case.equal("data is ECN capable", {f[15] & 3 for f in data}, {2})
        case.equal("acknowledgements are not", {f[15] & 3 for f in acks}, {0})


@case.group
def ipv6():
    with Lan() as lan:
        data, acks = ([f for f, _ in frames] for frames in move(
            "IPv6", lan, *(f"{SHARED}, address: '{ip}/{IPV6[2]}'" for ip in IPV6[:2])))
        case.equal("the addresses are those of the configuration",
                   {(socket.inet_ntop(socket.AF_INET6, f[22:38]),
                     socket.inet_ntop(socket.AF_INET6, f[38:54])) for f in data}, {IPV6[:2]})
        case.equal("data is ECN capable", {f[15] >> 4 & 3 for f in data}, {2})
        case.equal("acknowledgements are not", {f[15] >> 4 & 3 for f in acks}, {0})


@case.group
def a_nic_that_the_kernel_does_not_see():
    """The interface has no address of the lane: we answer for it ourselves."""
    for name, ips, bits in (("IPv4", ("10.94.0.1", "10.94.0.2"), 24),
                            ("IPv6", ("2001:db8:94::1", "2001:db8:94::2"), 64)):
        with Lan() as lan:
            move(name, lan, *(f"{UNSEEN}, address: '{ip}/{bits}'" for ip in ips))


@case.group
def tagged():
    with Lan() as lan:
        data, acks = move("VLAN", lan, *(f"{UNSEEN}, vlan: {VLAN}, address: 10.93.0.{i}/24"
                                         for i in (1, 2)))
        case.equal("each frame is tagged", {tag for _, tag in data + acks}, {VLAN})


@case.group
def other_ports():
    """Each end has its own, and is sent to from the one that it wants."""
    with Lan() as lan:
        data, acks = move("ports", lan, f"{SHARED}, port: 5000", f"{SHARED}, port: 6000")
        case.equal("data", {struct.unpack("!HH", f[34:38]) for f, _ in data}, {(6000, 6000)})
        case.equal("acknowledgements", {struct.unpack("!HH", f[34:38]) for f, _ in acks},
                   {(5000, 5000)})


@case.group
def shorter_frames_at_one_end():
    """The payload is what both carry."""
    with Lan() as lan:
        data, acks = move("MTU", lan, SHARED, f"{SHARED}, mtu: 1280")
        longest = max(len(f) for f, _ in data)
        case.check("no frame is longer than the shorter end says", longest <= 1280 + 14, longest)


def add_second_network(lan):
    """A network for lanes alone: the lines of its lanes."""
    for i, end in enumerate(lan.ends, 1):
        end.ip("address", "add", f"10.95.0.{i}/24", "dev", end.interface)
    return [f"{SHARED}, address: 10.95.0.{i}/24" for i in (1, 2)]


def is_refused(name, lan, words, *lanes, prepare=None):
    """The migration fails in time, with these words, and costs nobody anything."""
    with Hosts(lan, *lanes) as hosts:
        hosts.start()
        if prepare:
            prepare(lan)
        guest, waiting = hosts.a.guest(), hosts.b.guest(incoming=True)
        report = hosts.migrate()
        failed_clearly(name, report, within=5)
        said = " ".join(str(value) for value in (report["error"] or {}).values())
        case.check(f"{name}: it names what is wrong", all(word in said for word in words), said)
        guest_runs_on(name, guest)
        case.equal(f"{name}: nothing runs at the target", waiting.state(), "waiting")


@case.group
def lanes_that_do_not_fit():
    with Lan() as lan:
        is_refused("families", lan, ("IPv4", "IPv6", "lane"), SHARED,
                   f"{SHARED}, address: '{IPV6[1]}/64'")


@case.group
def a_peer_that_does_not_answer():
    """They are in networks with different tags."""
    with Lan() as lan:
        is_refused("silence", lan, ("not reached", "answers"), f"{UNSEEN}, address: 10.94.0.1/24",
                   f"{UNSEEN}, address: 10.94.0.2/24, vlan: 7")


def silence_kernels(lan):
    """Neither answers who has an address; but the control link goes on. To be done
    when hosts run: the driver makes the kernel forget all neighbours as it starts."""
    for i, end in enumerate(lan.ends):
        end.ip("neigh", "replace", IPV4[1 - i], "lladdr", lan.ends[1 - i].mac(), "nud",
               "permanent", "dev", end.interface)
        run(*end.prefix, "sh", "-c",
            f"echo 8 >/proc/sys/net/ipv4/conf/{end.interface}/arp_ignore")


@case.group
def a_peer_whose_kernel_does_not_answer():
    with Lan() as lan:
        is_refused("silence of the kernel", lan, ("not reached", "answers"),
                   *add_second_network(lan), prepare=silence_kernels)


@case.group
def a_peer_that_gets_another_mac():
    other = "02:00:5e:00:00:07"
    with Lan() as lan, Hosts(lan, *add_second_network(lan), limit_mbps=300) as hosts, \
            Frames(lan.b) as at_b:
        hosts.start()
        hosts.a.guest()
        there = hosts.b.guest(incoming=True)
        migration = hosts.begin()
        migration.until_stage("pre-copy")
        lan.a.ip("neigh", "replace", "10.95.0.2", "lladdr", other, "nud", "permanent", "dev",
                 lan.a.interface)
        until("a frame to the new MAC", 3,
              lambda: any(is_lane(f) and mac_text(f[:6]) == other for f, _ in at_b.read()))
        moved_and_verified("another MAC", migration.result(), there)


@case.group
def a_peer_without_a_route():
    with Lan() as lan:
        lan.b.ip("address", "add", "10.99.0.2/32", "dev", lan.b.interface)
        is_refused("no route", lan, ("not reached", "route"), SHARED,
                   f"{SHARED}, address: 10.99.0.2/32")


@case.group
def a_route_by_another_interface():
    with Lan() as lan:
        lan.b.ip("address", "add", "10.99.0.2/32", "dev", lan.b.interface)
        lan.a.ip("route", "add", "10.99.0.2/32", "dev", "lo")
        lan.b.ip("route", "add", "default", "dev", lan.b.interface)
        is_refused("another interface", lan, ("not reached", "another interface"), SHARED,
                   f"{SHARED}, address: 10.99.0.2/32")


def does_not_start(name, lan, words, lane):
    with Hosts(lan, lane) as hosts:
        status = hosts.a.launch().await_end(15)
        said = hosts.a.daemon.said()
        case.equal(f"{name}: pagewired ends with 1", status, 1, said[-800:])
        case.check(f"{name}: it names what is wrong", all(word in said for word in words),
                   said[-800:])


@case.group
def what_cannot_start_says_why():
    with Lan() as lan:
        does_not_start("no interface", lan, ("nope0", "none of that name"),
                       "driver: af_packet, interface: nope0")
        does_not_start("another's address", lan, ("does not have the address 10.92.0.9",),
                       f"{SHARED}, address: 10.92.0.9/24")
        does_not_start("no VLAN", lan, ("has no VLAN 5", "ip link add"),
                       f"{SHARED}, vlan: 5")


case.run()
