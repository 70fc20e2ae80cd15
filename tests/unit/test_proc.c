/* SPDX-License-Identifier: BSD-3-Clause */
/* test_proc.c - real children: started, heard, ended, and what they said last */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proc.h"
#include "run.h"

static char folder[64];
static char log_path[96];
static struct pw_proc proc;

static void given_folder(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(folder, sizeof(folder), "%.40s/pw-proc.XXXXXX", tmp ? tmp : "/tmp");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	snprintf(log_path, sizeof(log_path), "%s/log", folder);
	proc = (struct pw_proc){ .pid = 0 };
}

static void folder_goes(void)
{
	unlink(log_path);
	CU_ASSERT_EQUAL(rmdir(folder), 0);
}

static int start_shell(const char *script, bool talks)
{
	const char *const argv[] = { "/bin/sh", "-c", script, NULL };
	const struct pw_proc_plan plan = { .name = "shell", .log = log_path, .argv = argv,
					   .talks = talks };

	return pw_proc_start(&proc, &plan, NULL);
}

static void await_end(void)
{
	struct pollfd ended = { .fd = proc.pidfd, .events = POLLIN };

	CU_ASSERT_EQUAL_FATAL(poll(&ended, 1, 10000), 1);
	CU_ASSERT_TRUE_FATAL(pw_proc_has_ended(&proc));
}

static void stop(void)
{
	struct pw_proc *const procs[] = { &proc };

	pw_proc_stop_all(procs, 1, 10000);
	CU_ASSERT_TRUE(pw_proc_has_ended(&proc));
}

static void test_a_child_is_talked_to_through_pipes(void)
{
	struct pollfd out;
	char answer[16] = "";

	given_folder();
	CU_ASSERT_EQUAL_FATAL(start_shell("read word; echo \"<$word>\"; read word", true), 0);
	CU_ASSERT_EQUAL(write(proc.in_fd, "hello\n", 6), 6);
	out = (struct pollfd){ .fd = proc.out_fd, .events = POLLIN };
	CU_ASSERT_EQUAL(poll(&out, 1, 10000), 1);
	CU_ASSERT_EQUAL(read(proc.out_fd, answer, sizeof(answer) - 1), 8);
	CU_ASSERT_STRING_EQUAL(answer, "<hello>\n");
	CU_ASSERT_FALSE(pw_proc_has_ended(&proc));
	stop();
	CU_ASSERT_EQUAL(proc.in_fd, -1);
	folder_goes();
}

static void test_how_a_child_ended_is_said(void)
{
	char end[80];

	given_folder();
	CU_ASSERT_EQUAL_FATAL(start_shell("exit 3", false), 0);
	await_end();
	CU_ASSERT_STRING_EQUAL(pw_proc_describe_end(&proc, end, sizeof(end)),
			       "ended with exit code 3");
	CU_ASSERT_EQUAL_FATAL(start_shell("kill -9 $$", false), 0);
	await_end();
	CU_ASSERT_STRING_EQUAL(pw_proc_describe_end(&proc, end, sizeof(end)),
			       "was killed by signal 9 (Killed)");
	stop();
	folder_goes();
}

static void test_a_child_that_ignores_sigterm_is_killed(void)
{
	struct pw_proc *const procs[] = { &proc };
	struct pollfd out;

	given_folder();
	CU_ASSERT_EQUAL_FATAL(start_shell("trap '' TERM; echo; while read word; do :; done; "
					  "while :; do read word </dev/zero; done", true), 0);
	out = (struct pollfd){ .fd = proc.out_fd, .events = POLLIN };
	CU_ASSERT_EQUAL(poll(&out, 1, 10000), 1);	/* the trap is set */
	pw_proc_stop_all(procs, 1, 50);
	CU_ASSERT_TRUE(pw_proc_has_ended(&proc));
	CU_ASSERT_TRUE(WIFSIGNALED(proc.status) && WTERMSIG(proc.status) == SIGKILL);
	folder_goes();
}

static void test_a_program_that_is_not_there_is_an_error(void)
{
	const char *const argv[] = { "/no/such/program", NULL };
	const struct pw_proc_plan plan = { .name = "nobody", .log = log_path, .argv = argv };
	struct pw_error e = { 0 };

	given_folder();
	CU_ASSERT_EQUAL(pw_proc_start(&proc, &plan, &e), -ENOENT);
	CU_ASSERT_STRING_EQUAL(e.what, "cannot start nobody");
	CU_ASSERT_TRUE(pw_proc_has_ended(&proc));
	CU_ASSERT_EQUAL(waitpid(-1, NULL, WNOHANG), -1);	/* and nobody is left */
	folder_goes();
}

static void test_the_last_lines_of_a_log_are_found(void)
{
	char tail[32];

	given_folder();
	CU_ASSERT_EQUAL_FATAL(start_shell("printf 'one\\ntwo\\nthree\\nfour\\n\\n' >&2", false), 0);
	await_end();
	CU_ASSERT_STRING_EQUAL(pw_proc_log_tail(&proc, 2, tail, sizeof(tail)), "three\nfour");
	CU_ASSERT_STRING_EQUAL(pw_proc_log_tail(&proc, 9, tail, sizeof(tail)),
			       "one\ntwo\nthree\nfour");
	CU_ASSERT_STRING_EQUAL(pw_proc_log_tail(&proc, 9, tail, 8), "four");
	stop();
	folder_goes();
}

static void test_the_error_of_a_child_is_found_in_its_log(void)
{
	struct pw_error e = { 0 };

	given_folder();
	CU_ASSERT_EQUAL_FATAL(start_shell("echo 'shell info: nothing yet' >&2", false), 0);
	await_end();
	CU_ASSERT_FALSE(pw_proc_last_error(&proc, &e));
	CU_ASSERT_EQUAL_FATAL(start_shell("printf 'shell: PW-1 old\\n  found  old\\nshell: PW-1234 "
					  "cannot sing\\n  found  no voice\\n  fix    drink\\n' >&2",
					  false), 0);
	await_end();
	CU_ASSERT_TRUE(pw_proc_last_error(&proc, &e));
	CU_ASSERT_STRING_EQUAL(e.id, "PW-1234");
	CU_ASSERT_STRING_EQUAL(e.what, "cannot sing");
	CU_ASSERT_STRING_EQUAL(e.found, "no voice");
	CU_ASSERT_STRING_EQUAL(e.fix, "drink");
	stop();
	folder_goes();
}

static const struct pw_test tests[] = {
	PW_TEST(test_a_child_is_talked_to_through_pipes),
	PW_TEST(test_how_a_child_ended_is_said),
	PW_TEST(test_a_child_that_ignores_sigterm_is_killed),
	PW_TEST(test_a_program_that_is_not_there_is_an_error),
	PW_TEST(test_the_last_lines_of_a_log_are_found),
	PW_TEST(test_the_error_of_a_child_is_found_in_its_log),
};

int main(void)
{
	return PW_RUN_SUITE("proc", tests);
}
