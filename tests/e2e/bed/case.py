# SPDX-License-Identifier: BSD-3-Clause
"""case.py - checks, each a sentence, in groups that do not depend on each other

    @case.group
    def cancel_returns_the_guest(): ...
    case.run()

A group that raises has failed; the others still run. What a group left running
is ended, and what it left on disk removed, by the "with" statements in it. The
last line is "N passed, N failed", the exit status is 0 if nothing failed.
Arguments choose groups by their names. A group that mostly waits, or starts and
ends processes, may do so beside the others: in a process of its own, whose
output comes at the end.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import traceback


class Failure(Exception):
    """The group cannot go on: what was waited for did not come."""


class Case:
    def __init__(self):
        self.passed = self.failed = 0
        self.groups, self.beside = [], set()
        self.name = "?"

    def group(self, function):
        self.groups.append(function)
        return function

    def group_beside(self, function):
        self.beside.add(function)
        return self.group(function)

    def check(self, name, good, *why):
        """Count one check; why tells more of one that failed."""
        if good:
            self.passed += 1
            print(f"ok     {self.name}: {name}", flush=True)
            return True
        self.failed += 1
        print(f"FAILED {self.name}: {name}")
        for reason in why:
            for line in str(reason).splitlines():
                print(f"         {line}")
        sys.stdout.flush()
        return False

    def equal(self, name, found, wanted, *why):
        return self.check(name, found == wanted, f"found {found!r}, wanted {wanted!r}", *why)

    def _run_group(self, function):
        self.name = function.__name__.replace("_", " ")
        begin = time.monotonic()
        try:
            function()
        except Failure as failure:
            self.check("comes to its end", False, failure, traceback.format_exc(limit=-3))
        except Exception:
            self.check("comes to its end", False, traceback.format_exc(limit=-4))
        print(f"       {self.name}: {time.monotonic() - begin:.1f} s", flush=True)

    def _take_over(self, name, child, output):
        """The checks of a group that ran beside."""
        status = child.wait()
        output.seek(0)
        *lines, last = output.read().splitlines() or ["it said nothing"]
        print("\n".join(lines), flush=True)
        counted = re.fullmatch(r"(\d+) passed, (\d+) failed", last)
        if counted:
            self.passed += int(counted.group(1))
            self.failed += int(counted.group(2))
        if not counted or status not in (0, 1):
            self.name = name
            self.check("comes to its end", False, f"status {status}", last)

    def run(self):
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: sys.exit(143))
        wanted = sys.argv[1:]
        chosen = [function for function in self.groups
                  if not wanted or any(word in function.__name__ for word in wanted)]
        apart = [function for function in chosen if function in self.beside and len(chosen) > 1]
        begun = [_begin_beside(function.__name__) for function in apart]
        for function in chosen:
            if function not in apart:
                self._run_group(function)
        for one in begun:
            self._take_over(*one)
        print(f"{self.passed} passed, {self.failed} failed")
        sys.exit(0 if self.passed and not self.failed else 1)


def _begin_beside(name):
    """It gets SIGTERM if this process goes, and ends what it began."""
    output = tempfile.TemporaryFile("w+")
    child = subprocess.Popen(
        ["setpriv", "--pdeathsig", "TERM", sys.executable, os.path.abspath(sys.argv[0]), name],
        stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
    return name, child, output


case = Case()


def until(what, within, happened, still=None):
    """The first true answer of happened(); asks every 10 ms. still() raises if it cannot come."""
    deadline = time.monotonic() + within
    while True:
        answer = happened()
        if answer:
            return answer
        if still:
            still()
        if time.monotonic() > deadline:
            raise Failure(f"waited {within} s in vain for {what}")
        time.sleep(0.01)
