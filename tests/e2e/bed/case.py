# SPDX-License-Identifier: BSD-3-Clause
"""case.py - checks, each a sentence, in groups that do not depend on each other

    @case.group
    def cancel_returns_the_guest(): ...
    case.run()

A group that raises has failed; the others still run. What a group left running
is ended, and what it left on disk removed, by the "with" statements in it. The
last line is "N passed, N failed", the exit status is 0 if nothing failed.
Arguments choose groups by their names.
"""

import signal
import sys
import time
import traceback


class Failure(Exception):
    """The group cannot go on: what was waited for did not come."""


class Case:
    def __init__(self):
        self.passed = self.failed = 0
        self.groups = []
        self.name = "?"

    def group(self, function):
        self.groups.append(function)
        return function

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

    def run(self):
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: sys.exit(143))
        wanted = sys.argv[1:]
        for function in self.groups:
            if not wanted or any(word in function.__name__ for word in wanted):
                self._run_group(function)
        print(f"{self.passed} passed, {self.failed} failed")
        sys.exit(0 if self.passed and not self.failed else 1)


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
