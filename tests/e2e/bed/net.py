# SPDX-License-Identifier: BSD-3-Clause
"""net.py - two network namespaces joined by a cable, and what the kernels do there

    with Cable(queues=2, mtu=3498) as cable:
        cable.a.run("ip", "link")           # a and b are its ends
        with cable.b.inside():              # sockets made here are of that end
            ...

Needs root.
"""

import ctypes
import hashlib
import os
import secrets
import select
import socket
import struct
import subprocess
import threading
import time
from contextlib import contextmanager

from .case import Failure

CLONE_NEWNET = 0x40000000
PING_EVERY_S = 0.02
BLOCK = 1 << 16

libc = ctypes.CDLL(None, use_errno=True)


def run(*argv):
    """Its output; Failure if it fails."""
    done = subprocess.run(argv, capture_output=True, text=True)
    if done.returncode:
        raise Failure(f"{' '.join(argv)}: {done.stdout} {done.stderr}")
    return done.stdout


class End:
    def __init__(self, name, interface, address):
        self.name, self.interface, self.address = name, interface, address
        self.prefix = ("ip", "netns", "exec", name)

    def run(self, *argv):
        return run(*self.prefix, *argv)

    def ip(self, *argv):
        return run("ip", "-n", self.name, *argv)

    @contextmanager
    def inside(self):
        """This thread is there meanwhile."""
        def enter(file):
            if libc.setns(file.fileno(), CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
        with open("/proc/thread-self/ns/net") as home, \
                open(f"/var/run/netns/{self.name}") as there:
            enter(there)
            try:
                yield
            finally:
                enter(home)

    def udp(self, address=None, port=0, peer=None):
        """A socket of its kernel that does not block."""
        with self.inside():
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.bind((address or self.address, port))
        if peer:
            sock.connect(peer)
        sock.setblocking(False)
        return sock


class Cable:
    def __init__(self, queues=1, mtu=3498):
        if os.geteuid() != 0:
            raise Failure("network namespaces take root, and this is another user")
        tag = f"pwe2e{os.getpid()}"
        self.a, self.b = self.ends = [End(f"{tag}{x}", f"eth{x}", f"10.91.0.{n}")
                                      for n, x in enumerate("ab", 1)]
        self.queues, self.mtu = queues, mtu

    def __enter__(self):
        self.remove()
        for end in self.ends:
            run("ip", "netns", "add", end.name)
        count = ("numrxqueues", str(self.queues), "numtxqueues", str(self.queues))
        run("ip", "link", "add", self.a.interface, "netns", self.a.name, *count, "type", "veth",
            "peer", "name", self.b.interface, "netns", self.b.name, *count)
        for end in self.ends:
            end.ip("link", "set", "lo", "up")
            end.ip("link", "set", end.interface, "mtu", str(self.mtu), "up")
            end.ip("addr", "add", end.address + "/24", "dev", end.interface)
        return self

    def __exit__(self, *_):
        self.remove()

    def remove(self):
        for end in self.ends:
            subprocess.run(("ip", "netns", "del", end.name), capture_output=True)


def checksum(packet):
    total = sum(struct.unpack(f"!{len(packet) // 2}H", packet))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


class Traffic:
    """While the block runs: echo requests from a to b, and a TCP transfer."""

    def __init__(self, cable):
        self.cable, self.over = cable, threading.Event()
        self.asked, self.answered, self.sent, self.came = set(), set(), 0, 0
        self.digests = [hashlib.sha256(), hashlib.sha256()]

    def __enter__(self):
        with self.cable.a.inside():
            self.icmp = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
            near = socket.socket()
        with self.cable.b.inside():
            listener = socket.create_server((self.cable.b.address, 0))
        near.connect(listener.getsockname())
        far, _ = listener.accept()
        listener.close()
        self.threads = [threading.Thread(target=work, args=args, daemon=True) for work, args in (
            (self._ping, ()), (self._send, (near,)), (self._take, (far,)))]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join(10)
        self.icmp.close()

    def _hear(self, within):
        if select.select([self.icmp], [], [], within)[0]:
            packet = self.icmp.recv(2048)
            kind, _, _, ident, number = struct.unpack("!BBHHH", packet[20:28])
            if kind == 0 and ident == os.getpid() & 0xffff:
                self.answered.add(number)
            return True
        return False

    def _ping(self):
        while not self.over.is_set():
            number = len(self.asked) & 0xffff
            head = struct.pack("!BBHHH", 8, 0, 0, os.getpid() & 0xffff, number)
            body = bytes(56)
            head = head[:2] + struct.pack("!H", checksum(head + body)) + head[4:]
            self.asked.add(number)
            self.icmp.sendto(head + body, (self.cable.b.address, 0))
            deadline = time.monotonic() + PING_EVERY_S
            while (left := deadline - time.monotonic()) > 0:
                self._hear(left)
        while self.answered != self.asked and self._hear(1):
            pass

    def _send(self, sock):
        while not self.over.is_set():
            block = secrets.token_bytes(BLOCK)
            sock.sendall(block)
            self.digests[0].update(block)
            self.sent += len(block)
            self.over.wait(0.005)       # some 100 Mbit/s: the lane wants to live too
        sock.close()

    def _take(self, sock):
        while block := sock.recv(BLOCK):
            self.digests[1].update(block)
            self.came += len(block)
        sock.close()

    def is_whole(self):
        """No ping and no byte is missing."""
        return self.asked == self.answered and len(self.asked) > 10 and \
            self.sent == self.came > 0 and self.digests[0].digest() == self.digests[1].digest()

    def __str__(self):
        return f"{len(self.answered)} of {len(self.asked)} pings, {self.came} of {self.sent} bytes"
