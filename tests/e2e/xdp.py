#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""xdp.py - lanes over interfaces that stay the kernels': af_xdp with our program, af_packet"""

import os
import signal
import sys

sys.dont_write_bytecode = True

from bed import steer  # noqa: E402
from bed.case import case, until  # noqa: E402
from bed.dataplane import Dataplane  # noqa: E402
from bed.net import Cable, Traffic  # noqa: E402
from bed.pair import moved_and_verified  # noqa: E402
from bed.process import PROGRAMS, RpcError  # noqa: E402
from bed.wire import Wire  # noqa: E402

XDP = "net_af_xdp0,iface={interface}"
PACKET = "net_af_packet0,iface={interface}"
PORT = 49600
DATAGRAMS = 100


def moves_beside_other_traffic(cable, wire):
    """A migration, while the kernels ping and transfer."""
    wire.start()
    wire.a.guest(options=("--dirty-rate", "64M"))
    there = wire.b.guest(incoming=True)
    with Traffic(cable) as traffic:
        moved_and_verified("the guest", wire.migrate(verify="full"), there)
    case.check("other traffic of the interface lost nothing", traffic.is_whole(), traffic)


@case.group
def one_queue():
    with Cable() as cable, Wire(cable, XDP) as wire:
        moves_beside_other_traffic(cable, wire)
        for end in cable.ends:
            counted = steer.count(end)
            case.check(f"{end.interface}: datagrams went past the kernel, the rest through it",
                       counted["redirected"] > 1000 and counted["passed"] > 100, counted)


@case.group
def two_queues():
    with Cable(queues=2) as cable, Wire(cable, XDP, paths=2) as wire:
        moves_beside_other_traffic(cable, wire)
        counted = [steer.count(cable.b, queue) for queue in (0, 1)]
        case.check("each queue got datagrams", all(c["redirected"] > 100 for c in counted),
                   counted)


def end_by(cable, dataplane, number):
    os.kill(dataplane.child.pid, number)
    until("the program to go", 5, lambda: not steer.program(cable.a))
    case.check(f"{number.name}: the interface is as it was", "PROMISC" not in
               cable.a.ip("link", "show", "dev", cable.a.interface))


@case.group
def a_program_goes_with_its_process():
    """In an orderly way, and not; and the next one finds a clean interface."""
    with Cable() as cable:
        for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):
            with Dataplane(cable.a, XDP) as dataplane:
                case.equal(f"before {number.name}: it is ready", dataplane.why, "")
                case.equal(f"before {number.name}: the program is ours",
                           (steer.program(cable.a) or {}).get("name"), "xsk_def_prog")
                end_by(cable, dataplane, number)
        with Dataplane(cable.a, XDP) as dataplane:
            pass
        case.equal("after the end of the seam there is none either", steer.program(cable.a), None)
        case.equal("whoever ends in order says nothing", dataplane.said, "")


def may_move(wire):
    """The report of a migration, or None while a dataplane is being started."""
    try:
        report = wire.migrate()
    except RpcError as error:
        case.equal("an error says that the dataplane is not ready", error.id, "PW-3013")
        return None
    wire.b.await_free("g", "running" if report["result"] == "done" else "incoming")
    return report if report["result"] == "done" else None


@case.group
def a_dataplane_that_was_killed_is_replaced():
    with Cable() as cable, Wire(cable, XDP) as wire:
        wire.start()
        for host in wire.hosts:
            killed, before = host.dataplane(), steer.program(host.end_of_cable)["id"]
            os.kill(killed, signal.SIGKILL)
            until("another dataplane", 10, lambda: host.dataplane() not in (None, killed),
                  host.daemon.must_run)
            until("another program", 10, lambda: (steer.program(host.end_of_cable) or
                                                  {"id": before})["id"] != before)
        wire.a.guest()
        there = wire.b.guest(incoming=True)
        moved_and_verified("after that", until("a migration", 10, lambda: may_move(wire)), there)


@case.group
def af_packet_with_short_and_long_frames():
    for mtu in (1500, 9000):
        with Cable(mtu=mtu) as cable, Wire(cable, PACKET) as wire:
            moves_beside_other_traffic(cable, wire)


def send(cable, address, port):
    """Datagrams of the kernel of a; was "port unreachable" among the answers?"""
    refused = False
    with cable.a.udp(peer=(address, port)) as sock:
        for _ in range(DATAGRAMS):
            try:
                sock.send(b"x" * 64)
            except ConnectionRefusedError:
                refused = True
        try:
            sock.recv(1)
        except ConnectionRefusedError:
            refused = True
        except BlockingIOError:
            pass
    return refused


def received(sock):
    """Datagrams that wait in a socket."""
    count = 0
    while True:
        try:
            sock.recv(2048)
            count += 1
        except BlockingIOError:
            return count


@case.group
def only_what_is_meant_for_the_lane_is_taken():
    with Cable() as cable:
        second = "10.91.0.3"
        cable.b.ip("addr", "add", second + "/24", "dev", cable.b.interface)
        beside, elsewhere = cable.b.udp(port=PORT + 1), cable.b.udp(second, PORT)
        with Dataplane(cable.b, XDP, "--interface", cable.b.interface,
                       "--address", cable.b.address + "/24") as dataplane:
            case.equal("it is ready", dataplane.why, "")
            send(cable, cable.b.address, PORT)
            send(cable, cable.b.address, PORT + 1)
            send(cable, second, PORT)
            counted = steer.count(cable.b)
            case.equal("datagrams to our address and port", counted["redirected"], DATAGRAMS)
            case.equal("datagrams to another port", received(beside), DATAGRAMS)
            case.equal("datagrams to another address", received(elsewhere), DATAGRAMS)
            case.equal("datagrams that nobody served", counted["unserved"], 0)
        beside.close()
        elsewhere.close()


@case.group
def what_comes_to_a_queue_without_a_path_is_counted_and_said():
    with Cable(queues=2) as cable:
        with Dataplane(cable.b, XDP, "--interface", cable.b.interface,
                       "--address", cable.b.address + "/24") as dataplane:
            case.equal("it is ready", dataplane.why, "")
            # The kernel of a takes a queue by the source port.
            answers = [send(cable, cable.b.address, PORT) for _ in range(20)]
            case.check("nothing is refused", not any(answers), answers)
            first, second = (steer.count(cable.b, queue) for queue in (0, 1))
            case.equal("every datagram is in one of the counts",
                       first["redirected"] + second["unserved"], 20 * DATAGRAMS, first, second)
            case.check("the second queue has got some", second["unserved"] > 0, second)
        case.check("the dataplane says how to get them", f"{second['unserved']} frames" in
                   dataplane.said and "combined 1" in dataplane.said, dataplane.said)


@case.group
def af_packet_is_not_given_the_kernels_frames():
    with Cable() as cable, Dataplane(cable.b, PACKET) as dataplane:
        case.equal("it is ready", dataplane.why, "")
        sockets = cable.b.run("ss", "-0", "-l", "-n", "--bpf")
        case.check("its socket has a filter", "bpf filter" in sockets, sockets)


@case.group
def the_kernel_does_not_answer_for_the_lane():
    with Cable() as cable:
        for name, vdev in (("af_packet", PACKET), ("af_xdp", XDP)):
            case.check(f"{name}: without a lane a's datagrams are refused",
                       until("a refusal", 5, lambda: send(cable, cable.b.address, PORT)))
            with Dataplane(cable.b, vdev, "--interface", cable.b.interface,
                       "--address", cable.b.address + "/24") as dataplane:
                case.equal(f"{name}: it is ready", dataplane.why, "")
                case.check(f"{name}: with one they are not",
                           not send(cable, cable.b.address, PORT))
                case.check(f"{name}: those of another port still are", until(
                    "a refusal", 5, lambda: send(cable, cable.b.address, PORT + 1)))


def refused(name, cable, vdev, found, *options):
    with Dataplane(cable.a, vdev, *options) as dataplane:
        case.check(f"{name}: is refused, and it says why", found in dataplane.why,
                   dataplane.why or "it is ready")


@case.group
def what_cannot_work_is_refused_with_a_fix():
    with Cable() as cable:
        interface = cable.a.interface
        refused("no such interface", cable, "net_af_xdp0,iface=nosuch", "no interface nosuch: ip")
        refused("no name", cable, "net_af_xdp0", "--interface")
        refused("more paths than queues", cable, XDP, "combined 2", "--paths=2")
        refused("several paths of af_packet", cable, PACKET, "paths: 1, or af_xdp", "--paths=2")
        with cable.a.udp(port=PORT):
            refused("a port that is in use", cable, XDP, "ss -ulnp", "--interface", interface,
                    "--address", cable.a.address + "/24")
        program = os.path.join(PROGRAMS, "dataplane", "steer.bpf.elf")
        cable.a.ip("link", "set", "dev", interface, "xdp", "obj", program, "sec", "xdp")
        refused("another program", cable, XDP, f"ip link set dev {interface} xdp off")
        case.check("another program: is left alone", steer.program(cable.a))
        cable.a.ip("link", "set", "dev", interface, "xdp", "off")
        for end in cable.ends:
            end.ip("link", "set", "dev", end.interface, "mtu", "9000")
        refused("long frames", cable, XDP, f"ip link set dev {interface} mtu 3498")
        cable.a.ip("link", "set", "dev", interface, "down")
        refused("an interface that is down", cable, XDP, f"ip link set dev {interface} up")
        with Dataplane(cable.b, XDP, privileges=("setpriv", "--bounding-set=-bpf,-sys_admin")) as d:
            case.check("no rights: are asked for", "CAP_BPF" in d.why, d.why)


case.run()
