# SPDX-License-Identifier: BSD-3-Clause
"""link.py - two network namespaces, joined by a wire or by a link that has faults

    with Net() as net:                          # a - veth - b
    with Net(link="delay=1ms") as net:          # a - veth - pw-link - veth - b
        with net.a.inside():                # sockets made here are of that end
            ...
        net.link.set("perfect", "forth.lose=2%")
        net.link.counters()["forth"]["lost_alone"]

Every namespace is called pwn, the process id of the test, and a letter. What a
test that was killed left behind goes when the next one begins. Offloads are off
at all ends: a super-frame does not fit into any frame, and a checksum that is
left to a device is never made on a veth.
"""

import contextlib
import ctypes
import glob
import json
import os
import re
import signal
import subprocess
import threading
import time

from .case import Failure
from .process import MARK, PROGRAMS, Process

CLONE_NEWNET = 0x40000000
PREFIX = "pwn"
MTU = 9000
LINK_SLACK = 64
NOT_MARKED = {MARK.partition("=")[0]: ""}    # it is of the net, which outlives a pair
OFFLOADS = ("rx", "off", "tx", "off", "sg", "off", "tso", "off", "gso", "off", "gro", "off")

libc = ctypes.CDLL(None, use_errno=True)


def run(*argv):
    """What a command says; Failure if it fails."""
    done = subprocess.run(argv, capture_output=True, text=True)
    if done.returncode:
        raise Failure(f"{' '.join(argv)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def remove_leftovers():
    """Namespaces of tests that are gone."""
    for path in glob.glob(f"/run/netns/{PREFIX}*"):
        name = os.path.basename(path)
        owner = re.match(PREFIX + r"(\d+)[a-z]$", name)
        if owner and not os.path.exists(f"/proc/{owner.group(1)}"):
            subprocess.run(["ip", "netns", "del", name], capture_output=True)


class End:
    """A namespace; a and b have one interface with an address, the link has two without."""

    def __init__(self, letter):
        self.namespace = f"{PREFIX}{os.getpid()}{letter}"
        self.prefix = ("ip", "netns", "exec", self.namespace)
        self.interface = self.address = self.address6 = self.mac = None
        run("ip", "netns", "add", self.namespace)
        self.ip("link", "set", "lo", "up")

    def ip(self, *words):
        return run("ip", "-n", self.namespace, *words)

    def run(self, *argv):
        return run(*self.prefix, *argv)

    @contextlib.contextmanager
    def inside(self):
        """This thread is there meanwhile."""
        def go_to(path):
            with open(path) as file:
                if libc.setns(file.fileno(), CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), f"setns {path}")
        home = f"/proc/{os.getpid()}/task/{threading.get_native_id()}/ns/net"
        with open(home) as at_home:
            go_to(f"/run/netns/{self.namespace}")
            try:
                yield
            finally:
                go_to(f"/proc/self/fd/{at_home.fileno()}")

    def bring_up(self, interface, mtu):
        """Without addresses of its own making: they would have it send what nobody asked for."""
        self.run("ethtool", "-K", interface, *OFFLOADS)
        self.ip("link", "set", interface, "addrgenmode", "none")
        self.ip("link", "set", interface, "mtu", str(mtu), "up")

    def give_address(self, interface, number):
        self.interface = interface
        self.address, self.address6 = f"10.80.0.{number}", f"fd80::{number}"
        self.ip("addr", "add", f"{self.address}/24", "dev", interface)
        self.ip("addr", "add", f"{self.address6}/64", "dev", interface, "nodad")
        shown = json.loads(self.ip("-j", "link", "show", interface))
        self.mac = shown[0]["address"]

    def remove(self):
        subprocess.run(["ip", "netns", "del", self.namespace], capture_output=True)


class Link(Process):
    """pw-link between two interfaces of a namespace."""

    PROGRAM = os.path.join(PROGRAMS, "tests", "e2e", "link", "pw-link")

    def __init__(self, end, interfaces, settings, log, seed=1):
        super().__init__("pw-link", [*end.prefix, self.PROGRAM, "--seed", str(seed), *interfaces,
                                     *settings], log, env=NOT_MARKED)
        self.hear("ready")

    def hear(self, name, within=5):
        """The next event, which has that name."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            for line in self.read_lines(deadline - time.monotonic()):
                event = json.loads(line)
                if event["event"] == name:
                    return event
                raise Failure(f"{self.name} said {event}, not {name}")
        raise Failure(f"{self.name} did not say {name} in {within} s: {self.said()[-400:]}")

    def set(self, *settings):
        """When this returns, they hold."""
        self.say(*settings)
        self.hear("set")

    def say(self, *settings):
        self.child.stdin.write(" ".join(settings).encode() + b"\n")
        self.child.stdin.flush()

    def counters(self):
        """By direction, each by its name."""
        self.send_signal(signal.SIGUSR1)
        return self.hear("counters")


class Net:
    """link: settings of pw-link in the middle, "" for a perfect one; None: no link, one wire.
    log: the file that pw-link writes to. queues: of each interface. slack: by so
    much a frame may grow that the link lengthens; without, the longest are lost."""

    def __init__(self, link=None, mtu=MTU, log="/dev/null", seed=1, queues=1,
                 slack=LINK_SLACK):
        self.mtu, self.namespaces, self.link = mtu, [], None
        self.queues = ("numrxqueues", str(queues), "numtxqueues", str(queues))
        if os.getuid() != 0:
            raise Failure("network namespaces need root: run this case as root")
        remove_leftovers()
        try:
            self.a, self.b = self.ends = [self._end(letter) for letter in "ab"]
            if link is None:
                self._join(self.a, "to-b", mtu, self.b, "to-a", mtu)
            else:
                middle = self._end("l")
                self._join(self.a, "to-b", mtu, middle, "to-a", mtu + slack)
                self._join(self.b, "to-a", mtu, middle, "to-b", mtu + slack)
                self.link = Link(middle, ("to-a", "to-b"), link.split(), log, seed)
            self.a.give_address("to-b", 1)
            self.b.give_address("to-a", 2)
        except BaseException:
            self.close()
            raise

    def _end(self, letter):
        self.namespaces.append(End(letter))
        return self.namespaces[-1]

    def _join(self, one, one_interface, one_mtu, other, other_interface, other_mtu):
        one.ip("link", "add", one_interface, *self.queues, "type", "veth", "peer", "name",
               other_interface, "netns", other.namespace, *self.queues)
        one.bring_up(one_interface, one_mtu)
        other.bring_up(other_interface, other_mtu)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.link:
            self.link.kill()
        for end in self.namespaces:
            end.remove()
