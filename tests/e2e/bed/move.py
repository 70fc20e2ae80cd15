# SPDX-License-Identifier: BSD-3-Clause
"""move.py - one migration whose dataplanes are killed while it goes on"""

import os
import random
import signal
import sys
import time

from .case import case, until
from .pair import moved_and_verified

BUSY = ("--dirty-rate", "64M")


def take_seed():
    seed = int.from_bytes(os.urandom(3), "big")
    if "--seed" in sys.argv:
        at = sys.argv.index("--seed")
        seed = int(sys.argv[at + 1])
        del sys.argv[at:at + 2]
    print(f"seed {seed}", flush=True)
    return seed


def kill_dataplane(host):
    """The one that is there now; True if there was one."""
    pid = host.dataplane()
    if pid:
        os.kill(pid, signal.SIGKILL)
    return bool(pid)


class Move:
    """One migration of a guest that keeps writing: its hosts are as the pair's."""

    def __init__(self, pair, name, *stops, **options):
        """stops: (whose pagewired, where)."""
        self.pair, self.name = pair, name
        self.hosts = {"a": pair.a, "b": pair.b}
        for letter, host in self.hosts.items():
            place = dict(stops).get(letter)
            host.launch(place and (place if ":" in place else place + ":stop"))
        for host in pair.hosts:
            until(f"{host.name} to serve", 15, host.serves, host.daemon.must_run)
        self.guest = pair.a.guest(options=BUSY, **options)
        self.waiting = pair.b.guest(incoming=True, **options)

    def kill(self, letters):
        for letter in letters:
            kill_dataplane(self.hosts[letter])

    def kill_where_it_stops(self, stopped, letters):
        daemon = self.hosts[stopped].daemon
        daemon.await_stop()
        self.kill(letters)
        daemon.send_signal(signal.SIGCONT)

    def ends_well(self, migration, restarts=None, **how):
        """Done, whole, and said how often it was opened anew."""
        report = migration.result(**how)
        moved_and_verified(self.name, report, self.waiting)
        case.equal(f"{self.name}: the guest has left the source", self.guest.state(), "released")
        if restarts is not None:
            case.check(f"{self.name}: the report counts the restarts",
                       report["dataplane_restarts"] in restarts, report["dataplane_restarts"])
        return report

    def end(self):
        for process in (self.guest, self.waiting):
            process.kill()
        for host in self.pair.hosts:
            status = host.daemon.end()
            case.equal(f"{self.name}: {host.daemon.name} ends in order", status, 0)


def in_round(number):
    return lambda r: r["stage"] == "pre-copy" and r["now"]["round"] >= number


def killed_ten_times_each(pair, seed):
    """Both dataplanes, at random moments, in turn; some find it while it is being started."""
    chance = random.Random(seed)
    move = Move(pair, f"ten times each, seed {seed}", memory="256M", device="64M")
    migration = pair.begin()
    migration.until("in a round", in_round(0))
    kills = {"a": 0, "b": 0}
    for turn in range(20):
        letter = "ab"[turn % 2]
        time.sleep(chance.uniform(0.02, 0.6))
        until("a dataplane", 5, lambda: kill_dataplane(move.hosts[letter]))
        kills[letter] += 1
        report = migration.report()
        if not case.equal(f"{move.name}: kill {turn + 1} finds it going on", report["result"],
                          "running", report["error"]):
            break
    case.equal(f"{move.name}: so many were killed", kills, {"a": 10, "b": 10})
    report = move.ends_well(migration, within=60)
    case.check(f"{move.name}: the report counts the restarts",
               10 <= report["dataplane_restarts"] <= 60, report["dataplane_restarts"])
    print(f"       {report['dataplane_restarts']} restarts, {report['total_s']:.1f} s, "
          f"stun {report['stun_s']:.3f} s", flush=True)
    move.end()
