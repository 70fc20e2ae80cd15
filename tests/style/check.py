#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""check.py [BUILD] - rules of the source that a compiler does not enforce

Every rule is a function that yields what breaks it in a tree, and comes with
files that break it so many times: the rule is run on this tree, which must be
clean, and on a tree of just those files, to see it find them. BUILD is the folder where this
tree was built (default: build). The last line is "N passed, N failed".
"""

import os
import re
import shlex
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 600
FOLDERS = ("dataplane", "ctrl", "conf", "include", "tests", "deploy", ".ci")
TOP = {"dataplane", "ctrl", "conf", "include", "tests", "deploy", "meson.build", "README.md",
       "LICENSE"}

# What a folder may include: the dependency rule of the design.
MAY_INCLUDE = {
    "include": ("include",),
    "conf": ("include", "conf"),
    "dataplane": ("include", "dataplane"),
    "ctrl": ("include", "conf", "dataplane", "ctrl"),
}

# What the core may know of the system. Nothing here can block, allocate or log.
CORE_HEADERS = {"assert.h", "errno.h", "inttypes.h", "limits.h", "stdalign.h", "stdarg.h",
                "stdatomic.h", "stdbool.h", "stddef.h", "stdint.h", "string.h",
                "emmintrin.h", "immintrin.h", "nmmintrin.h", "smmintrin.h", "x86intrin.h"}
CORE_SYMBOLS = {"memcpy", "memset", "memmove", "memcmp", "__stack_chk_fail",
                "_GLOBAL_OFFSET_TABLE_", "__cpu_model", "__cpu_indicator_init"}
CORE_EXCEPT = "check.c"         # ends the process, which is its duty

RULES = []


def rule(name, bad, breaches=1, build=None):
    """Register a rule: bad is {path: text} of files that break it, build(tree) compiles them."""
    def register(function):
        RULES.append((name, function, bad, breaches, build))
        return function
    return register


class Tree:
    """The files of the project below root, and what they were built into."""

    def __init__(self, root, build):
        self.root, self.build = root, build
        self.paths = sorted(self._walk())
        self._texts = {}

    def _walk(self):
        for name in os.listdir(self.root):
            if os.path.isfile(os.path.join(self.root, name)):
                yield name
        for top in FOLDERS:
            for folder, folders, names in os.walk(os.path.join(self.root, top)):
                folders[:] = [f for f in folders if f not in ("__pycache__", "corpus")]
                for name in names:
                    yield os.path.relpath(os.path.join(folder, name), self.root)

    def text(self, path):
        if path not in self._texts:
            with open(os.path.join(self.root, path), "rb") as file:
                self._texts[path] = file.read().decode(errors="replace")
        return self._texts[path]

    def lines(self, path):
        return self.text(path).splitlines()

    def named(self, *endings, below=("",)):
        return [p for p in self.paths if p.endswith(endings) and p.startswith(tuple(below))]

    def scripts(self):
        """Shell scripts, whatever they are called."""
        return [p for p in self.paths
                if p.endswith(".sh") or re.match(r"#!\s*/\S*(/env )?\S*\b(ba)?sh\b", self.text(p))]


def code_only(text):
    """C without comments and without what is in quotes; lines stay where they are."""
    def blank(match):
        return "\n" * match.group().count("\n") if match.group()[0] == "/" else '""'
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', blank, text, flags=re.S)


def includes(tree, path):
    """(line, what stands in quotes or None, what stands in angles or None)"""
    text = re.sub(r"/\*.*?\*/", lambda m: "\n" * m.group().count("\n"), tree.text(path),
                  flags=re.S)
    for match in re.finditer(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"]+)"|<([^>]+)>)', text, re.M):
        yield text.count("\n", 0, match.start()) + 1, match.group(1), match.group(2)


def found_in(tree, path, name, folders):
    """The file of the tree that '#include "name"' in path means, if it is in folders."""
    near = os.path.normpath(os.path.join(os.path.dirname(path), name))
    for candidate in [near] + [os.path.join(f, name) for f in folders]:
        if candidate in tree.paths and candidate.startswith(tuple(f + "/" for f in folders)):
            return candidate
    if "/" not in name:                 # a folder inside one of the folders, as ctrl/demo
        for candidate in tree.paths:
            if os.path.basename(candidate) == name and candidate.startswith(
                    tuple(f + "/" for f in folders)):
                return candidate
    return None


def core_files(tree):
    listed = re.search(r"core_sources\s*=\s*files\((.*?)\)",
                       tree.text("dataplane/meson.build"), re.S)
    names = re.findall(r"'([^']+\.c)'", re.sub(r"#.*", "", listed.group(1))) if listed else []
    return ["dataplane/" + name for name in names]


# ---- size ----

@rule(f"functions have at most {FUNCTION_LINES_MAX} lines",
      {"ctrl/long.c": "int f(void)\n{\n" + "\tg();\n" * 71 + "}\n",
       "ctrl/same.c": "static int *f(void) {\n" + "\tg();\n" * 71 + "}\n",
       "ctrl/fits.c": "int f(void)\n{\n" + "\tg();\n" * 70 + "}\n"}, 2)
def function_length(tree):
    for path in tree.named(".c", ".h"):
        begin, name = None, "?"
        for number, line in enumerate(tree.lines(path), 1):
            called = re.match(r"[A-Za-z_][^;=]*?(\w+)\(", line)
            if called and begin is None:
                name = called.group(1)
            if line == "{" or re.match(r"\w[^=]*\)\s*\{$", line):
                begin = number
            elif line.startswith("}") and begin:
                if number - begin - 1 > FUNCTION_LINES_MAX:
                    yield f"{path}:{begin}: {name} has {number - begin - 1} lines"
                begin = None


@rule(f"files have at most {FILE_LINES_MAX} lines", {"include/pagewire/long.h": "\n" * 601})
def file_length(tree):
    for path in tree.named(".c", ".h", ".def", ".py", ".sh"):
        if len(tree.lines(path)) > FILE_LINES_MAX:
            yield f"{path}: {len(tree.lines(path))} lines"


# ---- form ----

@rule("sources begin with their licence",
      {"ctrl/a.c": "/* a.c */\n", "tests/a.py": "#!/usr/bin/python3\nimport os\n"}, 2)
def licence(tree):
    for path in sorted(set(tree.named(".c", ".h", ".def", ".py") + tree.scripts())):
        head = tree.lines(path)[:2]
        if head and head[0].startswith("#!"):
            head = head[1:]
        if not head or not re.match(r"(/\*|#) SPDX-License-Identifier: BSD-3-Clause( \*/)?$",
                                    head[0]):
            yield f"{path}:1: no SPDX-License-Identifier: BSD-3-Clause"


UNFINISHED = ("TO" + "DO", "FIX" + "ME", "X" * 3)


@rule("nothing is left to do", {"ctrl/a.c": f"/* {UNFINISHED[0]}: later */\n",
                                "tests/run": f"# {UNFINISHED[2]} later\n"}, 2)
def unfinished(tree):
    words = re.compile(r"\b(" + "|".join(UNFINISHED) + r")\b")
    for path in tree.paths:
        for number, line in enumerate(tree.lines(path), 1):
            if words.search(line):
                yield f"{path}:{number}: {line.strip()}"


@rule("include guards are there, and differ",
      {"ctrl/a.h": "#ifndef PW_A_H\n#define PW_A_H\n#endif\n",
       "conf/a.h": "#ifndef PW_A_H\n#define PW_A_H\n#endif\n",
       "conf/b.h": "int b;\n"}, 2)
def include_guards(tree):
    first = {}
    for path in tree.named(".h"):
        guard = re.search(r"^#ifndef (\w+)\n#define \1$", tree.text(path), re.M)
        if not guard and os.path.basename(path) != "hot.h":     # is meant to be the last one
            yield f"{path}: no include guard"
        elif guard and first.setdefault(guard.group(1), path) != path:
            yield f"{path}: {guard.group(1)} is the guard of {first[guard.group(1)]}"


@rule("top level is what the design says", {"notes.txt": "", "dataplane/a.c": ""}, 9)
def top_level(tree):
    here = {n for n in os.listdir(tree.root) if not n.startswith((".", "build"))}
    for name in sorted(here - TOP):
        yield f"{name}: does not belong there"
    for name in sorted(TOP - here):
        yield f"{name}: is missing"


@rule("shell scripts parse", {"deploy/a": "#!/bin/bash\nif true; then\n"})
def shell_parses(tree):
    for path in tree.scripts():
        bash = subprocess.run(["bash", "-n", os.path.join(tree.root, path)],
                              capture_output=True, text=True)
        if bash.returncode:
            yield f"{path}: {bash.stderr.strip()}"


# ---- dependencies ----

@rule("folders include only what they may",
      {"dataplane/a.c": '#include "log.h"\n', "ctrl/log.h": "",
       "include/pagewire/b.h": '#include "../../conf/conf.h"\n', "conf/conf.h": ""}, 2)
def dependencies(tree):
    for folder, allowed in MAY_INCLUDE.items():
        for path in tree.named(".c", ".h", ".def", below=(folder + "/",)):
            for number, quoted, _ in includes(tree, path):
                if quoted and not found_in(tree, path, quoted, allowed):
                    yield f'{path}:{number}: "{quoted}" is not in {" or ".join(allowed)}'


@rule("core includes no DPDK and no input or output",
      {"dataplane/meson.build": "core_sources = files(\n  'a.c',\n)\n",
       "dataplane/a.c": '#include "a.h"\n', "dataplane/a.h": "#include <rte_mbuf.h>\n"})
def core_headers(tree):
    waiting, seen = core_files(tree), set()
    if not waiting:
        yield "dataplane/meson.build: core_sources are not found"
    while waiting:
        path = waiting.pop()
        if path in seen or path not in tree.paths:
            continue
        seen.add(path)
        for number, quoted, angled in includes(tree, path):
            if quoted:
                waiting.append(found_in(tree, path, quoted, ("include", "dataplane")) or "")
            elif angled not in CORE_HEADERS and os.path.basename(path) != CORE_EXCEPT:
                yield f"{path}:{number}: <{angled}>"


def build_core(tree):
    folder = os.path.join(tree.build, "dataplane/libpw_core.a.p")
    os.makedirs(folder)
    subprocess.run(["gcc", "-O2", "-c", os.path.join(tree.root, "dataplane/a.c"),
                    "-o", os.path.join(folder, "a.c.o")], check=True)


@rule("core calls nothing but itself",
      {"dataplane/a.c": "void *malloc(unsigned long n);\nvoid *pw_log(void);\n"
                        "void *f(void) { return pw_log() ? malloc(9) : 0; }\n"},
      2, build_core)
def hot_symbols(tree):
    folder = os.path.join(tree.build, "dataplane/libpw_core.a.p")
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    undefined, defined = {}, set()
    if not names:
        yield f"{folder}: no objects of the core, is it built?"
    for name in names:
        nm = subprocess.run(["nm", "-P", os.path.join(folder, name)], capture_output=True,
                            text=True, check=True)
        for symbol, kind in (line.split()[:2] for line in nm.stdout.splitlines()):
            if kind in "Uw":
                undefined.setdefault(name, set()).add(symbol)
            else:
                defined.add(symbol)
    for name, symbols in undefined.items():
        for symbol in sorted(symbols - defined - CORE_SYMBOLS):
            if name != CORE_EXCEPT + ".o":
                yield f"dataplane/{name[:-2]}: calls {symbol}"


# ---- headers ----

def package_flags():
    packages = subprocess.run(
        ["pkg-config", "--cflags", "libdpdk", "libevent", "openssl", "jansson", "cunit"],
        capture_output=True, text=True)
    return [re.sub(r"^-I", "-isystem", flag) for flag in shlex.split(packages.stdout)]


@rule("headers compile alone", {"include/pagewire/a.h": "extern uint64_t a;\n"})
def headers_compile(tree):
    folders = sorted({os.path.dirname(p) for p in tree.named(".h")} - {"include/pagewire"}
                     | {"include"})
    system = package_flags()

    def compile_one(path):
        allowed = MAY_INCLUDE.get(path.split("/")[0], FOLDERS)
        local = ["-I" + f for f in folders if f.startswith(tuple(allowed))]
        return path, subprocess.run(
            ["gcc", "-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-fsyntax-only",
             *local, *system, "-x", "c", "-"], input=f'#include "{path}"\n', text=True,
            capture_output=True, cwd=tree.root)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, gcc in pool.map(compile_one, tree.named(".h")):
            if gcc.returncode:
                yield f"{path}: " + "\n".join(gcc.stderr.splitlines()[:6])


# ---- tests ----

@rule("tests do not wait for time to pass", {"tests/unit/a.c": "f() { us" "leep(1); }\n"})
def no_sleep(tree):
    call = re.compile(r"\b(u|nano|clock_nano)?sleep\s*\(")
    for path in tree.named(".c", ".h", below=("tests/",)):
        for number, line in enumerate(code_only(tree.text(path)).splitlines(), 1):
            if call.search(line):
                yield f"{path}:{number}: {line.strip()}"


@rule("every unit test is built", {"tests/unit/test_a.c": "", "tests/meson.build": "'b'\n"})
def tests_are_built(tree):
    built = re.findall(r"'([^']+)'", re.sub(r"#.*", "", tree.text("tests/meson.build")))
    for path in tree.named(".c", below=("tests/unit/test_",)):
        if os.path.basename(path)[len("test_"):-len(".c")] not in built:
            yield f"{path}: is not in tests/meson.build"


# ---- the run ----

def breaches_found(function, bad, build):
    """Problems of a tree of just the files that break the rule."""
    with tempfile.TemporaryDirectory() as root:
        for path, text in bad.items():
            os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
            with open(os.path.join(root, path), "w") as file:
                file.write(text)
        tree = Tree(root, os.path.join(root, "build"))
        if build:
            build(tree)
        return list(function(tree))


def results(tree):
    """(what was asked, its problems) of every rule"""
    for name, function, bad, breaches, build in RULES:
        yield name, list(function(tree))
        found = breaches_found(function, bad, build)
        yield name + ": a breach is found", [] if len(found) == breaches else [
            f"{len(found)} found where {breaches} are:", *found]


def main():
    root = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
    passed = failed = 0
    for what, problems in results(Tree(root, os.path.abspath((sys.argv + ["build"])[1]))):
        print(("FAILED " if problems else "ok     ") + what)
        for problem in problems:
            print("         " + problem.replace("\n", "\n           "))
        passed += not problems
        failed += bool(problems)
    print(f"{passed} passed, {failed} failed")
    return failed != 0


sys.exit(main())
