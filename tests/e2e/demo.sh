#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# demo.sh - "pagewire demo", as a newcomer, a program and a saboteur run it

. "$(dirname "$0")/lib.sh"

small=(--memory 64M --device 64M --seed 7)
enough_s=120

# A home of its own for each run, so that what it leaves there can be seen.
# given_home NAME [OWNER] - makes $home and the words of $at_home
given_home()
{
	home=$work/home.$1
	mkdir "$home" "$home"/{home,run,tmp}
	chmod 700 "$home/run"
	[ $# -lt 2 ] || chown -R "$2" "$home"
	at_home=(env HOME="$home/home" XDG_RUNTIME_DIR="$home/run" TMPDIR="$home/tmp")
}

# Names outside of that home which a run of ours could leave behind.
shared_names()
{
	find /dev/shm /tmp /var/tmp /run /run/dpdk /dev/hugepages -mindepth 1 -maxdepth 1 \
		2>/dev/null | grep -E '/(pagewire|dpdk|rte|memif|sem\.)[^/]*$' | sort
}

check_nothing_left()
{
	check_no_process_left "$1: no process is left"
	check_nothing_in "$1: no file is left" "$home/run" "$home/tmp" "$home/home"
	check "$1: no file is left outside" \
		[ -z "$(comm -13 "$work/names" <(shared_names))" ]
}

test_document()
{
	given_home both
	run both "$enough_s" "${at_home[@]}" "$pagewire" demo "${small[@]}" --mode both --json
	check "both modes: exits 0" [ "$status" -eq 0 ]
	json_checks "$work/both.out" <<-'END'
		schema is named                 | d["schema"] == "pagewire.demo/1"
		badge says simulated            | d["badge"] == "simulated"
		one run of each mode            | sorted(r["mode"] for r in d["runs"]) == ["enhanced", "legacy"]
		ratio is legacy over enhanced   | near(d["stun_ratio"], *(lambda s: (s["legacy"] / s["enhanced"], 0.05))({r["mode"]: r["stun_s"] for r in d["runs"]}))
		every run is done               | all(r["result"] == "done" for r in d["runs"])
		every run is verified           | all(r["verified"] is True for r in d["runs"])
		no page is bad                  | all(r["pages_bad"] == 0 for r in d["runs"])
		pages were checked              | all(r["pages_checked"] > 0 for r in d["runs"])
		every page was checked          | all(r["pages_checked"] >= r["memory_bytes"] // 4096 for r in d["runs"])
		sizes are those asked for       | all((r["memory_bytes"], r["device_bytes"]) == (64 << 20, 64 << 20) for r in d["runs"])
		times are numbers               | all(type(r[k]) in (int, float) and r[k] > 0 for r in d["runs"] for k in ("total_s", "stun_s"))
		stun is part of the total       | all(r["stun_s"] <= r["total_s"] for r in d["runs"])
		phases are named                | all(set(r["stun"]) == {"quiesce_s", "sync_s", "wire_s", "verify_s", "load_s", "resume_s"} for r in d["runs"])
		phases are not negative         | all(type(s) in (int, float) and s >= 0 for r in d["runs"] for s in r["stun"].values())
		phases add up to the stun       | all(near(sum(r["stun"].values()), r["stun_s"], 0.05) for r in d["runs"])
		counts are integers             | all(type(r[k]) is int and r[k] >= 0 for r in d["runs"] for k in ("memory_bytes", "device_bytes", "retransmitted", "pages_checked", "pages_bad"))
		rate is a number                | all(type(r["rate_bytes_per_s"]) in (int, float) and r["rate_bytes_per_s"] > 0 for r in d["runs"])
		rounds are counted from 0       | all([x["round"] for x in r["rounds"]] == list(range(len(r["rounds"]))) and r["rounds"] for r in d["runs"])
		rounds have counts              | all(type(x[k]) is int and x[k] >= 0 for r in d["runs"] for x in r["rounds"] for k in ("dirty_bytes", "sent_bytes", "zero_pages"))
		rounds have times and rates     | all(type(x[k]) in (int, float) and x[k] >= 0 for r in d["runs"] for x in r["rounds"] for k in ("seconds", "rate_bytes_per_s"))
		round 0 is all of memory        | all(r["rounds"][0]["dirty_bytes"] >= r["memory_bytes"] for r in d["runs"])
	END
	check_nothing_left "both modes"
}

test_text_and_report()
{
	given_home text
	run text "$enough_s" "${at_home[@]}" "$pagewire" demo "${small[@]}" --mode enhanced \
		--paths 2 --report "$work/report.html"
	check "for people: exits 0" [ "$status" -eq 0 ]
	check_text "for people: says that it is simulated" '[Ss]imulated' "$work/text.out"
	check "report: is written" [ -s "$work/report.html" ]
	check_text "report: is HTML" '<html' "$work/report.html"
	check_text "report: says that it is simulated" '[Ss]imulated' "$work/report.html"
	check "report: fetches nothing" \
		eval '! grep -Eiq "(src|href)=.?(https?:)?//|@import|url\(.?http" "$work/report.html"'
	check_nothing_left "for people"
}

# Without root: whoever runs the tests has nothing to give away. With root: nobody.
# The programs are copied, because nobody may have no way to the checkout.
test_runs_without_privileges()
{
	local as_nobody=() owner
	owner=$(id -u)
	if [ "$owner" -eq 0 ]; then
		owner=65534
		as_nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all)
	fi
	given_home nobody "$owner"
	mkdir "$work/bin"
	find "$programs" -maxdepth 1 -type f -executable -exec cp {} "$work/bin" \;
	run capabilities 10 "${as_nobody[@]}" cat /proc/self/status
	check_text "nobody: has no capability" '^CapEff:[[:space:]]*0+$' "$work/capabilities.out"
	cd "$home" || return
	run nobody "$enough_s" "${as_nobody[@]}" "${at_home[@]}" \
		"$work/bin/pagewire" demo "${small[@]}" --mode enhanced --json
	cd "$top" || return
	check "nobody: exits 0" [ "$status" -eq 0 ]
	json_checks "$work/nobody.out" <<-'END'
		nobody: done and verified | [(r["result"], r["verified"], r["pages_bad"]) for r in d["runs"]] == [("done", True, 0)]
	END
	check_nothing_left "nobody"
}

# refused BAD OPTIONS... - exit 2, nothing on standard output, and one message of at
# most four lines (what, found, fix) that names BAD
refused()
{
	local bad=$1
	shift
	given_home "refused.$((refusals += 1))"
	run refused 10 "${at_home[@]}" "$pagewire" demo "$@"
	if [ "$status" -eq 2 ] && [ ! -s "$work/refused.out" ] &&
		[ "$(wc -l <"$work/refused.err")" -le 4 ] && grep -Fq -e "$bad" "$work/refused.err"; then
		pass "refused: demo $*"
	else
		fail "refused: demo $*" "status $status" "$(head -n 8 "$work/refused.err")"
	fi
}

test_bad_options_are_refused()
{
	refusals=0
	refused --nonsense --nonsense
	refused --memory --memory
	refused --memory --memory lots
	refused --memory --memory 0
	refused --memory --memory -1G
	refused --memory --memory 99999999999T
	refused --device --device 12Q
	refused --paths --paths 0
	refused --paths --paths 1000
	refused --paths --paths two
	refused --mode --mode sideways
	refused --seed --seed x
	refused --dirty-rate --dirty-rate fast
	refused --report --report "$work/no/such/folder/report.html"
	refused surplus surplus
	check_nothing_left "refused"
}

# The oracle of the demo has to see a single page that is not what the guest wrote.
test_sabotage_is_found_out()
{
	local how
	for how in corrupt stale missing; do
		given_home "$how"
		run "$how" "$enough_s" "${at_home[@]}" \
			"$pagewire" demo "${small[@]}" --mode enhanced --json --sabotage "$how"
		check "sabotage $how: exits neither 0 nor 2" \
			eval '[ "$status" -ne 0 ] && [ "$status" -ne 2 ] && [ "$status" -lt 124 ]'
		json_checks "$work/$how.out" <<-END
			sabotage $how: one page is bad     | [r["pages_bad"] for r in d["runs"]] == [1]
			sabotage $how: it is not verified  | [r["verified"] for r in d["runs"]] == [False]
		END
		check_nothing_left "sabotage $how"
	done
}

more_than_one_process()
{
	[ "$(processes | wc -l)" -gt 1 ]
}

test_ctrl_c_leaves_nothing()
{
	given_home interrupted
	start interrupted "${at_home[@]}" "$pagewire" demo --memory 1G --device 512M --mode both --json
	check "Ctrl-C: it had begun" wait_until 20 more_than_one_process
	interrupt interrupted
	finish interrupted 10
	check "Ctrl-C: ends it, with a status that is not 0" \
		eval '[ "$status" -ne 0 ] && [ "$status" -ne 124 ]'
	check_nothing_left "Ctrl-C"
}

if [ -x "$pagewire" ]; then
	shared_names >"$work/names"
	test_document
	test_text_and_report
	test_runs_without_privileges
	test_bad_options_are_refused
	test_sabotage_is_found_out
	test_ctrl_c_leaves_nothing
else
	fail "$pagewire is built"
fi
done_testing
