#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""refusals.py - what cannot work is refused: one error, what was found, what to do

Nothing crashes, nothing is left behind, and whoever ran before runs on.
"""

import os
import re
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True

from bed.case import case  # noqa: E402
from bed.pair import (Pair, failed_clearly, free_port, guest_runs_on,  # noqa: E402
                      make_authority, make_certificate, moved_and_verified)
from bed.process import PROGRAMS, Host, RpcError, marked_processes  # noqa: E402


class Place(Pair):
    """A pair, and others that clash with one of them and do not get far."""

    def __init__(self, **how):
        super().__init__(**how)
        self.others = []

    def other(self, **changes):
        """A host that clashes with nobody but for changes, lines of its configuration."""
        host = Host(self.folder, f"host-{len(self.others) + 3}")
        self.others.append(host)
        host.lane, host.port = self.path(host.name + ".lane"), free_port()
        make_certificate(self.folder, host.name)
        self.write_conf(host, self.a, "server", **{"lane": lane_at(host.lane), **changes})
        return host

    def __exit__(self, *failure):
        for host in self.others:
            host.kill()
        return super().__exit__(*failure)


def lane_at(socket, more=""):
    return f'lane: {{driver: memif, socket: "{socket}", role: server{more}}}'


def errors_in(text):
    """Every error with an id that a program wrote, with its further lines."""
    return re.findall(r"^\S+: PW-\d{4} .+\n(?:  (?:found|fix  )  .+\n)*", text, re.M)


def does_not_start(name, host, *words):
    """Its pagewired ends with one error that has all these words; which is returned."""
    before = set(host.sockets())
    status = host.launch().await_end(15)
    said = host.daemon.said()
    errors = errors_in(said)
    case.equal(f"{name}: pagewired ends with 1", status, 1, said[-800:])
    case.equal(f"{name}: it tells one error", len(errors), 1, said[-800:])
    error = errors[0] if errors else ""
    case.check(f"{name}: it tells what was found and what to do",
               "\n  found  " in error and "\n  fix    " in error, said[-800:])
    case.check(f"{name}: it names what is wrong", all(word in error for word in words), words,
               said[-800:])
    case.equal(f"{name}: it leaves nothing", set(host.sockets()) - before, set())
    host.daemon.kill()
    return error


@case.group
def in_use_by_another():
    with Place() as pair:
        pair.start()
        a = pair.a
        guest = a.guest()
        for what in ("rpc", "agent"):
            other = pair.other()
            setattr(other, what, getattr(a, what))
            pair.write_conf(other, a, "server", lane=lane_at(other.lane))
            does_not_start(f"{what} socket", other, getattr(a, what))
        other = pair.other(control=f"control: {{address: 127.0.0.1, port: {a.port}}}")
        does_not_start("control port", other, str(a.port))
        other = pair.other(lane=lane_at(a.lane))
        other.lane = a.lane
        does_not_start("lane socket", other, a.lane)
        case.equal("what was in use is still there", len(a.sockets()), 4)
        guest_runs_on("beside them", guest)
        waiting = pair.b.guest(incoming=True)
        moved_and_verified("beside them", pair.migrate(), waiting)


@case.group
def left_over_by_one_that_was_killed():
    with Place() as pair:
        pair.a.start()
        pair.a.daemon.kill()
        case.equal("it left its sockets", len(pair.a.sockets()), 4)
        pair.start()
        guest, waiting = pair.a.guest(), pair.b.guest(incoming=True)
        moved_and_verified("they are no obstacle", pair.migrate(), waiting)
        case.equal("the guest has left", guest.state(), "released")


@case.group
def too_little_memory_for_the_lane():
    with Place() as pair:
        other = pair.other(memory="memory: {limit_mib: 64}")
        pair.write_conf(other, pair.a, "server", memory="memory: {limit_mib: 64}",
                        lane=lane_at(other.lane, ", paths: 16"))
        does_not_start("64 MiB for 16 paths", other, "limit_mib")


@case.group
def mistakes_in_the_configuration():
    with Place() as pair:
        other = pair.other(policy="policy:\n  stun_gaol_ms: 300")
        lines = open(other.conf).read().splitlines()
        line = 1 + next(i for i, text in enumerate(lines) if "stun_gaol_ms" in text)
        does_not_start("unknown key", other, "stun_gaol_ms", f"{other.conf}:{line}:3")
        other = pair.other(policy="policy: {rate_limit_mbps: -1}")
        does_not_start("value out of range", other, "rate_limit_mbps", "-1")
        other = pair.other(workers="workers: {cpus: [0, 0]}")
        does_not_start("contradiction", other, "cpus")
        other = pair.other()
        os.unlink(other.conf)
        does_not_start("no configuration", other, other.conf)


@case.group
def certificates_that_do_not_fit():
    with Place() as pair:
        other = pair.other()
        os.unlink(pair.path(other.name + ".crt"))
        does_not_start("no certificate", other, other.name + ".crt")
        other = pair.other()
        os.unlink(pair.path(other.name + ".key"))
        does_not_start("no key", other, other.name + ".key")
        other = pair.other()
        shutil.copy(pair.path("host-a.key"), pair.path(other.name + ".key"))
        does_not_start("key of another", other, other.name + ".key")
        other = pair.other()
        with open(pair.path(other.name + ".crt"), "w") as file:
            file.write("no certificate\n")
        does_not_start("certificate that is none", other, other.name + ".crt")


@case.group
def programs_that_are_missing():
    with Place() as pair:
        other = pair.other()
        other.programs = pair.path("alone")
        os.mkdir(other.programs)
        shutil.copy(os.path.join(PROGRAMS, "pagewired"), other.programs)
        does_not_start("no pagewire-dp", other, "pagewire-dp")
        with open(other.program("pagewire-dp"), "w") as file:
            file.write("#!/bin/sh\nexit 7\n")
        os.chmod(other.program("pagewire-dp"), 0o755)
        does_not_start("a pagewire-dp that only ends", other, "pagewire-dp", "7")


def is_refused(name, pair, fixed_id, *words, **params):
    """migration_start answers with an error at once."""
    begin = {"guest": "g", "peer": pair.b.name, **params}
    try:
        case.check(f"{name}: is refused", False, pair.a.call("migration_start", **begin))
    except RpcError as error:
        case.equal(f"{name}: is refused", error.id, fixed_id, error)
        case.check(f"{name}: it says what was found and what to do",
                   error.found and error.fix, error.found, error.fix)
        text = " ".join((error.what, error.found, error.fix))
        case.check(f"{name}: it names what is wrong", all(w in text for w in words), words, text)


@case.group
def requests_that_make_no_sense():
    with Place(limit_mbps=800) as pair:
        pair.start()
        guest, waiting = pair.a.guest(), pair.b.guest(incoming=True)
        is_refused("unknown guest", pair, "PW-3010", "nobody", guest="nobody")
        is_refused("unknown peer", pair, "PW-3011", "nowhere", peer="nowhere")
        is_refused("bad mode", pair, "PW-1201", "sideways", "enhanced", "legacy", mode="sideways")
        is_refused("bad verify", pair, "PW-1201", "some", "none", "stun", "full", verify="some")
        is_refused("stun limit of 0", pair, "PW-1202", "stun_limit_s", stun_limit_s=0)
        migration = pair.begin()
        is_refused("busy guest", pair, "PW-3012", "g")
        moved_and_verified("the first of two", migration.result(), waiting)
        case.equal("the first of two: the guest has left", guest.state(), "released")


@case.group
def command_line_says_so_too():
    with Place() as pair:
        pair.start()
        guest = pair.a.guest()
        for name, status, words in (
                (["migrate", "nobody", "host-b"], 1, ("PW-3010", "nobody")),
                (["migrate", "g", "host-b", "--mode", "sideways"], 2, ("sideways",)),
                (["migrate", "g", "host-b", "--watch"], 4, ("PW-3001", "incoming")),
                (["cancel", "0" * 32], 1, ("PW-3021",)),
                (["rpc", "migration_stop"], 1, ("migration_stop",))):
            told = subprocess.run(
                [pair.a.program("pagewire"), name[0], "--socket", pair.a.rpc, *name[1:]],
                capture_output=True, text=True, timeout=20)
            sentence = "pagewire " + " ".join(name)
            case.equal(f"{sentence}: its exit status", told.returncode, status, told.stderr)
            case.check(f"{sentence}: it names what is wrong",
                       all(word in told.stderr for word in words), words, told.stderr)
        guest_runs_on("after all that", guest)


def fails(name, pair, guest, *words, error_id=None):
    """A migration begins and fails with an error that has all these words."""
    report = pair.migrate()
    failed_clearly(name, report)
    error = report["error"] or {}
    text = " ".join(error.get(key, "") for key in ("what", "found", "fix"))
    case.check(f"{name}: it names what is wrong", all(word in text for word in words), words, text)
    if error_id:
        case.equal(f"{name}: by its id", error["id"], error_id)
    guest_runs_on(name, guest)


@case.group
def targets_that_do_not_fit():
    with Place() as pair:
        pair.start()
        guest = pair.a.guest()
        fails("no guest waits", pair, guest, "incoming", "host-b", error_id="PW-3001")
        for name, how in (("other memory", {"memory": "96M"}), ("other device", {"device": "48M"}),
                          ("more devices", {"options": ("--vgpus", "2")}),
                          ("more regions", {"options": ("--regions", "2")})):
            waiting = pair.b.guest(incoming=True, **how)
            fails(name, pair, guest, "differs", error_id="PW-3001")
            case.equal(f"{name}: ends in order", waiting.end(), 0)
        waiting = pair.b.guest(incoming=True)
        moved_and_verified("one that fits", pair.migrate(), waiting)


@case.group
def targets_that_cannot_be_reached():
    with Place() as pair:
        pair.a.start()
        guest = pair.a.guest()
        fails("nobody listens", pair, guest, "host-b", str(pair.b.port), error_id="PW-2106")
        make_authority(pair.folder, "other")
        make_certificate(pair.folder, "stranger", "other", host="host-b")
        trusts_it = (f'tls: {{ca: "{pair.path("other.crt")}", '
                     f'cert: "{pair.path("stranger.crt")}", key: "{pair.path("stranger.key")}"}}')
        pair.write_conf(pair.b, pair.a, "client", tls=trusts_it)
        pair.b.start()
        pair.b.guest(incoming=True)
        fails("of another authority", pair, guest, "host-b", "certificate")
        pair.b.end()
        make_certificate(pair.folder, "misnamed", host="host-x")
        calls_itself_x = (f'tls: {{ca: "{pair.path("ca.crt")}", '
                          f'cert: "{pair.path("misnamed.crt")}", '
                          f'key: "{pair.path("misnamed.key")}"}}')
        pair.write_conf(pair.b, pair.a, "client", tls=calls_itself_x)
        pair.b.start()
        pair.b.guest(incoming=True)
        fails("of another name", pair, guest, "host-b", "certificate")
        pair.b.end()
        pair.write_conf(pair.b, pair.a, "client", peers="peers: [{name: host-z, "
                        "address: 127.0.0.1, port: 1}]")
        pair.b.start()
        pair.b.guest(incoming=True)
        fails("that does not know this host", pair, guest, "host-b")
        pair.b.end()
        pair.write_conf(pair.b, pair.a, "client", lane=lane_at(pair.a.lane, ", paths: 2")
                        .replace("role: server", "role: client"))
        pair.b.start()
        pair.b.guest(incoming=True)
        fails("with another number of paths", pair, guest, "paths")


@case.group
def records_of_failures_do_not_pile_up():
    with Place() as pair:
        pair.a.start()
        guest = pair.a.guest()
        results = {pair.migrate()["result"] for _ in range(70)}
        case.equal("70 migrations fail", results, {"failed"})
        case.equal("the last 64 are remembered", len(pair.a.call("migration_list")), 64)
        guest_runs_on("after all of them", guest)


@case.group
def nothing_is_left_of_all_that():
    case.equal("no process", marked_processes(), [])


case.run()
