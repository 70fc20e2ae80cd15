#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""faults.py - processes and links that die in the middle of a migration, and second tries;
restart.py is about those of the dataplane

Whatever happens before the guest is given away, it runs on at the source; from
then on it never runs at both ends.
"""

import os
import signal
import sys
import time

sys.dont_write_bytecode = True

from bed.case import case, until  # noqa: E402
from bed.pair import Pair, failed_clearly, guest_runs_on, moved_and_verified  # noqa: E402
from bed.process import RpcError  # noqa: E402

# Where the target's pagewired dies. After those marked, a second try is made.
TARGET_DIES = [
    ("got OPEN", False), ("sent OPENED", True), ("got STREAM_OPEN", False),
    ("sent STREAM_OPENED", False), ("got CLOSE", True), ("sent CLOSED", False),
    ("got DIGESTS", False), ("got STREAM_END", False), ("got SEAL", True),
    ("sent SEALED", False), ("sent VERIFIED", True), ("sent LOADED", True),
]
SLOW_MBPS = 800         # 64 MiB and as much of a device take about a second
BUSY = ("--dirty-rate", "256M")


def move_again(name, pair, guest, waiting):
    """The second try of a migration that failed: guest moves to waiting."""
    pair.b.await_free(guest.guest)
    moved_and_verified(f"{name}, second try", pair.migrate(guest.guest), waiting)
    guest.await_event("released")
    case.check(f"{name}, second try: the guest does not run at the source",
               not guest.steps_on(0.2), guest.events[-3:])


def in_round_0(migration, waiting):
    """Waits until pages have arrived; whether it is still pre-copy then."""
    with waiting.memfd() as memory:
        until("a page at the target", 5, lambda: any(os.pread(memory.fileno(), 1 << 20, 0)))
    return case.equal("that is in round 0", migration.report()["stage"], "pre-copy")


def died_of_failpoint(name, host):
    status = host.daemon.await_end(5)
    return case.equal(f"{name}: that was what killed it", status, -signal.SIGKILL,
                      host.daemon.said()[-400:])


def restart(host, *waiting, failpoint=None):
    """A host whose pagewired died: its waiting guests start anew, too."""
    for guest in waiting:
        guest.kill()
    host.start(failpoint)


@case.group
def target_dies_before_it_is_given_the_guest():
    with Pair() as pair:
        pair.a.start()
        guest = pair.a.guest()
        for place, twice in TARGET_DIES:
            name = f"dies at {place}"
            pair.b.start(failpoint=f"{place}:kill")
            waiting = pair.b.guest(incoming=True)
            report = pair.migrate(verify="full")
            died_of_failpoint(name, pair.b)
            failed_clearly(name, report)
            guest_runs_on(name, guest)
            if twice:
                restart(pair.b, waiting)
                waiting = pair.b.guest(incoming=True)
                move_again(name, pair, guest, waiting)
                case.equal(f"{name}: the guest leaves in order", guest.end(), 0)
                guest = pair.a.guest()
            waiting.kill()
            pair.b.kill()


def nobody_runs_it_twice(name, pair, report, guest):
    """The guest was given away, and nobody said what became of it."""
    failed_clearly(name, report, "uncertain")
    case.equal(f"{name}: the guest is paused at the source", guest.state(), "paused")
    case.check(f"{name}: it does not step there", not guest.steps_on(0.3))
    case.check(f"{name}: its memory is kept and whole", guest.check()["bad"] == 0)
    try:
        again = pair.migrate()
        case.check(f"{name}: it is not migrated a second time", False, again)
    except RpcError as error:
        case.check(f"{name}: it is not migrated a second time, and the error says why",
                   pair.b.name in error.what + error.found and error.fix, error)
    case.equal(f"{name}: it is still paused", guest.state(), "paused")


@case.group
def target_dies_when_it_is_given_the_guest():
    for place, runs_there in (("got GIVE", False), ("sent RUNNING", True)):
        name = f"dies at {place}"
        with Pair() as pair:
            pair.a.start()
            pair.b.start(failpoint=f"{place}:kill")
            guest, waiting = pair.a.guest(), pair.b.guest(incoming=True)
            report = pair.migrate()
            died_of_failpoint(name, pair.b)
            nobody_runs_it_twice(name, pair, report, guest)
            there = waiting.status()
            case.equal(f"{name}: the guest's state at the target", there["state"],
                       "running" if runs_there else "waiting")
            case.equal(f"{name}: it steps at the target", waiting.steps_on(0.3), runs_there)


@case.group
def source_only_waits_once_the_guest_is_given():
    for what in ("dataplane", "guest"):
        with Pair() as pair:
            pair.a.start()
            pair.b.start(failpoint="got GIVE:stop")
            guest, waiting = pair.a.guest(), pair.b.guest(incoming=True)
            migration = pair.begin()
            pair.b.daemon.await_stop()
            if what == "guest":
                guest.kill()
            else:
                os.kill(pair.a.dataplane(), signal.SIGKILL)
            time.sleep(0.3)
            pair.b.daemon.send_signal(signal.SIGCONT)
            report = migration.result()
            moved_and_verified(f"its {what} dies", report, waiting)
            case.equal(f"its {what} dies: where the guest is", report["guest_is"],
                       "running at the target")


@case.group
def target_dies_after_the_guest_runs_there():
    with Pair() as pair:
        pair.a.start()
        pair.b.start(failpoint="got RELEASED:kill")
        guest, waiting = pair.a.guest(), pair.b.guest(incoming=True)
        moved_and_verified("dies at got RELEASED", pair.migrate(), waiting)
        died_of_failpoint("dies at got RELEASED", pair.b)
        case.check("the guest runs at the target without pagewired", waiting.steps_on())
        pair.b.start()
        pair.b.await_running("g")
        case.equal("the guest has left the source", guest.state(), "released")


@case.group
def source_dies_before_the_stun():
    """Quiesce begins with the order to pause, which has not gone out there."""
    for stage in ("pre-copy", "quiesce"):
        with Pair() as pair:
            pair.b.start()
            pair.a.start(failpoint=f"stage {stage}:kill")
            guest, waiting = pair.a.guest(options=BUSY), pair.b.guest(incoming=True)
            pair.begin()
            died_of_failpoint(f"source dies at {stage}", pair.a)
            guest_runs_on(f"source dies at {stage}", guest)
            pair.a.start()
            pair.a.await_running("g")
            move_again(f"source dies at {stage}", pair, guest, waiting)


@case.group
def source_dies_in_the_stun():
    for stage in ("sync", "wire", "load", "handover"):
        with Pair() as pair:
            pair.b.start()
            pair.a.start(failpoint=f"stage {stage}:kill")
            guest, waiting = pair.a.guest(), pair.b.guest(incoming=True)
            pair.begin()
            died_of_failpoint(f"source dies at {stage}", pair.a)
            pair.b.await_free("g")
            case.check(f"source dies at {stage}: the guest was not run at the target",
                       waiting.state() == "waiting", waiting.events[-3:])
            case.check(f"source dies at {stage}: its memory is whole at the source",
                       guest.check()["bad"] == 0)
            pair.a.start()
            pair.a.await_running("g")
            report = pair.migrate()     # it might run there: the new pagewired cannot know
            failed_clearly(f"source dies at {stage}, again", report)
            case.check(f"source dies at {stage}, again: it is said where the guest stands",
                       "still" in report["guest_is"], report["guest_is"])
            case.equal(f"source dies at {stage}, again: it was not touched",
                       (guest.state(), waiting.state()), ("paused", "waiting"))


@case.group
def guest_dies_at_one_end():
    with Pair(limit_mbps=SLOW_MBPS) as pair:
        pair.start()
        guest, waiting = pair.a.guest(), pair.b.guest(incoming=True)
        migration = pair.begin()
        in_round_0(migration, waiting)
        waiting.kill()
        failed_clearly("at the target", migration.result())
        guest_runs_on("at the target", guest)
        waiting = pair.b.guest(incoming=True)
        migration = pair.begin()
        in_round_0(migration, waiting)
        guest.kill()
        report = migration.result()
        failed_clearly("at the source", report)
        case.check("at the source: it is said that the guest has gone",
                   "gone" in report["guest_is"], report["guest_is"])
        pair.b.await_free("g")
        guest = pair.a.guest()
        move_again("another guest of that name", pair, guest, waiting)


@case.group
def control_link_is_cut():
    with Pair(limit_mbps=SLOW_MBPS, proxied=True, silence_s=3) as pair:
        pair.start()
        guest, waiting = pair.a.guest(options=BUSY), pair.b.guest(incoming=True)
        migration = pair.begin()
        in_round_0(migration, waiting)
        case.equal("there was one link", pair.proxy.cut(), 1)
        failed_clearly("cut", migration.result())
        guest_runs_on("cut", guest)
        pair.b.await_free("g")
        migration = pair.begin()
        in_round_0(migration, waiting)
        case.check("there is a link", pair.proxy.swallow() > 0)
        failed_clearly("silent", migration.result(), within=8)
        guest_runs_on("silent", guest)
        move_again("link came back", pair, guest, waiting)


@case.group
def cancel_in_pre_copy():
    with Pair(limit_mbps=SLOW_MBPS) as pair:
        pair.start()
        guest, waiting = pair.a.guest(options=BUSY), pair.b.guest(incoming=True)
        migration = pair.begin()
        in_round_0(migration, waiting)
        migration.cancel()
        report = migration.result()
        case.equal("the result is cancelled", report["result"], "cancelled", report)
        guest_runs_on("cancelled", guest)
        try:
            migration.cancel()
            case.check("it cannot be cancelled twice", False)
        except RpcError as error:
            case.equal("it cannot be cancelled twice", error.id, "PW-3022")
        move_again("cancelled", pair, guest, waiting)


@case.group
def cancel_before_a_device_has_answered():
    """The order to pre-copy has gone out, the guest has not yet read it."""
    with Pair() as pair:
        pair.b.start()
        pair.a.start(failpoint="stage pre-copy:stop")
        guest, waiting = pair.a.guest(), pair.b.guest(incoming=True)
        migration = pair.begin()
        pair.a.daemon.await_stop()
        guest.send_signal(signal.SIGSTOP)
        guest.await_stop()
        pair.a.daemon.send_signal(signal.SIGCONT)
        migration.cancel()
        guest.send_signal(signal.SIGCONT)
        case.equal("the result", migration.result()["result"], "cancelled")
        guest_runs_on("cancelled", guest)
        move_again("cancelled", pair, guest, waiting)


@case.group
def cancel_at_any_time():
    """After ever more questions about it, which take about a tenth of a millisecond each."""
    with Pair() as pair:
        pair.start()
        guest, waiting = pair.a.guest(options=BUSY), pair.b.guest(incoming=True)
        results = []
        for questions in range(0, 600, 30):
            pair.b.await_free("g")
            migration = pair.begin()
            for _ in range(questions):
                if migration.report()["result"] != "running":
                    break
            try:
                migration.cancel()
            except RpcError:
                pass
            results.append(migration.result()["result"])
            if results[-1] != "cancelled":
                break
        case.check("it is cancelled, or was done", set(results) <= {"cancelled", "done"}, results)
        case.check("some were cancelled", results.count("cancelled") > 1, results)
        if results[-1] == "done":
            checked = waiting.check()
            case.check("done: the guest is whole there", waiting.steps_on() and not checked["bad"])
            case.equal("done: it has left the source", guest.state(), "released")
        else:
            guest_runs_on("cancelled", guest)
            move_again("cancelled often", pair, guest, waiting)


@case.group
def stun_would_be_too_long():
    with Pair(limit_mbps=4 * SLOW_MBPS) as pair:
        pair.start()
        guest = pair.a.guest(options=BUSY)
        waiting = pair.b.guest(incoming=True)
        report = pair.migrate(stun_limit_s=0.0001)
        failed_clearly("limit", report)
        case.equal("it was the planner that stopped it", (report["error"] or {}).get("id"),
                   "PW-3301")
        case.equal("there was no stun", report["stun_s"], 0)
        guest_runs_on("limit", guest)
        move_again("without that limit", pair, guest, waiting)


case.run()
