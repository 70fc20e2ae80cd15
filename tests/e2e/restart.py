#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""restart.py - dataplanes that are killed in the middle of a migration, which goes on all the same

restart.py [GROUP...] [--seed N]        the seed is printed; it chooses the moments of the kills

A host whose pagewired is stopped at a failpoint has its dataplane killed there,
and then learns of everything at once. Whatever was killed, the guest arrives
whole, with no step lost or taken twice.
"""

import errno
import fcntl
import os
import random
import signal
import sys
import time

sys.dont_write_bytecode = True

from bed.case import case, until  # noqa: E402
from bed.move import BUSY, Move, in_round, kill_dataplane, killed_ten_times_each, take_seed  # noqa: E402
from bed.pair import Pair, failed_clearly, guest_runs_on, moved_and_verified  # noqa: E402
from bed.process import copy_programs  # noqa: E402

SLOW_MBPS = 800         # 64 MiB and as much of a device take about a second

# Where a pagewired is stopped, and whose dataplanes are killed then.
MOMENTS = [
    ("a", "sent OPEN", "ab"), ("b", "got OPEN", "b"), ("b", "sent OPENED", "ab"),
    ("a", "stage pre-copy", "ab"), ("a", "got CLOSED", "ab"),
    ("b", "got CLOSE", "b"), ("b", "got STREAM_OPEN", "b"), ("a", "got STREAM_OPENED", "ab"),
    ("a", "stage quiesce", "ab"), ("a", "stage sync", "ab"), ("a", "stage wire", "ab"),
    ("b", "got STREAM_END", "ab"), ("b", "got DIGESTS", "ab"), ("a", "sent SEAL", "ab"),
    ("b", "got SEAL", "ab"), ("b", "sent SEALED", "b"), ("a", "stage verify", "ab"),
    ("a", "stage load", "ab"), ("b", "got GIVE", "ab"),
]

# In the reopening after a first death: (first killed, stopped, where, then killed).
AGAIN = [
    ("a", "b", "got REOPEN", "ab"), ("a", "b", "sent REOPENED", "ab"),
    ("a", "a", "got REOPENED", "ab"), ("a", "a", "sent REOPEN", "ab"),
    ("b", "a", "got RESET", "ab"), ("b", "b", "sent RESET", "ab"), ("b", "b", "got REOPEN", "ab"),
]


SEED = take_seed()


def choices(letters):
    """Each alone, and all at once."""
    return [*letters, letters] if len(letters) > 1 else [letters]


@case.group
def a_dataplane_is_killed_in_a_round():
    with Pair(limit_mbps=SLOW_MBPS) as pair:
        for letters in ("a", "b", "ab"):
            for number in (0, 1):
                move = Move(pair, f"{letters} killed in round {number}")
                migration = pair.begin()
                migration.until("in its round", in_round(number))
                with move.waiting.memfd() as memory:
                    until("a page at the target", 5, lambda: any(
                        os.pread(memory.fileno(), 1 << 20, 0)))
                move.kill(letters)
                begin = time.monotonic()
                migration.until("opened anew", lambda r: r["dataplane_restarts"] > 0)
                until("both dataplanes", 5, lambda: all(h.dataplane() for h in pair.hosts))
                move.ends_well(migration, restarts=(1, 2))
                case.check(f"{move.name}: in time", time.monotonic() - begin < 10)
                move.end()


@case.group_beside
def a_dataplane_is_killed_at_any_step():
    with Pair() as pair:
        for stopped, place, all_letters in MOMENTS:
            for letters in choices(all_letters):
                move = Move(pair, f"{letters} killed at {place} of {stopped}", (stopped, place))
                migration = pair.begin()
                move.kill_where_it_stops(stopped, letters)
                report = move.ends_well(migration)
                case.check(f"{move.name}: it did not take long", report["total_s"] < 5, report)
                move.end()


@case.group_beside
def a_dataplane_is_killed_while_the_transfer_is_opened_anew():
    with Pair() as pair:
        for first, stopped, place, all_letters in AGAIN:
            for letters in choices(all_letters):
                move = Move(pair, f"{first}, then {letters} killed at {place} of {stopped}",
                            (stopped, place))
                migration = pair.begin()
                migration.until("in a round", in_round(0))
                move.kill(first)
                move.kill_where_it_stops(stopped, letters)
                move.ends_well(migration, restarts=(1, 2, 3, 4))
                move.end()


@case.group
def an_answer_to_an_older_attempt_is_ignored():
    """REOPENED 1 is on its way when the source has sent REOPEN 2."""
    with Pair(limit_mbps=SLOW_MBPS) as pair:
        move = Move(pair, "older answer", ("a", "sent REOPEN:stop:2"), ("b", "sent REOPENED"))
        migration = pair.begin()
        migration.until("in a round", in_round(0))
        move.kill("a")
        pair.b.daemon.await_stop()
        move.kill("a")
        pair.a.daemon.await_stop()
        for host in (pair.b, pair.a):
            host.daemon.send_signal(signal.SIGCONT)
        move.ends_well(migration, restarts=(2, 3))
        move.end()


@case.group
def what_was_sent_before_reset_came_is_ignored():
    """The target knows that its dataplane died, the source not yet."""
    with Pair() as pair:
        for place in ("sent STREAM_OPEN", "sent CLOSE", "sent STREAM_END", "sent SEAL"):
            move = Move(pair, f"b killed before {place[5:]} comes", ("a", place))
            migration = pair.begin()
            pair.a.daemon.await_stop()
            move.kill("b")
            until("the target to hear of it", 5, lambda: "host died" in pair.b.daemon.said())
            pair.a.daemon.send_signal(signal.SIGCONT)
            move.ends_well(migration)
            move.end()


@case.group
def an_agent_that_answers_late_answers_for_an_older_attempt():
    """Devices were asked for a state, and are asked again before the first answer comes."""
    with Pair(limit_mbps=SLOW_MBPS) as pair:
        for letter in ("a", "b"):
            move = Move(pair, f"{letter} killed, its agent is late", ("a", "stage pre-copy"))
            migration = pair.begin()
            pair.a.daemon.await_stop()
            late = move.guest if letter == "a" else move.waiting
            late.send_signal(signal.SIGSTOP)
            late.await_stop()
            pair.a.daemon.send_signal(signal.SIGCONT)
            migration.until("in a round", in_round(0))
            move.kill(letter)
            until("the transfer to be opened anew", 5, lambda: "attempt 2" in pair.a.daemon.said())
            migration.until("in the next round", in_round(1))   # the other agent has answered
            late.send_signal(signal.SIGCONT)
            move.ends_well(migration, restarts=(1, 2))
            move.end()


def narrow_pipes(guest):
    """To a page each, those that hold no more: the state of its CPUs does not fit then."""
    folder = f"/proc/{guest.pid}/fd"
    for name in filter(lambda name: int(name) > 2, os.listdir(folder)):
        path = os.path.join(folder, name)
        if not os.readlink(path).startswith("pipe:"):
            continue
        pipe = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            fcntl.fcntl(pipe, 1031, 4096)   # F_SETPIPE_SZ
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
        finally:
            os.close(pipe)


@case.group
def streams_are_not_drained_when_the_target_is_sealed():
    with Pair() as pair:
        # What the device has left by then fits the ring at the target.
        move = Move(pair, "undrained", ("a", "stage wire"), memory="256M", device="16M")
        migration = pair.begin()
        move.hosts["a"].daemon.await_stop()
        move.waiting.send_signal(signal.SIGSTOP)
        move.waiting.await_stop()
        narrow_pipes(move.waiting)
        move.hosts["a"].daemon.send_signal(signal.SIGCONT)
        migration.until_stage("verify")
        move.kill("b")
        migration.until("opened anew", lambda r: r["dataplane_restarts"] > 0)
        move.waiting.send_signal(signal.SIGCONT)
        move.ends_well(migration, restarts=(1, 2))
        move.end()


@case.group
def each_dataplane_is_killed_ten_times_in_one_migration():
    """At random moments, in turn; some find it while it is being started."""
    with Pair(limit_mbps=SLOW_MBPS) as pair:
        killed_ten_times_each(pair, SEED)


@case.group
def both_of_two_migrations_go_on():
    """One each way: each dataplane is the source of one and the target of the other."""
    with Pair(limit_mbps=SLOW_MBPS) as pair:
        pair.start()
        there = pair.a.guest("there", options=BUSY), pair.b.guest("there", incoming=True)
        back = pair.b.guest("back", options=BUSY), pair.a.guest("back", incoming=True)
        migrations = [pair.begin("there"), pair.begin("back", source=pair.b)]
        for migration in migrations:
            migration.until("in a round", in_round(0))
        for host in pair.hosts:
            kill_dataplane(host)
            for migration in migrations:
                migration.until("opened anew", lambda r: r["dataplane_restarts"] > 0)
        for name, migration, (guest, waiting) in zip(("there", "back"), migrations, (there, back)):
            report = migration.result()
            moved_and_verified(name, report, waiting)
            case.check(f"{name}: the report counts the restarts", report["dataplane_restarts"] > 0)
            case.equal(f"{name}: the guest has left the source", guest.state(), "released")


@case.group
def one_is_killed_at_any_time():
    """So early or late that it may be in setup, in a round, in the stun, or after it."""
    chance = random.Random(SEED + 1)
    with Pair() as pair:
        for turn in range(8):
            letters = chance.choice(("a", "b", "ab"))
            delay = chance.uniform(0, 0.3)
            move = Move(pair, f"{letters} killed after {delay * 1e3:.0f} ms, seed {SEED}")
            migration = pair.begin()
            time.sleep(delay)
            move.kill(letters)
            move.ends_well(migration)
            move.end()


@case.group
def legacy_mode_goes_on_as_well():
    with Pair(limit_mbps=SLOW_MBPS) as pair:
        for letters in ("a", "b"):
            move = Move(pair, f"legacy, {letters} killed in round 0")
            migration = pair.begin(mode="legacy")
            migration.until("in its round", in_round(0))
            move.kill(letters)
            move.ends_well(migration, restarts=(1, 2))
            move.end()
        for stopped, place in (("a", "stage wire"), ("b", "got DEVICE_DATA"), ("b", "got SEAL")):
            for letters in ("a", "b"):
                move = Move(pair, f"legacy, {letters} killed at {place}", (stopped, place))
                migration = pair.begin(mode="legacy")
                move.kill_where_it_stops(stopped, letters)
                move.ends_well(migration)
                move.end()


@case.group
def a_dataplane_that_does_not_come_back_fails_the_migration():
    """It cannot be started; or it is started and never says that it is ready."""
    for letter, text, within in (("a", None, 8), ("b", None, 8),
                                 ("b", "#!/bin/sh\nexec tail -f /dev/null\n", 14)):
        with Pair(limit_mbps=SLOW_MBPS // 2) as pair:
            host = pair.a if letter == "a" else pair.b
            host.programs = copy_programs(pair.path("bin"))
            move = Move(pair, f"that of {letter} is {'silent' if text else 'gone'}")
            migration = pair.begin()
            migration.until("in a round", in_round(0))
            program = host.program("pagewire-dp")
            os.unlink(program)
            if text:
                with open(program, "w") as file:
                    file.write(text)
                os.chmod(program, 0o755)
            move.kill(letter)
            report = migration.result()
            failed_clearly(move.name, report, within=within)
            guest_runs_on(move.name, move.guest)
            until("the dataplane to be given up", 10,
                  lambda: text or "restart pagewired" in host.daemon.said(), host.daemon.must_run)
            move.end()


case.run()
