#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""mutants.py [BUILD] - can the simulator see? Faults planted in the code, one at a time

Each mutant is one substitution in one file of the core, or of the simulator
where it plays the control plane. It is compiled as BUILD (default: build)
compiled the file, linked with the other objects of pw-sim, and has to fail
within SEEDS_MAX seeds. The last line is "N passed, N failed".
"""

import json
import os
import shlex
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

SEEDS_MAX = 1000
TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# (what is wrong, file, what stands there, what the mutant has instead)
MUTANTS = (
    ("a page of an older epoch is placed", "dataplane/receiver.c",
     "*place = false;", "*place = true;"),
    ("what was not placed is acknowledged", "dataplane/receiver.c",
     "|| !place(r, &d, &events))", "|| (!place(r, &d, &events) && d.type == PW_PING))"),
    ("the seal is not looked at", "dataplane/receiver.c",
     "if (atomic_load_explicit(&r->transfer->sealed, memory_order_acquire)) {",
     "if (r->transfer->role == PW_SOURCE) {"),
    ("a payload is not checked", "dataplane/receiver.c",
     "if (!pw_wire_payload_ok(&d)) {", "if (d.type == PW_PING && !pw_wire_payload_ok(&d)) {"),
    ("a pn is used twice", "dataplane/window.c",
     "settle(w, w->head, &lost->extent);",
     "settle(w, w->head, &lost->extent);\n\tw->tail -= w->head + 1 == w->tail;"),
    ("an ack may name the next pn to be sent", "dataplane/window.c",
     "if (top > w->tail)", "if (top > w->tail + 1)"),
    ("the top of the replay window is one too low", "dataplane/replay.c",
     "if (pn >= r->top)", "if (pn > r->top)"),
    ("work of a path that is down is taken twice", "dataplane/spill.c",
     "s->extent[(uint32_t)claims]", "s->extent[(uint32_t)claims & ~1u]"),
    ("what was lost is forgotten", "dataplane/sender.c",
     "pw_sender_push_retry(s, extent);", "(void)0;"),
    ("a guest in its stun goes on yielding", "dataplane/sender_next.c",
     "if (s->yields && !stun)", "if (s->yields)"),
    ("only what is longer than the next step can find a hole", "dataplane/mtu.c",
     "bytes <= m->payload[m->steps - 1]", "bytes <= m->payload[m->step + 1]"),
    ("an incomplete slot of a stream is drunk", "dataplane/stream.c",
     "return (grains & want) == want;", "return (grains & want) != 0;"),
    ("credit for a stream is not heard", "dataplane/sender_ack.c",
     "pw_stream_out_credit(stream, ack->credits[i].slots);", "(void)stream;"),
    ("a chunk is not waited for", "dataplane/slice.c",
     "dirty_bytes(order) + order->chunks,", "order->chunks + (dirty_bytes(order) > 0) * 4096ull,"),
    ("dirty bits are cleared after the copy", "tests/sim/migration.c",
     "\tcheck_settled(m, slice);\n",
     "\tcheck_settled(m, slice);\n\tsim_guest_harvest(&m->guest, slice->region, "
     "slice->number * pages_of_slice(m),\n\t\t\t  pages_of_slice(m), slice->bitmap);\n"),
    ("the next epoch does not wait for CLOSED", "tests/sim/migration.c",
     "if (m->guest.stopped && m->move->seal_closes)", "if (m->move->seal_closes)"),
    ("slices that were open are not sent again", "tests/sim/migration.c",
     "if (slice->state != SIM_SLICE_CLOSED)\n\t\t\tslice->state = SIM_SLICE_WAITS;",
     "slice->state = SIM_SLICE_CLOSED;"),
    ("the same guest always begins", "tests/sim/turn.c",
     "w->turn++;", "(void)0;"),
    ("a connection of a former life is served", "tests/sim/host.c",
     "\treturn end->attached;\n", "\treturn end->role == PW_TARGET || end->attached;\n"),
    ("streams do not begin again after a dataplane died", "tests/sim/attempt.c",
     "a->has_stream[i] = !m->stream_done[i];", "a->has_stream[i] = a->number == 1;"),
)


def commands(build):
    """{file of pw-sim: its entry in compile_commands.json}"""
    with open(os.path.join(build, "compile_commands.json")) as file:
        entries = json.load(file)
    return {os.path.relpath(os.path.join(e["directory"], e["file"]), TOP): e for e in entries
            if "libpw_core_checked.a.p/" in e["output"] or "tests/sim/pw-sim.p/" in e["output"]}


def build_mutant(build, known, mutant, folder):
    """The program, or a text that says why there is none."""
    _, path, old, new = mutant
    with open(os.path.join(TOP, path)) as file:
        text = file.read()
    if text.count(old) != 1:
        return None, f"{path} has {text.count(old)} times: {old}"
    source = os.path.join(folder, os.path.basename(path))
    mutated = source + ".o"
    program = os.path.join(folder, "pw-sim")
    with open(source, "w") as file:
        file.write(text.replace(old, new))
    entry = known[path]
    compiling = [source if arg == entry["file"] else mutated if arg == entry["output"] else arg
                 for arg in shlex.split(entry["command"])]
    compiling += ["-w", "-I" + os.path.join(TOP, os.path.dirname(path))]
    # An object in front of the library stands in for the member of it.
    linking = [compiling[0], "-o", program, mutated]
    linking += [e["output"] for p, e in known.items()
                if "pw-sim.p/" in e["output"] and p != path]
    linking += ["dataplane/libpw_core_checked.a"]
    for command in (compiling, linking):
        done = subprocess.run(command, cwd=build, capture_output=True, text=True)
        if done.returncode:
            return None, done.stderr
    return program, None


def judge(build, known, mutant):
    """(caught, a line that says what became of it)"""
    with tempfile.TemporaryDirectory() as folder:
        program, why = build_mutant(build, known, mutant, folder)
        if not program:
            return False, f"FAILED {mutant[0]}: not built: {why}"
        done = subprocess.run([program, "--seeds", str(SEEDS_MAX), "--until-failure"],
                              capture_output=True, text=True, errors="replace")
    for line in done.stdout.splitlines():
        if line.startswith("seed "):
            return True, f"{mutant[0]}: {line}"
    return False, f"FAILED {mutant[0]}: not seen in {SEEDS_MAX} seeds"


def main():
    build = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else os.path.join(TOP, "build"))
    known = commands(build)
    caught = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for seen, line in pool.map(lambda mutant: judge(build, known, mutant), MUTANTS):
            print(line, flush=True)
            caught += seen
    print(f"{caught} passed, {len(MUTANTS) - caught} failed")
    return caught != len(MUTANTS)


if __name__ == "__main__":
    sys.exit(main())
