# SPDX-License-Identifier: BSD-3-Clause
#
# lib.sh - what an end-to-end case is written with
#
#	. "$(dirname "$0")/lib.sh"
#
#	start demo "$pagewire" demo --json	# in the background, output in $work/demo.{out,err}
#	finish demo 60				# wait for it at most 60 s; its status is in $status
#	check "the demo succeeds" [ "$status" -eq 0 ]
#	json_checks "$work/demo.out" <<-'END'
#		it says that nothing was real | d["badge"] == "simulated"
#	END
#	done_testing
#
# A case is named after what it runs and holds many checks, each a sentence. It has
# a folder of its own ($work), removed on exit, and every process that it started,
# directly or not, is killed then. It ends in "N passed, N failed".

set -u
export LC_ALL=C

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd) || exit 1
programs=${PW_PROGRAMS:-$top/build}	# a folder with other builds of the same names
pagewire=$programs/pagewire

work=$(mktemp -d "${TMPDIR:-/tmp}/pw-e2e.XXXXXX") || exit 1
chmod 755 "$work"
# Every process of this case has this in its environment, whoever its parent is.
export PW_E2E_CASE=$$.$RANDOM$RANDOM

passed=0
failed=0
status=0
declare -A started=()

# ---- checks ------------------------------------------------------------------

pass()
{
	passed=$((passed + 1))
	echo "ok     $1"
}

# fail NAME [LINE...]
fail()
{
	failed=$((failed + 1))
	echo "FAILED $1"
	shift
	[ $# -eq 0 ] || printf '         %s\n' "$@"
}

# check NAME COMMAND...
check()
{
	local name=$1
	shift
	if "$@"; then pass "$name"; else fail "$name" "not so: $*"; fi
}

# check_text NAME PATTERN FILE - some line of FILE matches the extended PATTERN
check_text()
{
	if grep -Eq -- "$2" "$3"; then
		pass "$1"
	else
		fail "$1" "no line matches: $2" "$(head -n 20 "$3")"
	fi
}

# json_checks FILE - each line of standard input is "NAME | EXPRESSION", python,
# true of d, the one JSON document that FILE holds. near(a, b, part) is there.
json_checks()
{
	local verdict name
	while IFS=$'\t' read -r verdict name; do
		if [ "$verdict" = ok ]; then pass "$name"; else fail "$name" "$verdict"; fi
	done < <(python3 -c "$json_checker" "$1")
}

json_checker='
import json, sys
def near(a, b, part):
    return abs(a - b) <= part * max(abs(a), abs(b))
try:
    d = json.load(open(sys.argv[1]))
    why = None
except ValueError as e:
    why = f"{sys.argv[1]} is not one JSON document: {e}"
for line in sys.stdin:
    if "|" in line:
        name, _, expression = (part.strip() for part in line.partition("|"))
        try:
            told = why or ("ok" if eval(expression) else "not so: " + expression)
        except Exception as e:
            told = f"{type(e).__name__}: {e}, in: {expression}"
        print(told.replace("\t", " ").replace("\n", " "), name, sep="\t")
'

done_testing()
{
	echo "$passed passed, $failed failed"
	[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
	exit
}

# ---- processes ---------------------------------------------------------------

# start NAME COMMAND... - in a process group of its own, signals as for a
# program started at a prompt
start()
{
	local name=$1
	shift
	setsid env --default-signal "$@" >"$work/$name.out" 2>"$work/$name.err" </dev/null &
	started[$name]=$!
}

# finish NAME SECONDS - wait for it; status is its own, or 124 when it had to be killed
finish()
{
	local pid=${started[$1]}
	if wait_until "$2" not_running "$pid"; then
		wait "$pid"
		status=$?
	else
		kill -KILL -- "-$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
		status=124
	fi
}

# run NAME SECONDS COMMAND... - start and finish
run()
{
	local name=$1 seconds=$2
	shift 2
	start "$name" "$@"
	finish "$name" "$seconds"
}

# interrupt NAME - what Ctrl-C does
interrupt()
{
	kill -INT -- "-${started[$1]}"
}

not_running()
{
	! kill -0 "$1" 2>/dev/null || [ "$(process_state "$1")" = Z ]
}

process_state()
{
	sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$1/status" 2>/dev/null
}

# Print "PID COMMAND" of every process that this case started and that still runs.
# Those that this shell runs itself are in its process group, others are not.
processes()
{
	python3 -c "$process_finder"
}

process_finder='
import os
mark = ("PW_E2E_CASE=" + os.environ["PW_E2E_CASE"]).encode()
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        def read(name):
            with open(f"/proc/{pid}/{name}", "rb") as f:
                return f.read()
        if mark not in read("environ").split(b"\0"):
            continue
        state, _, group = read("stat").rpartition(b")")[2].split()[:3]
        if state not in b"ZX" and int(group) != os.getpgrp():
            print(pid, read("cmdline").replace(b"\0", b" ").decode(errors="replace"))
    except OSError:
        pass
'

no_processes()
{
	[ -z "$(processes)" ]
}

kill_processes()
{
	local pid
	while read -r pid _; do
		kill -KILL "$pid" 2>/dev/null
	done < <(processes)
}

# check_no_process_left NAME - a process may take a moment to end
check_no_process_left()
{
	if wait_until 2 no_processes; then
		pass "$1"
	else
		fail "$1" "$(processes)"
		kill_processes
	fi
}

# check_nothing_in NAME FOLDER...
check_nothing_in()
{
	local name=$1 found
	shift
	found=$(find "$@" -mindepth 1 | head -n 10)
	if [ -z "$found" ]; then pass "$name"; else fail "$name" "$found"; fi
}

# wait_until SECONDS COMMAND... - until it is true; false if that never came
wait_until()
{
	local deadline=$((${EPOCHREALTIME/./} + $1 * 1000000))
	shift
	until "$@"; do
		[ "${EPOCHREALTIME/./}" -lt "$deadline" ] || return 1
		sleep 0.02
	done
}

# Print a TCP port of 127.0.0.1 that nothing uses now.
free_port()
{
	python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

clean_up()
{
	kill_processes
	rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 143' TERM
trap 'exit 130' INT
