#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""moves.py - whole migrations: there and back, side by side, checked and caught, unprivileged"""

import os
import sys

sys.dont_write_bytecode = True

from bed.case import case, until  # noqa: E402
from bed.pair import Pair, failed_clearly, guest_runs_on, moved_and_verified  # noqa: E402
from bed.process import RpcError  # noqa: E402

PAGE = 4096
BUSY = ("--dirty-rate", "256M")
QUIET = ("--dirty-rate", "0")
SLOW_MBPS = 800


@case.group
def there_and_back():
    with Pair() as pair:
        pair.start()
        first = pair.a.guest(options=BUSY)
        there = pair.b.guest(incoming=True)
        moved_and_verified("there", pair.migrate(), there)
        first.await_event("released")
        try:
            pair.migrate()
            case.check("a guest that has left cannot be moved from there", False)
        except RpcError as error:
            case.equal("a guest that has left cannot be moved from there", error.id, "PW-3010")
        # While the process that it left is still there, and then without it.
        back = pair.a.guest(incoming=True)
        report = pair.migrate(source=pair.b)
        moved_and_verified("back", report, back)
        case.check("back: it took more steps than before it left",
                   back.status()["step"] > there.check()["last_source_step"])
        for guest in (first, there):
            case.equal(f"{guest.name}: ends in order", guest.end(), 0)
        again = pair.b.guest(incoming=True)
        moved_and_verified("there again", pair.migrate(), again)
        case.equal("each was an attempt of its own", len(pair.a.call("migration_list")), 2)


def moved_side_by_side(pair, moves):
    """moves: (guest, source, target). They begin at once and must all be done."""
    waiting = {}
    for name, source, target in moves:
        source.guest(name, options=BUSY)
        waiting[name] = target.guest(name, incoming=True)
    begun = [(name, pair.begin(name, source, target)) for name, source, target in moves]
    together = [m.report()["result"] for _, m in begun]
    case.equal("they go on at the same time", together, ["running"] * len(moves))
    for name, migration in begun:
        moved_and_verified(name, migration.result(), waiting[name])


@case.group
def two_from_one_host():
    with Pair(limit_mbps=SLOW_MBPS) as pair:
        pair.start()
        moved_side_by_side(pair, [("one", pair.a, pair.b), ("two", pair.a, pair.b)])


@case.group
def one_each_way():
    with Pair(limit_mbps=SLOW_MBPS) as pair:
        pair.start()
        moved_side_by_side(pair, [("east", pair.a, pair.b), ("west", pair.b, pair.a)])


@case.group
def four_at_once_on_two_paths():
    with Pair(paths=2) as pair:
        pair.start()
        moved_side_by_side(pair, [(f"g{i}", pair.a, pair.b) if i % 2 else
                                  (f"g{i}", pair.b, pair.a) for i in range(4)])


@case.group
def every_kind_of_check():
    """All memory, what the stun moved, nothing; in both modes."""
    with Pair() as pair:
        pair.start()
        for mode in ("enhanced", "legacy"):
            pages = {}
            for verify in ("none", "stun", "full"):
                guest, waiting = pair.a.guest(options=BUSY), pair.b.guest(incoming=True)
                report = pair.migrate(mode=mode, verify=verify)
                moved_and_verified(f"{mode}, {verify}", report, waiting)
                case.equal(f"{mode}, {verify}: that is what was asked for",
                           (report["mode"], report["verify"]), (mode, verify))
                case.equal(f"{mode}, {verify}: nothing is called verified that was not compared",
                           report["verified"], verify != "none")
                pages[verify] = report["verified_pages"]
                guest.end()
                waiting.end()
            case.check(f"{mode}: the more is asked for, the more pages are compared",
                       0 == pages["none"] < pages["stun"] < pages["full"], pages)
            case.equal(f"{mode}: full is every page", pages["full"], (64 << 20) // PAGE)


def spoil_a_cold_page(guest, waiting):
    """Change one byte of the target's memory, in a page that has arrived and that
    the guest does not write again; the number of the page."""
    with guest.memfd() as source, waiting.memfd() as target:
        def arrived():
            """A page of the first MiB that is there and is not zero."""
            for page in range(256):
                here = os.pread(target.fileno(), PAGE, page * PAGE)
                if any(here) and here == os.pread(source.fileno(), PAGE, page * PAGE):
                    return page + 1     # 0 would be none
            return None
        page = until("a page at the target", 5, arrived) - 1
        byte = os.pread(target.fileno(), 1, page * PAGE + 100)[0]
        os.pwrite(target.fileno(), bytes([byte ^ 0x10]), page * PAGE + 100)
        return page


@case.group
def a_spoilt_page_is_found():
    with Pair(limit_mbps=SLOW_MBPS) as pair:
        pair.start()
        guest, waiting = pair.a.guest(options=QUIET), pair.b.guest(incoming=True)
        migration = pair.begin(verify="full")
        spoil_a_cold_page(guest, waiting)
        case.equal("it was spoilt in pre-copy", migration.report()["stage"], "pre-copy")
        report = migration.result()
        failed_clearly("verify full", report)
        said = (report["error"] or {}).get("found", "")
        case.check("verify full: the error says that memory differs, and where",
                   "memory differs" in said and "block 0" in said, said)
        guest_runs_on("verify full", guest)
        case.equal("verify full: nothing runs at the target", waiting.state(), "waiting")
        pair.b.await_free("g")
        moved_and_verified("verify full, second try", pair.migrate(verify="full"), waiting)


@case.group
def a_spoilt_page_is_not_found_by_who_does_not_look():
    """Which shows that the page before would have harmed the guest."""
    with Pair(limit_mbps=SLOW_MBPS) as pair:
        pair.start()
        guest, waiting = pair.a.guest(options=QUIET), pair.b.guest(incoming=True)
        migration = pair.begin(verify="none")
        page = spoil_a_cold_page(guest, waiting)
        case.equal("it is done", migration.result()["result"], "done")
        checked = waiting.check()
        case.equal("the guest itself finds one bad page", checked["bad"], 1)
        case.check("it is that page", str(page) in checked["first_bad"], page, checked)


@case.group
def without_privileges():
    with Pair(as_nobody=True) as pair:
        pair.start()
        guest, waiting = pair.a.guest(), pair.b.guest(incoming=True)
        for process in (pair.a.daemon, guest):
            with open(f"/proc/{process.pid}/status") as file:
                status = dict(line.split(":", 1) for line in file.read().splitlines())
            case.check(f"{process.name}: is not root and has no capability",
                       "0" not in status["Uid"].split() and not int(status["CapEff"], 16),
                       status["Uid"], status["CapEff"])
        moved_and_verified("nobody", pair.migrate(verify="full"), waiting)


case.run()
