/* SPDX-License-Identifier: BSD-3-Clause */
/* test_dataplane_rest.c - what pagewire-dp costs while its transfers rest */

#include <dirent.h>
#include <sched.h>
#include <sys/stat.h>

#include "dataplane_bed.h"
#include "run.h"

#define MIB	 1048576ull
#define PINGS	 10u	/* one every 100 ms */
#define PATIENCE 10.0	/* seconds */

static struct side source, target;

static void given_transfer(void)
{
	side_spawn_memif(&target, PW_TARGET, NULL);
	side_spawn_memif(&source, PW_SOURCE, NULL);
	CU_ASSERT_EQUAL(side_add(&target, 16 * MIB), 0);
	CU_ASSERT_EQUAL(side_add(&source, 16 * MIB), 0);
	CU_ASSERT_EQUAL(side_start(&target, &source), 0);
	CU_ASSERT_EQUAL(side_start(&source, &target), 0);
}

/* Sleeps of all threads of a process so far. */
static uint64_t sleeps_of(pid_t pid)
{
	char path[64], line[128];
	struct dirent *thread;
	uint64_t n = 0;
	DIR *folder;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	folder = opendir(path);
	while (folder && (thread = readdir(folder))) {
		char status[sizeof(path) + sizeof(thread->d_name) + 8];
		unsigned long long sleeps;
		FILE *file;

		snprintf(status, sizeof(status), "%s/%s/status", path, thread->d_name);
		file = fopen(status, "r");
		while (file && fgets(line, sizeof(line), file))
			if (sscanf(line, "voluntary_ctxt_switches: %llu", &sleeps) == 1)
				n += sleeps;
		if (file)
			fclose(file);
	}
	if (folder)
		closedir(folder);
	return n;
}

/* Until so many more pings came. */
static void let_pings_come(uint64_t more)
{
	const uint64_t *came = &side_stats(&target, 0)->rx_datagrams;
	uint64_t wanted = pw_stat_get(came) + more;
	double begun = bed_now_s();

	while (pw_stat_get(came) < wanted && bed_now_s() - begun < PATIENCE)
		sched_yield();
	CU_ASSERT_TRUE(pw_stat_get(came) >= wanted);
}

/* Naps of 1 ms, and a look around for each ping: some 110 sleeps from ping to
 * ping. Were each the end of the silence it would be 500. */
static void test_workers_rest_while_a_transfer_does(void)
{
	uint64_t before, sleeps;

	given_transfer();
	let_pings_come(PINGS);
	before = sleeps_of(target.pid);
	let_pings_come(PINGS);
	sleeps = (sleeps_of(target.pid) - before) / (PINGS * BED_PATHS);
	if (sleeps >= 250)
		printf("[%llu sleeps from ping to ping] ", (unsigned long long)sleeps);
	CU_ASSERT_TRUE(sleeps < 250);
	CU_ASSERT_EQUAL(side_end(&source), 0);
	CU_ASSERT_EQUAL(side_end(&target), 0);
}

static const struct pw_test tests[] = {
	PW_TEST(test_workers_rest_while_a_transfer_does),
};

int main(void)
{
	int status;

	bed_open();
	status = PW_RUN_SUITE("dataplane_rest", tests);
	bed_close();
	return status;
}
