# SPDX-License-Identifier: BSD-3-Clause
"""process.py - the programs of pagewire as child processes: hosts, guests, a proxy

Every child gets SIGKILL when this process ends, however it ends; it leads a
session of its own and has MARK in its environment, so that what it started in
turn is found too.
"""

import json
import os
import secrets
import select
import shutil
import signal
import socket
import subprocess
import threading
import time

from .case import Failure, until

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
PROGRAMS = os.environ.get("PW_PROGRAMS", os.path.join(TOP, "build"))
MARK = f"PW_E2E_CASE={os.getpid()}.{secrets.token_hex(4)}"
NOBODY = 65534
AS_NOBODY = ("--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all")


class RpcError(Exception):
    """An error that pagewired answered: id, what, found, fix."""

    def __init__(self, error):
        data = error.get("data") or {}
        self.what, self.code = error["message"], error["code"]
        self.id, self.found, self.fix = (data.get(key, "") for key in ("id", "found", "fix"))
        super().__init__(f"{self.id} {self.what}: {self.found}")


def marked_processes():
    """(pid, command) of every process of this case that still runs."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        def read(name):
            with open(f"/proc/{pid}/{name}", "rb") as file:
                return file.read()
        try:
            if int(pid) != os.getpid() and MARK.encode() in read("environ").split(b"\0") and \
                    read("stat").rpartition(b")")[2].split()[0] not in b"ZX":
                command = read("cmdline").replace(b"\0", b" ").decode(errors="replace")
                found.append((int(pid), command))
        except OSError:
            pass
    return found


class Process:
    """One child: its standard output is read line by line, its errors go to a log."""

    def __init__(self, name, argv, log, env=None, privileges=()):
        self.name, self.log = name, log
        key, _, value = MARK.partition("=")
        with open(log, "ab") as errors:
            self.log_begin = errors.tell()
            self.child = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *privileges, *argv], stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=errors, start_new_session=True,
                env={**os.environ, key: value, **(env or {})})
        os.set_blocking(self.child.stdout.fileno(), False)
        self.pid, self.text = self.child.pid, b""

    def has_ended(self):
        return self.child.poll() is not None

    def must_run(self):
        if self.has_ended():
            raise Failure(f"{self.name} ended with {self.child.returncode}: {self.said()[-800:]}")

    def await_stop(self):
        """Until SIGSTOP has stopped it."""
        def is_stopped():
            with open(f"/proc/{self.pid}/stat") as file:
                return file.read().rpartition(")")[2].split()[0] == "T"
        until(f"{self.name} to stop", 5, is_stopped, self.must_run)

    def await_end(self, within=10):
        """Its status, negative for a signal; None if it runs on."""
        try:
            return self.child.wait(within)
        except subprocess.TimeoutExpired:
            return None

    def send_signal(self, number):
        if not self.has_ended():
            self.child.send_signal(number)

    def kill(self):
        """What it started itself has died before this returns, or dies with it."""
        self.send_signal(signal.SIGKILL)
        self.child.wait()
        self._close()

    def end(self, within=10):
        """Ask it to end; its status."""
        self.send_signal(signal.SIGTERM)
        status = self.await_end(within)
        self.kill()
        return status

    def _close(self):
        for pipe in (self.child.stdin, self.child.stdout):
            try:
                pipe.close()
            except OSError:
                pass

    def read_lines(self, within):
        """Whole lines that it wrote, waiting for some; [] if there are none in time."""
        ready, _, _ = select.select([self.child.stdout], [], [], within)
        if not ready:
            return []
        read = self.child.stdout.read() or b""
        if not read:
            self.await_end(1)
            self.must_run()
        *lines, self.text = (self.text + read).split(b"\n")
        return lines

    def said(self):
        """What this run of it wrote to its log."""
        with open(self.log, "rb") as file:
            file.seek(self.log_begin)
            return file.read().decode(errors="replace")


class Guest(Process):
    """pagewire-guest, which is told one word a line and answers with one object a line."""

    def __init__(self, host, name, incoming=False, options=(), memory="64M", device="32M"):
        self.guest, self.host, self.events = name, host, []
        log = os.path.join(host.folder, f"{name}.at.{host.name}.log")
        super().__init__(
            f"guest {name} at {host.name}",
            [host.program("pagewire-guest"), "--name", name, "--agent", host.agent,
             "--memory", memory, "--device", device, *(["--incoming"] if incoming else []),
             *options], log, privileges=host.privileges)
        host.guests.append(self)
        self.await_event("ready")

    def hear(self, within):
        for line in self.read_lines(within):
            self.events.append(json.loads(line))

    def await_event(self, name, begin=0, within=15):
        """The first event of that name, not counting the first begin of all events."""
        deadline = time.monotonic() + within
        while True:
            for event in self.events[begin:]:
                if event["event"] == name:
                    return event
            left = deadline - time.monotonic()
            if left <= 0:
                raise Failure(f"{self.name} did not say {name} in {within} s: {self.events[-3:]}")
            self.hear(left)

    def ask(self, word, answer):
        begin = len(self.events)
        self.child.stdin.write(word.encode() + b"\n")
        self.child.stdin.flush()
        return self.await_event(answer, begin)

    def status(self):
        return self.ask("status", "status")

    def state(self):
        return self.status()["state"]

    def check(self):
        return self.ask("check", "checked")

    def steps_on(self, within=2):
        """Does it run: is its step another one soon?"""
        first = self.status()["step"]
        try:
            return bool(until("a step", within, lambda: self.status()["step"] > first))
        except Failure:
            return False

    def memfd(self):
        """Its only region, as a file of ours."""
        folder = f"/proc/{self.pid}/fd"
        bytes_wanted = self.events[0]["memory_bytes"]
        for name in os.listdir(folder):
            path = os.path.join(folder, name)
            if os.readlink(path).startswith("/memfd:") and os.stat(path).st_size == bytes_wanted:
                return open(path, "r+b", buffering=0)
        raise Failure(f"{self.name} has no memfd of {bytes_wanted} bytes")

    def end(self, within=10):
        """Its status after the end of its input."""
        if not self.has_ended():
            self.child.stdin.close()
        status = self.await_end(within)
        self.kill()
        return status


class Host:
    """One host: its configuration, its pagewired and what runs there."""

    def __init__(self, folder, name, privileges=(), programs=PROGRAMS):
        self.folder, self.name, self.privileges, self.programs = folder, name, privileges, programs
        self.rpc, self.agent, self.conf = (
            os.path.join(folder, f"{name}.{what}") for what in ("rpc", "agent", "yaml"))
        self.lane = None        # memif's socket, at the end that serves it
        self.daemon, self.guests, self.calls = None, [], 0

    def program(self, name):
        return os.path.join(self.programs, name)

    def launch(self, failpoint=None):
        """Start pagewired and return at once."""
        self.daemon = Process(
            f"pagewired of {self.name}", [self.program("pagewired"), "--config", self.conf],
            os.path.join(self.folder, f"{self.name}.log"), privileges=self.privileges,
            env={"RUNTIME_DIRECTORY": self.folder, **({"PW_FP": failpoint} if failpoint else {})})
        return self.daemon

    def start(self, failpoint=None):
        """Start pagewired and wait until it serves."""
        self.launch(failpoint)
        until(f"{self.daemon.name} to serve", 15, self.serves, self.daemon.must_run)

    def serves(self):
        try:
            return bool(self.call("pagewire_get_version"))
        except OSError:
            return False

    def call(self, method, **params):
        """The result of an RPC; RpcError if it is an error."""
        self.calls += 1
        request = {"jsonrpc": "2.0", "id": self.calls, "method": method, "params": params}
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(10)
            sock.connect(self.rpc)
            sock.sendall(json.dumps(request).encode() + b"\n")
            with sock.makefile() as answers:
                answer = answers.readline()
        if not answer:
            raise ConnectionResetError(f"{self.name} closed the connection in {method}")
        answer = json.loads(answer)
        if "error" in answer:
            raise RpcError(answer["error"])
        return answer["result"]

    def guest(self, name="g", **how):
        self.guests = [g for g in self.guests if not g.has_ended()]
        return Guest(self, name, **how)

    def await_free(self, name, role="incoming"):
        """Until a guest of that name is known here in that role, and no migration has it."""
        until(f"guest {name} to be {role} at {self.name}", 5, lambda: any(
            g["guest"] == name and g["role"] == role and not g["busy"]
            for g in self.call("guest_list")), self.daemon.must_run)

    def await_running(self, name):
        self.await_free(name, "running")

    def dataplane(self):
        """Process id of the pagewire-dp that serves this host now, or None."""
        try:
            with open(f"/proc/{self.daemon.pid}/task/{self.daemon.pid}/children") as file:
                children = [int(pid) for pid in file.read().split()]
        except OSError:
            return None
        return children[0] if children else None

    def sockets(self):
        """What it leaves behind only if it is killed: these, and a folder of its dataplane."""
        paths = [self.rpc, self.agent, self.lane]
        if self.daemon:
            paths.append(os.path.join(self.folder, "dpdk", f"pagewire-{self.daemon.pid}"))
        return [path for path in paths if path and os.path.exists(path)]

    def end(self):
        """End guests and pagewired in an orderly way; {name: status} of what did not."""
        bad = {}
        for process in [*self.guests, self.daemon]:
            alive = process and not process.has_ended()
            status = process.end() if alive else 0
            if status != 0:
                bad[process.name] = status
        self.guests = []
        return bad

    def kill(self):
        for process in [*self.guests, self.daemon]:
            if process:
                process.kill()


class Proxy:
    """Between two pagewired: passes bytes on until it is told to cut or to swallow them."""

    def __init__(self, port):
        self.port, self.lock, self.links = port, threading.Lock(), []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.own_port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self.port))
            except OSError:
                near.close()
                continue
            link = {"ends": (near, far), "silent": False}
            with self.lock:
                self.links.append(link)
            for ends in ((near, far), (far, near)):
                threading.Thread(target=self._pass_on, args=(link, *ends), daemon=True).start()

    @staticmethod
    def _shut(link):
        for end in link["ends"]:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _pass_on(self, link, giver, taker):
        try:
            while data := giver.recv(65536):
                if not link["silent"]:
                    taker.sendall(data)
        except OSError:
            pass
        self._shut(link)

    def cut(self):
        """Close all links at both ends; the number of them."""
        with self.lock:
            links, self.links = self.links, []
        for link in links:
            self._shut(link)
        return len(links)

    def swallow(self):
        """From now on nothing comes through the links there are, and nobody closes them."""
        with self.lock:
            for link in self.links:
                link["silent"] = True
            return len(self.links)

    def close(self):
        self.listener.close()
        self.cut()


def copy_programs(folder):
    """All programs, where anybody may run them."""
    os.mkdir(folder, 0o755)
    for name in ("pagewire", "pagewired", "pagewire-dp", "pagewire-guest"):
        shutil.copy(os.path.join(PROGRAMS, name), folder)
    return folder
