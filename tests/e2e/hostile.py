#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""hostile.py - a peer with a good certificate and bad manners

It speaks the control link by hand (include/pagewire/control.h) and says what no
pagewired would, in every state that it can reach. Whatever it says, pagewired
lives on, the migration ends, nothing runs twice, and the next one is served.
"""

import os
import socket
import ssl
import struct
import sys
import threading
import time

sys.dont_write_bytecode = True

from bed.case import Failure, case, until  # noqa: E402
from bed.pair import Pair, guest_runs_on, moved_and_verified  # noqa: E402

(HELLO, OPEN, OPENED, STREAM_OPEN, STREAM_OPENED, CLOSE, CLOSED, DIGESTS, STREAM_END, DEVICE_DATA,
 SEAL, SEALED, VERIFIED, LOADED, GIVE, RUNNING, RELEASED, ABORT, REFUSE, PING, PONG, RESET, REOPEN,
 REOPENED) = range(1, 25)
ENHANCED, LEGACY = 1, 2
NONE, FULL = 0, 2
MIB = 1 << 20
NOBODYS = bytes(16)


def stream(device, sent=0):
    return struct.pack("<IIQQQ", device, 0, sent, 0, 0)


def close_row(region, number, epoch=1):
    return struct.pack("<IIII", region, number, epoch, 0)


def digest_row(region, block, mask=1, late=0):
    return struct.pack("<IIQ10Q", region, late, block, mask, *[0] * 9)


def reopen(attempt, cid=0x1234):
    return struct.pack("<II16I32x", attempt, 0, cid, *[0] * 15)


def seal(blocks=0, streams=0):
    return struct.pack("<QII", blocks, streams, 0)


class Rogue:
    """One end of a control link: what it sends is up to who has it."""

    def __init__(self, pair, name, plain, accepting=False):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if accepting else ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_REQUIRED
        context.load_verify_locations(pair.path("ca.crt"))
        context.load_cert_chain(pair.path(name + ".crt"), pair.path(name + ".key"))
        plain.settimeout(5)
        self.tls = context.wrap_socket(plain, server_side=accepting)
        self.id, self.epoch, self.read, self.heard = os.urandom(16), 1, b"", []
        self.send(HELLO, struct.pack("<II16s64s24x", 1, 0, bytes(16), name.encode()), id=NOBODYS,
                  epoch=0)
        self.hear(HELLO)

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        self.tls.close()

    def packed(self, kind, body=b"", rows=0, id=None, epoch=None, length=None):
        return struct.pack(
            "<IHH16sII", 32 + len(body) if length is None else length, kind, 0,
            self.id if id is None else id, self.epoch if epoch is None else epoch, rows) + body

    def send(self, *message, **header):
        self.tls.sendall(self.packed(*message, **header))

    def send_at_once(self, *messages):
        """The last is there before the first is answered."""
        self.tls.sendall(b"".join(self.packed(*message) for message in messages))

    def send_rows(self, kind, *rows):
        self.send(kind, b"".join(rows), len(rows))

    def next(self):
        """(kind, body) of the next message; (0, b"") if the link has ended."""
        try:
            while len(self.read) < 32 or len(self.read) < struct.unpack_from("<I", self.read)[0]:
                more = self.tls.recv(65536)
                if not more:
                    return 0, b""
                self.read += more
        except (TimeoutError, socket.timeout):
            raise Failure(f"nothing more was said after {self.heard}")
        except OSError:
            return 0, b""
        length, kind = struct.unpack_from("<IH", self.read)
        whole, self.read = self.read[:length], self.read[length:]
        if kind == PING:
            self.send(PONG, whole[32:], id=NOBODYS, epoch=0)
        else:
            self.heard.append(kind)
        self.of, self.of_epoch = struct.unpack_from("<16sI", whole, 8)
        return kind, whole[32:]

    def hear(self, *kinds):
        while True:
            kind, body = self.next()
            if kind in kinds:
                return body
            if kind in (0, REFUSE):
                raise Failure(f"{kind} instead of {kinds}: {body[4:].rstrip(bytes(1))}")

    def end(self):
        """What it is refused with, "" if the link is just closed."""
        said = ""
        while True:
            kind, body = self.next()
            if kind == 0:
                return said
            if kind == REFUSE:
                said = body[4:].rstrip(b"\0").decode()


class Target:
    """A real target, and what a peer needs to know of the guest that waits there."""

    def __init__(self, pair, waiting):
        self.pair, self.waiting = pair, waiting
        told = pair.b.call("guest_list")[0]
        self.memory, self.devices = told["memory_bytes"], told["devices"]
        self.vgpus = sum(name != "cpu" for name in self.devices)
        self.vgpu_bytes = told["device_bytes"] // max(1, self.vgpus)

    def rogue(self):
        return Rogue(self.pair, "host-a", socket.create_connection(("127.0.0.1", self.pair.b.port)))

    def open(self, rogue, mode=ENHANCED, verify=FULL, guest=b"g", shift=27, payload=8192, paths=1,
             memory=None, regions=1):
        parts = [(b"", memory or self.memory)] * regions
        parts += [(name.encode(), 0 if name == "cpu" else self.vgpu_bytes)
                  for name in self.devices]
        rogue.send(OPEN, struct.pack("<64sBBBBIII16I32x", guest, mode, verify, regions,
                                     len(self.devices), paths, shift, payload, *[0] * 16) +
                   b"".join(struct.pack("<24sQII", name, size, 0, 0) for name, size in parts),
                   len(parts))

    def opened(self, rogue, **how):
        self.open(rogue, **how)
        rogue.hear(OPENED)

    def sealed(self, rogue):
        self.opened(rogue, verify=NONE)
        rogue.send(SEAL, seal())
        rogue.hear(SEALED)

    def ends(self, name, act, *words):
        """act(rogue) is answered with a refusal that has these words, or none: with the end."""
        with self.rogue() as rogue:
            try:
                act(rogue)
                said = rogue.end()
            except OSError:
                said = ""
            except Failure as failure:
                case.check(f"{name}: the migration ends", False, failure)
                return
            case.check(f"{name}: it is refused" if words else f"{name}: the link is closed",
                       bool(said) == bool(words) and all(word in said for word in words), said)
        self.pair.b.daemon.must_run()
        self.pair.b.await_free("g")


def then(*acts):
    """act, then messages: each the arguments of send."""
    def go(rogue):
        for act in acts:
            act(rogue) if callable(act) else rogue.send(*act)
    return go


def no_errors_at(host):
    said = host.daemon.said()
    case.check("the sanitizers have nothing to say of it",
               "Sanitizer" not in said and "runtime error" not in said, said[-800:])


@case.group
def opens_that_make_no_sense():
    with Pair().start() as pair:
        t = Target(pair, pair.b.guest(incoming=True))
        for name, how, *words in (
                ("a guest that is not there", {"guest": b"h"}, "incoming"),
                ("a name that does not end", {"guest": b"g" * 64}),
                ("a mode that is none", {"mode": 9}), ("a check that is none", {"verify": 3}),
                ("slices below a chunk", {"shift": 22}, "dataplane"),
                ("slices below a page", {"shift": 11}), ("slices of a TiB", {"shift": 40}),
                ("more paths than there are", {"paths": 2}, "paths"),
                ("more paths than there can be", {"paths": 0xffffffff}),
                ("payload of 0", {"payload": 0}), ("other memory", {"memory": MIB}, "differs"),
                ("no region", {"regions": 0}, "differs"), ("40 regions", {"regions": 40}),
                ("memory of half a page", {"memory": 2048})):
            t.ends(name, lambda rogue: t.open(rogue, **how), *words)
        for name, act in (
                ("GIVE without OPEN", then((GIVE,))),
                ("HELLO twice", then((HELLO, bytes(88), 0, NOBODYS, 0))),
                ("no type", then((99,))), ("a length of 0", then((GIVE, b"", 0, None, None, 0))),
                ("a length of 4 GiB", then((GIVE, b"", 0, None, None, 0xffffffff))),
                ("rows that are not there", then((CLOSE, b"", 0xffffffff))),
                ("an OPEN of nobody", then((OPEN, bytes(176), 0, NOBODYS)))):
            t.ends(name, act)
        t.ends("a second OPEN at once", lambda rogue: (t.open(rogue), t.open(rogue)), "OPEN")
        t.ends("GIVE before OPENED", lambda rogue: (t.open(rogue), rogue.send(GIVE)), "GIVE")
        t.ends("ABORT before OPENED", lambda rogue: (
            t.open(rogue), rogue.send(ABORT, struct.pack("<I200s", 5, b"no"))))
        moves_after_all(pair, t)


@case.group
def messages_out_of_order_while_it_is_open():
    with Pair().start() as pair:
        t = Target(pair, pair.b.guest(incoming=True))
        blocks = t.memory // (2 * MIB)
        bad = digest_row(0, blocks)
        for name, words, *messages in (
                ("CLOSE of a slice far away", ("dataplane",), (CLOSE, close_row(0, 0xffffffff), 1)),
                ("CLOSE of a region that is not there", ("dataplane",),
                 (CLOSE, close_row(31, 0), 1)),
                ("CLOSE of an epoch to come", ("dataplane",), (CLOSE, close_row(0, 0, 7), 1)),
                ("more CLOSEs than the seam holds", ("dataplane",),
                 (CLOSE, close_row(0, 0, 0) * 65000, 65000)),
                ("digests of a region that is not there", ("digests",),
                 (DIGESTS, digest_row(9, 0), 1)),
                ("digests of a block that is not there", ("region 0",), (DIGESTS, bad, 1)),
                ("bad digests among late ones", ("region 0",),
                 (DIGESTS, bad + digest_row(0, 0, late=1) * 9, 10)),
                ("more digests than blocks", ("digests",),
                 (DIGESTS, digest_row(0, 0, late=1) * (blocks + 1), blocks + 1)),
                ("digests that differ", ("differs",), (DIGESTS, digest_row(0, 0), 1)),
                ("STREAM_OPEN of no device", ("STREAM_OPEN",), (STREAM_OPEN, stream(5))),
                ("STREAM_OPEN twice", ("STREAM_OPEN",), (STREAM_OPEN, stream(0)),
                 (STREAM_OPEN, stream(0))),
                ("STREAM_END of what is not open", ("STREAM_END",), (STREAM_END, stream(0))),
                ("device data beside the lane", ("device data",), (DEVICE_DATA, b"x" * 100, 100)),
                ("SEAL before streams end", ("SEAL",), (SEAL, seal(0, 1))),
                ("SEAL of other streams", ("SEAL",), (SEAL, seal(0, 3))),
                ("GIVE before SEAL", ("GIVE",), (GIVE,)), ("RELEASED", ("RELEASED",), (RELEASED,)),
                ("a target's word", ("VERIFIED",), (VERIFIED, bytes(16))),
                ("RESET", ("RESET",), (RESET,)), ("REOPENED", ("REOPENED",), (REOPENED, reopen(1))),
                ("REOPENs faster than they are answered", ("GIVE",),
                 *[(REOPEN, reopen(n, n)) for n in range(1, 200)], (GIVE,))):
            t.ends(name, then(lambda rogue: t.opened(rogue), *messages), *words)
        for word, *message in (("CLOSE", CLOSE, close_row(0, 0), 1), ("SEAL", SEAL, seal()),
                               ("STREAM_OPEN", STREAM_OPEN, stream(0))):
            t.ends(f"{word} before REOPENED", then(
                lambda rogue: t.opened(rogue),
                lambda rogue: rogue.send_at_once((REOPEN, reopen(1)), message)), word)
        for attempt, word in ((6, "GIVE"), (5, "GIVE"), ((1 << 32) - 1, "CLOSE")):
            t.ends(f"REOPEN {attempt} after 6 is{' not' * (word == 'GIVE')} obeyed", then(
                lambda rogue: t.opened(rogue), (REOPEN, reopen(6)),
                lambda rogue: rogue.hear(REOPENED), lambda rogue: rogue.send_at_once(
                    (REOPEN, reopen(attempt)), (CLOSE, close_row(0, 0), 1), (GIVE,))), word)
        for kind in (SEALED, RUNNING):
            t.ends(f"type {kind}", then(lambda rogue: t.opened(rogue),
                                        (kind, bytes(24 if kind == RUNNING else 0))), "order")
        moves_after_all(pair, t)


@case.group
def streams_of_legacy_devices():
    with Pair().start() as pair:
        t = Target(pair, pair.b.guest(incoming=True))

        def streaming(rogue):
            t.opened(rogue, mode=LEGACY)
            rogue.send(STREAM_OPEN, stream(0))
            rogue.hear(STREAM_OPENED)

        half = (DEVICE_DATA, b"x" * 65536, 65536)
        for name, words, *messages in (
                ("a stream that is too short", ("bytes",), half, (STREAM_END, stream(0, 9))),
                ("the end twice", ("STREAM_END",), (STREAM_END, stream(0)),
                 (STREAM_END, stream(0))),
                ("data behind the end", ("data",), (STREAM_END, stream(0, 9)), half),
                ("STREAM_OPEN once more", ("STREAM_OPEN",), half, (STREAM_OPEN, stream(0)))):
            # What comes behind an end finds a device that has refused its state, or not yet.
            t.ends(name, then(streaming, *messages), *("" if "end" in name else w for w in words))
        before = len(os.listdir(f"/proc/{pair.b.daemon.pid}/fd"))
        for _ in range(3):
            with t.rogue() as rogue:
                t.open(rogue, mode=LEGACY)
                rogue.hear(OPENED)
                for _ in range(3):
                    rogue.send(STREAM_OPEN, stream(0))
                rogue.end()
            pair.b.await_free("g")
        until("every descriptor to be closed", 3, lambda: len(
            os.listdir(f"/proc/{pair.b.daemon.pid}/fd")) <= before)
        case.check("no descriptor is left open", True)
        moves_after_all(pair, t)


class Agent:
    """An incoming guest by hand (include/pagewire/agent.h): one region, no devices."""

    (REGISTER, ARM, DISARM, PAUSE, RESUME, RELEASE, PREPARE, RUN, DISCARD) = range(1, 10)
    QUERY = 13
    BYTES = 16 + 1352

    def __init__(self, host, name="g", role=2, memory=4 * MIB):
        self.asked, self.status, self.silent, self.last = [], {}, (), b""
        fd = os.memfd_create("guest")
        os.ftruncate(fd, memory)
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.sock.connect(host.agent)
        region = struct.pack("<II64sIIQQ", 1, role, name.encode(), 1, 0, memory, 1 << 40)
        socket.send_fds(self.sock, [(struct.pack("<IiII", self.REGISTER, 0, 0, 0) +
                                     region).ljust(self.BYTES, b"\0")], [fd, fd, fd])
        self.sock.recv(self.BYTES)
        os.close(fd)
        self.thread = threading.Thread(target=self._answer, daemon=True)
        self.thread.start()

    def _answer(self):
        try:
            while message := self.sock.recv(self.BYTES):
                self.last = message
                self.asked.append(struct.unpack_from("<I", message)[0])
                if self.asked[-1] not in self.silent:
                    self.answer_last()
        except OSError:
            pass

    def answer_last(self):
        kind, _, seq = struct.unpack_from("<IiI", self.last)
        body = struct.pack("<I", 1) if kind == self.QUERY else self.last[16:]
        self.sock.send((struct.pack("<IiII", kind, self.status.get(kind, 0), seq, 0) + body)
                       .ljust(self.BYTES, b"\0"))

    def await_asked(self, kind):
        until(f"request {kind} of the agent", 5, lambda: kind in self.asked)

    def end(self):
        self.sock.shutdown(socket.SHUT_RDWR)
        self.thread.join(5)
        self.sock.close()
        return 0


@case.group
def messages_out_of_order_once_it_is_sealed():
    with Pair().start() as pair:
        agent = Agent(pair.b)
        t = Target(pair, agent)
        for name, word, *messages in (
                ("SEAL twice", "SEAL", (SEAL, seal())), ("CLOSE", "CLOSE",
                                                         (CLOSE, close_row(0, 0), 1)),
                ("more digests than said", "digests", (DIGESTS, digest_row(0, 0), 1)),
                ("STREAM_OPEN", "STREAM_OPEN", (STREAM_OPEN, stream(0))),
                ("REOPEN", "REOPEN", (REOPEN, reopen(1))),
                ("RELEASED before GIVE", "RELEASED", (RELEASED,))):
            t.ends(name, then(t.sealed, *messages), word)
        t.ends("two SEALs in a row", then(lambda rogue: t.opened(rogue, verify=NONE),
                                          (SEAL, seal()), (SEAL, seal())), "SEAL")
        t.ends("fewer digests than were sent", then(
            lambda rogue: t.opened(rogue), (DIGESTS, digest_row(0, 0, late=1) * 2, 2),
            (SEAL, seal(1))), "digests")
        t.ends("GIVE before it is verified", then(
            lambda rogue: t.opened(rogue), (SEAL, seal(1)), lambda rogue: rogue.hear(SEALED),
            (GIVE,)), "GIVE")
        case.check("nothing of it runs", Agent.RUN not in agent.asked, agent.asked)
        for status in (-5, 5, -(1 << 31), (1 << 31) - 1):
            agent.status = {Agent.PREPARE: status}
            t.ends(f"an agent that answers {status}", t.open, "not ready")
        agent.end()
        no_errors_at(pair.b)


@case.group
def once_it_is_given_nothing_is_refused():
    with Pair().start() as pair:
        for dies in (True, False):
            agent = Agent(pair.b)
            agent.silent = (Agent.RUN,)
            t = Target(pair, agent)
            with t.rogue() as rogue:
                t.sealed(rogue)
                rogue.hear(VERIFIED)
                rogue.send(GIVE)
                agent.await_asked(Agent.RUN)
                for message in ((SEAL, seal()), (RELEASED,), (GIVE,),
                                (CLOSE, close_row(0, 0), 1)):
                    rogue.send(*message)
                time.sleep(0.2)
                if dies:
                    agent.end()
                    case.equal("an agent that dies while it runs the guest", rogue.end(), "")
                else:
                    agent.answer_last()
                    rogue.hear(RUNNING)
                    rogue.send(RELEASED)
                    case.equal("what came out of order", rogue.end(), "")
                    case.check("it was not discarded", Agent.DISCARD not in agent.asked,
                               agent.asked)
                    agent.end()
            pair.b.daemon.must_run()
        no_errors_at(pair.b)


@case.group
def agents_that_die_while_the_guest_is_taken_back():
    """What is still asked of them then is answered for them: the migration ends."""
    with Pair().start() as pair:
        for role, host in ((2, pair.b), (1, pair.a)):
            agent = Agent(host, role=role)
            agent.silent = (Agent.PREPARE, Agent.ARM)
            if role == 2:
                t = Target(pair, agent)
                with t.rogue() as rogue:
                    t.open(rogue)
                    agent.await_asked(Agent.PREPARE)
                    rogue.send(ABORT, struct.pack("<I200s", 5, b"no"))
                    case.equal("the target: it ends", rogue.end(), "")
            else:
                migration = pair.begin()
                agent.await_asked(Agent.ARM)
                migration.cancel()
            agent.end()
            if role == 1:
                case.equal("the source: it ends", migration.result(5)["result"], "cancelled")
            until("the guest to be forgotten", 5, lambda: not host.call("guest_list"))
            case.equal("its memory is given back", memfds_of(host), 0)
        no_errors_at(pair.a)
        no_errors_at(pair.b)


def memfds_of(host):
    folder = f"/proc/{host.daemon.pid}/fd"
    return sum("memfd:guest" in os.readlink(os.path.join(folder, fd)) for fd in os.listdir(folder))


class Listener:
    """A target by hand: every link is answered by act(rogue), in a thread."""

    def __init__(self, pair, act):
        self.pair, self.act, self.failure = pair, act, None
        self.sock = socket.create_server(("127.0.0.1", pair.b.port))
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        try:
            with Rogue(self.pair, "host-b", self.sock.accept()[0], accepting=True) as rogue:
                self.act(rogue)
                while rogue.next()[0]:
                    pass
        except (OSError, Failure) as failure:
            self.failure = failure

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        self.sock.close()
        self.thread.join(5)


def after_open(*messages, opened=True):
    """Take an OPEN, agree to it, then say messages again and again for a while."""
    def act(rogue):
        body = rogue.hear(OPEN)
        rogue.id, rogue.epoch = rogue.of, rogue.of_epoch
        if opened:
            rogue.send(OPENED, body[:176])
        for _ in range(60 if messages else 0):
            for message in messages:
                rogue.send(*message)
            time.sleep(0.01)
    return act


@case.group
def a_target_that_talks_nonsense():
    with Pair() as pair:
        pair.a.start()
        guest = pair.a.guest(options=("--vgpus", "0"))
        case.name = "a target that talks nonsense"
        for name, act, result in (
                ("CLOSED of nothing", after_open((CLOSED, b"", 0)), None),
                ("CLOSED of slices that are not sent", after_open(
                    (CLOSED, close_row(0, 0) + close_row(0, 7) + close_row(30, 1 << 31), 3)), None),
                ("every answer at once", after_open(
                    (SEALED,), (VERIFIED, bytes(16)), (LOADED, stream(15)),
                    (STREAM_OPENED, stream(15)),
                    (RUNNING, struct.pack("<QQQ", 1, 1 << 63, 1))), None),
                ("RESET again and again", after_open((RESET,)), None),
                ("REOPENED of what was not asked", after_open(
                    (REOPENED, reopen(1)), (REOPENED, reopen(77))), None),
                ("answers before OPENED", after_open(
                    (CLOSED, close_row(0, 0), 1), (RUNNING, bytes(24)), (RESET,),
                    (REOPENED, reopen(1)),
                    (SEALED,), opened=False), None),
                ("a source's word", after_open((GIVE,)), "failed"),
                ("REFUSE", after_open((REFUSE, struct.pack("<I200s", 22, b"no")), opened=False),
                 "failed"),
                ("REFUSE without a reason", after_open((REFUSE, bytes(204))), "failed")):
            with Listener(pair, act):
                migration = pair.begin()
                report = migration.until("on its way", lambda r: r["total_s"] > 0.7)
                if result is None:
                    case.equal(f"{name}: it goes on undisturbed", report["result"], "running",
                               report)
                    migration.cancel()
                report = migration.result()
                case.equal(f"{name}: it ends", report["result"], result or "cancelled", report)
            guest_runs_on(name, guest)
            pair.a.await_running("g")
        no_errors_at(pair.a)


def moves_after_all(pair, t):
    """After all that, a migration of the usual kind."""
    no_errors_at(pair.b)
    pair.a.guest()
    moved_and_verified("after all that", pair.migrate(), t.waiting)


case.run()
