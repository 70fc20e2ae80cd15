# SPDX-License-Identifier: BSD-3-Clause
"""pair.py - two hosts of one machine, from nothing to nothing

    with Pair(limit_mbps=400) as p:         # host-a is the server of the lane
        p.a.start(); p.b.start()
        guest = p.a.guest()                 # runs
        p.b.guest(incoming=True)            # waits
        report = p.migrate()                # as migration_get tells it when it is over

Everything is in one temporary folder. When the block ends, processes are asked
to end and it is checked that they do, and that nothing is left; after an
exception they are killed.
"""

import os
import shutil
import socket
import subprocess
import tempfile
import time

from .case import Failure, case, until
from .process import AS_NOBODY, NOBODY, Host, Proxy, copy_programs, marked_processes

OVER = ("done", "failed", "cancelled", "uncertain")
LOG_LINES = 12


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def make_authority(folder, name="ca"):
    """A throw-away authority: NAME.crt and NAME.key."""
    _openssl(folder, name, "-subj", "/CN=pagewire test", "-addext",
             "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign")


def make_certificate(folder, name, authority="ca", host=None):
    """NAME.crt and NAME.key of a host, which is called NAME if host is not given."""
    ca = os.path.join(folder, authority)
    _openssl(folder, name, "-CA", ca + ".crt", "-CAkey", ca + ".key", "-subj",
             f"/CN={host or name}", "-addext", f"subjectAltName=DNS:{host or name}", "-addext",
             "extendedKeyUsage=serverAuth,clientAuth", "-addext",
             "basicConstraints=critical,CA:FALSE")


def _openssl(folder, name, *options):
    path = os.path.join(folder, name)
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "1", "-keyout", path + ".key", "-out", path + ".crt", *options],
        capture_output=True, text=True)
    if made.returncode:
        raise Failure("openssl: " + made.stderr)


class Migration:
    """One that was started: asked until it is where the test wants it."""

    def __init__(self, host, guest, peer, **params):
        self.host = host
        self.begin = time.monotonic()
        self.id = host.call("migration_start", guest=guest, peer=peer, **params)["migration"]

    def report(self):
        return self.host.call("migration_get", migration=self.id)

    def until(self, what, condition, within=20):
        """The first report of which condition is true, or that is the last one."""
        def look():
            report = self.report()
            return report if condition(report) or report["result"] in OVER else None
        return until(f"the migration to be {what}", within, look, self.host.daemon.must_run)

    def until_stage(self, stage):
        return self.until("in " + stage, lambda r: r["stage"] == stage)

    def result(self, within=30):
        report = self.until("over", lambda r: False, within)
        report["seconds"] = time.monotonic() - self.begin
        return report

    def cancel(self):
        return self.host.call("migration_cancel", migration=self.id)


class Pair:
    """limit_mbps: of the lane, so that round 0 takes its time. proxied: the
    control link from a to b goes through .proxy. silence_s: that a migration bears."""

    def __init__(self, limit_mbps=0, proxied=False, as_nobody=False, paths=1, silence_s=30):
        self.folder = tempfile.mkdtemp(prefix="pw-e2e.")
        self.limit_mbps, self.paths, self.proxy = limit_mbps, paths, None
        self.silence_s = silence_s
        privileges, programs = (), {}
        if as_nobody:
            programs["programs"] = copy_programs(os.path.join(self.folder, "bin"))
            os.chmod(self.folder, 0o755)
        if as_nobody and os.getuid() == 0:
            privileges = AS_NOBODY
            os.chown(self.folder, NOBODY, NOBODY)
        self.a, self.b = self.hosts = [Host(self.folder, name, privileges, **programs)
                                       for name in ("host-a", "host-b")]
        try:
            make_authority(self.folder)
            for host in self.hosts:
                make_certificate(self.folder, host.name)
                if privileges:
                    os.chown(os.path.join(self.folder, host.name + ".key"), NOBODY, NOBODY)
                host.port = free_port()
            if proxied:
                self.proxy = Proxy(self.b.port)
            self.a.lane = self.path("lane")
            self.write_conf(self.a, self.b, "server")
            self.write_conf(self.b, self.a, "client")
        except BaseException:
            self._remove()
            raise

    def __enter__(self):
        self.failed_before = case.failed
        return self

    def __exit__(self, kind, value, trace):
        try:
            if kind is None:
                self._end()
            if kind is not None or case.failed > self.failed_before:
                self._show_logs()
        finally:
            for host in self.hosts:
                host.kill()
            if self.proxy:
                self.proxy.close()
            self._remove()

    def path(self, name):
        return os.path.join(self.folder, name)

    def conf(self, host, peer, role, **changes):
        """The configuration of a host as text; changes are whole lines, by their key."""
        port = self.proxy.own_port if self.proxy and peer is self.b else peer.port
        cpus = sorted(os.sched_getaffinity(0))
        cpu = cpus[0] if role == "server" else cpus[-1]
        lines = {
            "version": "version: 1",
            "host": f"host: {{name: {host.name}}}",
            "sockets": f'sockets: {{rpc: "{host.rpc}", agent: "{host.agent}"}}',
            "control": f"control: {{address: 127.0.0.1, port: {host.port}}}",
            "tls": f'tls: {{ca: "{self.path("ca.crt")}", cert: "{self.path(host.name)}.crt", '
                   f'key: "{self.path(host.name)}.key"}}',
            "peers": f"peers: [{{name: {peer.name}, address: 127.0.0.1, port: {port}}}]",
            "lane": f'lane: {{driver: memif, socket: "{self.path("lane")}", role: {role}, '
                    f"paths: {self.paths}}}",
            "workers": f"workers: {{cpus: [{cpu}], idle: backoff}}",
            "memory": "memory: {hugepages: none}",
            "policy": f"policy: {{rate_limit_mbps: {self.limit_mbps}, "
                      f"silence_s: {self.silence_s}}}",
        }
        return "\n".join({**lines, **changes}.values()) + "\n"

    def write_conf(self, host, peer, role, **changes):
        with open(host.conf, "w") as file:
            file.write(self.conf(host, peer, role, **changes))
        os.chmod(host.conf, 0o644)

    def start(self):
        """Both hosts."""
        for host in self.hosts:
            host.launch()
        for host in self.hosts:
            until(f"{host.name} to serve", 15, host.serves, host.daemon.must_run)
        return self

    def begin(self, guest="g", source=None, target=None, **params):
        source = source or self.a
        target = target or (self.b if source is self.a else self.a)
        target_name = target if isinstance(target, str) else target.name
        return Migration(source, guest, target_name, **params)

    def migrate(self, *args, **params):
        return self.begin(*args, **params).result()

    def _end(self):
        alive = [h for h in self.hosts if h.daemon and not h.daemon.has_ended()]
        bad = {}
        for host in self.hosts:
            bad.update(host.end())
        case.equal("every process ends in order", bad, {})
        case.equal("no process is left", marked_processes(), [])
        case.equal("nothing of theirs is left", [path for h in alive for path in h.sockets()], [])

    def _show_logs(self):
        for name in sorted(os.listdir(self.folder)):
            if name.endswith(".log"):
                with open(self.path(name), errors="replace") as file:
                    for line in file.read().splitlines()[-LOG_LINES:]:
                        print(f"         {name}: {line}")

    def _remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)


# ---- sentences that many groups say ----

def guest_runs_on(name, guest):
    """It steps, and every page of it is as it wrote it."""
    state = guest.status()
    checked = guest.check()
    case.check(f"{name}: the guest runs at the source",
               state["state"] == "running" and guest.steps_on(), state, guest.events[-4:])
    case.check(f"{name}: no page of it is bad", checked["bad"] == 0 and checked["pages"] > 0,
               checked)


def is_clear(error):
    return bool(error) and error["id"].startswith("PW-") and all(
        len(error[key]) > 3 for key in ("what", "found"))


def failed_clearly(name, report, result="failed", within=10):
    case.equal(f"{name}: the result is {result}", report["result"], result, report)
    case.check(f"{name}: the error says what was found", is_clear(report["error"]),
               report["error"])
    case.check(f"{name}: it is over in time", report["seconds"] < within, report["seconds"])


def moved_and_verified(name, report, target):
    """The migration is done, and the guest at the target finds itself whole."""
    case.equal(f"{name}: it is done", report["result"], "done", report)
    if report["result"] != "done":
        raise Failure(f"{name}: {report['error']}")
    target.await_event("resumed")
    checked = target.check()
    case.check(f"{name}: the guest runs at the target and is whole",
               target.steps_on() and checked["bad"] == 0 and checked["continued"], checked)
