# SPDX-License-Identifier: BSD-3-Clause
"""dataplane.py - pagewire-dp without pagewired: does it come up, and what does it say if not

    with Dataplane(end, "net_af_xdp0,iface={interface}", "--paths=2") as dataplane:
        dataplane.why           # "" if it is ready
    dataplane.said              # all of its errors
"""

import os
import select
import socket
import struct
import subprocess
import tempfile

from .case import Failure
from .process import MARK, PROGRAMS

READY_S = 20


class Dataplane:
    def __init__(self, end, vdev, *options, privileges=()):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        key, _, value = MARK.partition("=")
        self.seam, self.log = ours, tempfile.TemporaryFile("w+")
        with theirs:
            self.child = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *end.prefix, *privileges,
                 os.path.join(PROGRAMS, "pagewire-dp"), f"--seam-fd={theirs.fileno()}",
                 "--vdev=" + vdev.format(interface=end.interface), *options],
                pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stderr=self.log,
                env={**os.environ, key: value})

    def __enter__(self):
        if not select.select([self.seam], [], [], READY_S)[0]:
            self.__exit__()
            raise Failure("pagewire-dp says nothing")
        ready = self.seam.recv(4096)
        self.why = ""
        if not ready or struct.unpack_from("=i", ready, 4)[0]:      # the status
            self.child.wait(READY_S)
            self.why = self._read_log() or "it ended without a word"
        return self

    def __exit__(self, *_):
        self.seam.close()       # which ends it
        try:
            self.child.wait(READY_S)
            self.said = self._read_log()
        finally:
            self.child.kill()
            self.child.wait()
            self.log.close()

    def _read_log(self):
        self.log.seek(0)
        return self.log.read()
