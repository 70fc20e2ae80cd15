/* SPDX-License-Identifier: BSD-3-Clause */
/* test_guest_agent.c - the synthetic guest as pagewired meets it: over its agent socket */

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "error.h"
#include "guest_loop.h"
#include "guest_register.h"
#include "pagewire/check.h"
#include "run.h"

#define MIB (1ull << 20)
#define NOBODY 65534

/* As in newer linux/fs.h than that of some systems we build on. */
#ifndef PAGEMAP_SCAN
#define PAGE_IS_WRITTEN (1 << 1)
#define PM_SCAN_WP_MATCHING (1 << 0)
#define PM_SCAN_CHECK_WPASYNC (1 << 1)
struct page_region {
	uint64_t start, end, categories;
};
struct pm_scan_arg {
	uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
	uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};
#define PAGEMAP_SCAN _IOWR('f', 16, struct pm_scan_arg)
#endif

/* A guest and its loop, in a thread of this process, with us as pagewired. */
static struct fixture {
	char dir[32], path[64];
	int listen_fd;
	int fd;	/* the connection */
	int command_fd;	/* write: its standard input */
	FILE *events;	/* read: its standard output */
	uint32_t seq;
	struct pw_agent_msg registered;
	int fds[PW_AGENT_FDS_MAX];
	uint32_t fd_count;

	pthread_t thread;
	int in_fd;
	FILE *out;
	struct pw_guest_machine machine;
	struct pw_guest_console console;
	struct pw_guest_agent agent;
	struct pw_error error;
	int result;
} f;

static const struct pw_agent_permit permit = { .migration = "sixteen bytes id", .epoch = 3 };

static void *loop_main(void *arg)
{
	(void)arg;
	f.result = pw_guest_loop_run(&f.agent, &f.error);
	pw_guest_agent_fini(&f.agent);
	fclose(f.out);
	return NULL;
}

static void open_socket(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	strcpy(f.dir, "/tmp/pw-guest-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(f.dir));
	snprintf(f.path, sizeof(f.path), "%s/agent.sock", f.dir);
	strcpy(at.sun_path, f.path);
	f.listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	CU_ASSERT_EQUAL_FATAL(bind(f.listen_fd, (struct sockaddr *)&at, sizeof(at)), 0);
	CU_ASSERT_EQUAL_FATAL(listen(f.listen_fd, 1), 0);
}

static void open_console(void)
{
	int in[2], out[2];

	CU_ASSERT_EQUAL_FATAL(pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC), 0);
	f.in_fd = in[0];
	f.command_fd = in[1];
	f.events = fdopen(out[0], "r");
	f.out = fdopen(out[1], "w");
}

/* Receive one packet; the descriptors with it go to fds, their number is returned. */
static uint32_t receive(struct pw_agent_msg *m, int *fds)
{
	_Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(PW_AGENT_FDS_MAX * sizeof(int))];
	struct iovec iov = { .iov_base = m, .iov_len = sizeof(*m) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
			      .msg_controllen = sizeof(control) };
	struct cmsghdr *c;
	size_t bytes;

	CU_ASSERT_EQUAL_FATAL(recvmsg(f.fd, &msg, MSG_CMSG_CLOEXEC), (ssize_t)sizeof(*m));
	c = CMSG_FIRSTHDR(&msg);
	if (!c)
		return 0;
	bytes = c->cmsg_len - CMSG_LEN(0);
	memcpy(fds, CMSG_DATA(c), bytes);
	return (uint32_t)(bytes / sizeof(int));
}

static void expect_event(const char *event, json_t **more)
{
	char line[1024], name[32];
	json_t *said = NULL;

	CU_ASSERT_PTR_NOT_NULL_FATAL(fgets(line, sizeof(line), f.events));
	said = json_loads(line, 0, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(said);
	snprintf(name, sizeof(name), "%s", json_string_value(json_object_get(said, "event")));
	CU_ASSERT_STRING_EQUAL(name, event);
	if (more)
		*more = said;
	else
		json_decref(said);
}

static long long number(json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static void command(const char *line)
{
	CU_ASSERT_EQUAL_FATAL(write(f.command_fd, line, strlen(line)), (ssize_t)strlen(line));
}

static void accept_guest(int status)
{
	f.fd = accept(f.listen_fd, NULL, NULL);
	CU_ASSERT_TRUE_FATAL(f.fd >= 0);
	f.fd_count = receive(&f.registered, f.fds);
	f.registered.status = status;
	snprintf(f.registered.reg.why, sizeof(f.registered.reg.why),
		 "the name is taken\nname it otherwise with --name");
	CU_ASSERT_EQUAL(send(f.fd, &f.registered, sizeof(f.registered), MSG_NOSIGNAL),
			(ssize_t)sizeof(f.registered));
}

static void start_guest(bool incoming)
{
	struct pw_guest_plan plan = {
		.size = { .memory_bytes = 16 * MIB, .vgpu_bytes = 16 * MIB, .regions = 2,
			  .vgpus = 1 },
		.rates = { .dirty_bytes_per_s = 16 * MIB, .steps_per_s = 500,
			   .tokens_per_s = 500 },
		.seed = 7,
		.incoming = incoming,
	};

	memset(&f, 0, sizeof(f));
	open_socket();
	open_console();
	CU_ASSERT_EQUAL_FATAL(pw_guest_machine_create(&f.machine, &plan, &f.error), 0);
	pw_guest_console_init(&f.console, f.in_fd, f.out);
	f.agent = (struct pw_guest_agent){ .machine = &f.machine, .console = &f.console,
					   .guest = "llm", .path = f.path };
	pw_guest_agent_init(&f.agent);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&f.thread, NULL, loop_main, NULL), 0);
}

static void given_guest(bool incoming)
{
	start_guest(incoming);
	accept_guest(0);
	expect_event("ready", NULL);
}

static void close_fds(void)
{
	for (uint32_t i = 0; i < f.fd_count; i++)
		close(f.fds[i]);
	f.fd_count = 0;
}

/* Its loop has ended, and its input is closed. */
static void forget_guest(void)
{
	pw_guest_machine_destroy(&f.machine);
	close_fds();
	close(f.fd);
	close(f.listen_fd);
	close(f.in_fd);
	fclose(f.events);
	unlink(f.path);
	rmdir(f.dir);
}

static void drop_guest(void)
{
	command("quit\n");
	pthread_join(f.thread, NULL);
	close(f.command_fd);
	forget_guest();
}

static void tell(struct pw_agent_msg *m)
{
	m->seq = ++f.seq;
	CU_ASSERT_EQUAL_FATAL(send(f.fd, m, sizeof(*m), MSG_NOSIGNAL), (ssize_t)sizeof(*m));
}

/* The answer's status; *fd is what came with it, or -1. */
static int answered(struct pw_agent_msg *m, int *fd)
{
	uint32_t type = m->type, seq = m->seq;
	int fds[PW_AGENT_FDS_MAX] = { -1 };
	uint32_t count = receive(m, fds);

	CU_ASSERT_TRUE(count <= 1);
	CU_ASSERT_EQUAL(m->type, type);
	CU_ASSERT_EQUAL(m->seq, seq);
	*fd = count ? fds[0] : -1;
	return m->status;
}

static int ask(struct pw_agent_msg *m)
{
	int fd, status;

	tell(m);
	status = answered(m, &fd);
	CU_ASSERT_EQUAL(fd, -1);
	return status;
}

static int ask_plain(enum pw_agent_type type)
{
	return ask(&(struct pw_agent_msg){ .type = type });
}

static int ask_permit(enum pw_agent_type type, const struct pw_agent_permit *p)
{
	return ask(&(struct pw_agent_msg){ .type = type, .permit = *p });
}

/* data_fd; the state is one that has it. */
static int ask_state(uint32_t device, enum pw_device_state state)
{
	struct pw_agent_msg m = { .type = PW_AGENT_DEVICE_STATE,
				  .state = { .device = device, .state = state } };
	int fd;

	tell(&m);
	CU_ASSERT_EQUAL(answered(&m, &fd), 0);
	return fd;
}

static uint64_t steps(void)
{
	struct pw_agent_msg m = { .type = PW_AGENT_QUERY };

	CU_ASSERT_EQUAL(ask(&m), 0);
	return m.query.steps;
}

static uint64_t scan_written(uint32_t region)
{
	static struct page_region found[2048];
	const struct pw_agent_region *r = &f.registered.reg.region[region];
	struct pm_scan_arg arg = {
		.size = sizeof(arg),
		.flags = PM_SCAN_WP_MATCHING | PM_SCAN_CHECK_WPASYNC,
		.start = r->address,
		.end = r->address + r->bytes,
		.vec = (uintptr_t)found,
		.vec_len = PW_ARRAY_SIZE(found),
		.category_mask = PAGE_IS_WRITTEN,
		.return_mask = PAGE_IS_WRITTEN,
	};
	int n = ioctl(f.fds[f.registered.reg.regions], PAGEMAP_SCAN, &arg);
	uint64_t pages = 0;

	CU_ASSERT_TRUE(n >= 0);
	for (int i = 0; i < n; i++)
		pages += (found[i].end - found[i].start) / PW_PAGE_BYTES;
	return pages;
}

static void test_guest_registers_its_memory_and_devices(void)
{
	const struct pw_agent_register *reg = &f.registered.reg;
	void *mapped;

	given_guest(false);
	CU_ASSERT_EQUAL(reg->version, PW_AGENT_VERSION);
	CU_ASSERT_EQUAL(reg->role, PW_AGENT_RUNNING);
	CU_ASSERT_STRING_EQUAL(reg->guest, "llm");
	CU_ASSERT_EQUAL(reg->regions, 2);
	CU_ASSERT_EQUAL(f.fd_count, 4);
	CU_ASSERT_EQUAL(reg->devices, 2);
	CU_ASSERT_STRING_EQUAL(reg->device[0].name, "vgpu0");
	CU_ASSERT_EQUAL(reg->device[0].flags, PW_DEVICE_CAN_PRE_COPY);
	CU_ASSERT_EQUAL(reg->device[0].memory_bytes, 16 * MIB);
	CU_ASSERT_STRING_EQUAL(reg->device[1].name, "cpu");
	CU_ASSERT_EQUAL(reg->device[1].flags, 0);
	mapped = mmap(NULL, 8 * MIB, PROT_READ, MAP_SHARED, f.fds[1], 0);
	CU_ASSERT_PTR_NOT_EQUAL_FATAL(mapped, MAP_FAILED);
	CU_ASSERT_EQUAL(ask_plain(PW_AGENT_PAUSE), 0);
	CU_ASSERT_EQUAL(memcmp(mapped, f.machine.body.memory.region[1].base, 8 * MIB), 0);
	CU_ASSERT_EQUAL(write(f.fds[3], "1", 1), 1);	/* clear_refs takes orders */
	munmap(mapped, 8 * MIB);
	drop_guest();
}

static void test_guest_that_is_refused_says_why(void)
{
	start_guest(false);
	accept_guest(-EEXIST);
	pthread_join(f.thread, NULL);
	CU_ASSERT_EQUAL(f.result, -EEXIST);
	CU_ASSERT_STRING_EQUAL(f.error.found, "the name is taken");
	CU_ASSERT_STRING_EQUAL(f.error.fix, "name it otherwise with --name");
	close(f.command_fd);
	forget_guest();
}

static void test_guest_without_pagewired_says_what_to_do(void)
{
	struct pw_error e = { 0 };
	int fd;

	CU_ASSERT_EQUAL(pw_guest_register_connect("/nonexistent/agent.sock", &fd, &e), -ENOENT);
	CU_ASSERT_STRING_EQUAL(e.found, "no pagewired listens at /nonexistent/agent.sock");
	CU_ASSERT_STRING_EQUAL(e.fix, "start it, or name its agent socket with --agent");
}

static void test_armed_guest_reports_the_pages_that_it_writes(void)
{
	struct pw_agent_msg m = { .type = PW_AGENT_ARM, .arm = { .how = PW_TRACK_UFFD_WP } };
	uint64_t pages, until;

	given_guest(false);
	CU_ASSERT_EQUAL_FATAL(ask(&m), 0);
	CU_ASSERT_EQUAL(m.arm.how, PW_TRACK_UFFD_WP);
	CU_ASSERT_EQUAL(scan_written(0), 8 * MIB / PW_PAGE_BYTES);	/* all, the first time */
	scan_written(1);
	until = steps() + 20;
	while (steps() < until)
		;
	pages = scan_written(0) + scan_written(1);
	CU_ASSERT_TRUE(pages > 20 && pages < 1500);	/* 8 a step, of 1843 that are ever written */
	CU_ASSERT_EQUAL(ask_plain(PW_AGENT_PAUSE), 0);
	scan_written(0);
	CU_ASSERT_EQUAL(scan_written(0), 0);
	CU_ASSERT_EQUAL(ask_plain(PW_AGENT_DISARM), 0);
	m = (struct pw_agent_msg){ .type = PW_AGENT_ARM, .arm = { .how = 0 } };
	CU_ASSERT_EQUAL(ask(&m), -EOPNOTSUPP);
	CU_ASSERT_EQUAL(m.arm.how, 0);
	drop_guest();
}

static void test_soft_dirty_is_armed_only_where_it_works(void)
{
	struct pw_agent_msg m = { .type = PW_AGENT_ARM, .arm = { .how = PW_TRACK_SOFT_DIRTY } };
	int status;

	given_guest(false);
	status = ask(&m);
	CU_ASSERT_TRUE(status == 0 || status == -EOPNOTSUPP);
	CU_ASSERT_EQUAL(m.arm.how, status ? 0 : PW_TRACK_SOFT_DIRTY);
	m = (struct pw_agent_msg){ .type = PW_AGENT_ARM,
				   .arm = { .how = PW_TRACK_SOFT_DIRTY | PW_TRACK_UFFD_WP } };
	CU_ASSERT_EQUAL(ask(&m), 0);	/* one of the two is enough */
	drop_guest();
}

static void test_user_without_privileges_can_arm(void)
{
	struct pw_guest_track t;
	struct pw_guest_memory m;
	int status = 0;
	pid_t child;

	CU_ASSERT_EQUAL_FATAL(pw_guest_memory_create(&m, MIB, 1, NULL), 0);
	child = fork();
	if (child == 0) {
		bool dropped = geteuid() != 0 || (!setgid(NOBODY) && !setuid(NOBODY));

		pw_guest_track_init(&t);
		_exit(!dropped || pw_guest_track_arm(&t, &m, PW_TRACK_UFFD_WP));
	}
	CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
	CU_ASSERT_EQUAL(status, 0);
	pw_guest_memory_destroy(&m);
}

static void test_pause_and_resume_are_answered_with_the_times_of_steps(void)
{
	struct pw_agent_msg m = { .type = PW_AGENT_PAUSE };
	uint64_t last_step_ns, before;
	json_t *said;

	given_guest(false);
	CU_ASSERT_EQUAL(ask(&m), 0);
	last_step_ns = m.times.last_step_ns;
	CU_ASSERT_NOT_EQUAL(last_step_ns, 0);
	expect_event("paused", NULL);
	before = steps();
	m = (struct pw_agent_msg){ .type = PW_AGENT_PAUSE };	/* asked again */
	CU_ASSERT_EQUAL(ask(&m), 0);
	CU_ASSERT_EQUAL(m.times.last_step_ns, last_step_ns);
	CU_ASSERT_EQUAL(steps(), before);
	CU_ASSERT_EQUAL(ask_plain(PW_AGENT_RESUME), 0);
	expect_event("resumed", &said);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(said, "where")), "source");
	CU_ASSERT_EQUAL(number(said, "last_step_ns"), (long long)last_step_ns);
	CU_ASSERT_TRUE(number(said, "first_step_ns") > (long long)last_step_ns);
	CU_ASSERT_TRUE(number(said, "step") > (long long)before);
	json_decref(said);
	drop_guest();
}

static void test_commands_are_answered_with_one_object_each(void)
{
	json_t *said;

	given_guest(false);
	command("check\nsta");
	expect_event("checked", &said);
	CU_ASSERT_EQUAL(number(said, "bad"), 0);
	CU_ASSERT_EQUAL(number(said, "pages"), 32 * MIB / PW_PAGE_BYTES);
	CU_ASSERT_EQUAL(number(said, "last_source_step"), 0);
	CU_ASSERT_TRUE(json_is_true(json_object_get(said, "continued")));
	json_decref(said);
	command("tus\n");
	expect_event("status", &said);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(said, "state")), "running");
	json_decref(said);
	command("this is no command and it is far longer than any of the commands is\n");
	expect_event("error", NULL);	/* the line is longer than the buffer: two of them */
	expect_event("error", NULL);
	drop_guest();
}

static void test_waiting_guest_has_nothing_to_check(void)
{
	given_guest(true);
	CU_ASSERT_EQUAL(f.registered.reg.role, PW_AGENT_INCOMING);
	command("check\n");
	expect_event("error", NULL);
	drop_guest();
}

static void test_closed_input_is_quit(void)
{
	given_guest(false);
	close(f.command_fd);
	pthread_join(f.thread, NULL);
	CU_ASSERT_EQUAL(f.result, 0);
	forget_guest();
}

static void test_requests_that_make_no_sense_are_refused_and_change_nothing(void)
{
	struct pw_agent_msg m = { .type = PW_NUM_AGENT_TYPES };

	given_guest(false);
	CU_ASSERT_EQUAL(ask(&m), -EOPNOTSUPP);
	CU_ASSERT_EQUAL(ask_plain(0), -EOPNOTSUPP);
	CU_ASSERT_EQUAL(ask_plain(PW_AGENT_REGISTER), -EOPNOTSUPP);
	CU_ASSERT_EQUAL(ask_permit(PW_AGENT_PREPARE, &permit), -EINVAL);
	CU_ASSERT_EQUAL(ask_permit(PW_AGENT_RUN, &permit), -EPERM);
	CU_ASSERT_EQUAL(ask_permit(PW_AGENT_DISCARD, &permit), -EINVAL);
	m = (struct pw_agent_msg){ .type = PW_AGENT_DEVICE_INFO, .info = { .device = 2 } };
	CU_ASSERT_EQUAL(ask(&m), -EINVAL);
	m = (struct pw_agent_msg){ .type = PW_AGENT_DEVICE_LOADED, .device = UINT32_MAX };
	CU_ASSERT_EQUAL(ask(&m), -EINVAL);
	m = (struct pw_agent_msg){ .type = PW_AGENT_QUERY };
	CU_ASSERT_EQUAL(ask(&m), 0);
	CU_ASSERT_EQUAL(m.query.running, 1);
	drop_guest();
}

static void test_loaded_is_answered_when_the_stream_has_ended(void)
{
	struct pw_agent_msg m = { .type = PW_AGENT_DEVICE_LOADED, .device = 1 };
	struct pollfd early;
	int fd, none;

	given_guest(true);
	CU_ASSERT_EQUAL(ask_permit(PW_AGENT_PREPARE, &permit), 0);
	fd = ask_state(1, PW_DEVICE_RESUMING);
	CU_ASSERT_TRUE_FATAL(fd >= 0);
	tell(&m);
	command("status\n");	/* is served in the meantime */
	expect_event("status", NULL);
	early = (struct pollfd){ .fd = f.fd, .events = POLLIN };
	CU_ASSERT_EQUAL(poll(&early, 1, 0), 0);
	close(fd);	/* nothing came: cut off */
	CU_ASSERT_EQUAL(answered(&m, &none), -ENODATA);
	CU_ASSERT_EQUAL(ask_permit(PW_AGENT_RUN, &permit), -EBUSY);
	drop_guest();
}

static void test_guest_goes_on_and_comes_back_when_pagewired_leaves(void)
{
	uint64_t before;
	int fd;

	given_guest(false);
	before = steps();
	fd = ask_state(0, PW_DEVICE_PRE_COPY);
	CU_ASSERT_EQUAL(ask(&(struct pw_agent_msg){ .type = PW_AGENT_ARM,
						    .arm = { .how = PW_TRACK_UFFD_WP } }), 0);
	close(f.fd);
	close_fds();
	accept_guest(0);	/* within a second */
	CU_ASSERT_EQUAL(f.registered.reg.role, PW_AGENT_RUNNING);
	CU_ASSERT_TRUE(steps() > before);
	close(fd);
	fd = ask_state(0, PW_DEVICE_PRE_COPY);	/* the one before was given up */
	CU_ASSERT_TRUE(fd >= 0);
	close(fd);
	drop_guest();
}

static void test_paused_guest_stays_paused_when_pagewired_leaves(void)
{
	uint64_t before;
	struct pw_agent_msg m = { .type = PW_AGENT_QUERY };

	given_guest(false);
	CU_ASSERT_EQUAL(ask_plain(PW_AGENT_PAUSE), 0);
	before = steps();
	close(f.fd);
	close_fds();
	accept_guest(0);
	CU_ASSERT_EQUAL(ask(&m), 0);
	CU_ASSERT_EQUAL(m.query.running, 0);
	CU_ASSERT_EQUAL(m.query.steps, before);
	CU_ASSERT_EQUAL(ask_plain(PW_AGENT_RELEASE), 0);
	CU_ASSERT_EQUAL(ask_plain(PW_AGENT_RESUME), -EINVAL);
	drop_guest();
}

static void test_packet_of_another_size_ends_the_connection_not_the_guest(void)
{
	given_guest(false);
	CU_ASSERT_EQUAL(send(f.fd, "x", 1, MSG_NOSIGNAL), 1);
	CU_ASSERT_EQUAL(recv(f.fd, &f.seq, 1, 0), 0);
	close(f.fd);
	close_fds();
	accept_guest(0);
	CU_ASSERT_TRUE(steps() > 0);
	drop_guest();
}

static const struct pw_test tests[] = {
	PW_TEST(test_guest_registers_its_memory_and_devices),
	PW_TEST(test_guest_that_is_refused_says_why),
	PW_TEST(test_guest_without_pagewired_says_what_to_do),
	PW_TEST(test_armed_guest_reports_the_pages_that_it_writes),
	PW_TEST(test_soft_dirty_is_armed_only_where_it_works),
	PW_TEST(test_user_without_privileges_can_arm),
	PW_TEST(test_pause_and_resume_are_answered_with_the_times_of_steps),
	PW_TEST(test_commands_are_answered_with_one_object_each),
	PW_TEST(test_waiting_guest_has_nothing_to_check),
	PW_TEST(test_closed_input_is_quit),
	PW_TEST(test_requests_that_make_no_sense_are_refused_and_change_nothing),
	PW_TEST(test_loaded_is_answered_when_the_stream_has_ended),
	PW_TEST(test_guest_goes_on_and_comes_back_when_pagewired_leaves),
	PW_TEST(test_paused_guest_stays_paused_when_pagewired_leaves),
	PW_TEST(test_packet_of_another_size_ends_the_connection_not_the_guest),
};

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	return PW_RUN_SUITE("guest_agent", tests);
}
