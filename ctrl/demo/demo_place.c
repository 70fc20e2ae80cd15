/* SPDX-License-Identifier: BSD-3-Clause */
/* demo_place.c - see demo_place.h */

#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../units.h"
#include "demo_place.h"
#include "pagewire/check.h"

/* Two control processes and two dataplanes, with their buffers. */
#define OVERHEAD_BYTES ((uint64_t)384 << 20)

int pw_demo_place_make_dir(char *dir, size_t bytes, struct pw_error *e)
{
	const char *const parents[] = { getenv("XDG_RUNTIME_DIR"), getenv("TMPDIR"), "/tmp" };
	int err = -ENAMETOOLONG;

	if (bytes > PW_DEMO_DIR_MAX)
		bytes = PW_DEMO_DIR_MAX;
	for (size_t i = 0; i < PW_ARRAY_SIZE(parents); i++) {
		if (!parents[i] || parents[i][0] != '/')
			continue;
		if (snprintf(dir, bytes, "%s/pagewire-demo.XXXXXX", parents[i]) >= (int)bytes)
			continue;
		if (mkdtemp(dir))	/* mode 0700 */
			return 0;
		err = -errno;
	}
	dir[0] = '\0';
	return pw_fail(e, err, "PW-9001",
		       "cannot make a temporary folder\nthe last one tried, in /tmp: %s\n"
		       "set TMPDIR to a folder that can be written, with a short path",
		       strerror(-err));
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	remove(path);
	return 0;	/* go on with the rest */
}

void pw_demo_place_remove_dir(const char *dir)
{
	nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* The CPUs that this process may use, in order; at most as many as both hosts want. */
static uint32_t allowed_cpus(uint32_t *cpu, uint32_t wanted)
{
	uint32_t count = 0;
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set))
		return 0;
	for (uint32_t i = 0; i < CPU_SETSIZE && count < wanted; i++)
		if (CPU_ISSET(i, &set))
			cpu[count++] = i;
	return count;
}

int pw_demo_place_cpus(uint32_t paths, struct pw_demo_cpus cpus[2], struct pw_error *e)
{
	uint32_t cpu[2 * PW_PATHS_MAX], count, each;

	PW_CHECK(paths >= 1 && paths <= PW_PATHS_MAX);
	count = allowed_cpus(cpu, 2 * paths);
	if (!count)
		return pw_fail(e, -ENODEV, "PW-9002", "cannot tell which CPUs may be used\n%s",
			       strerror(errno));
	each = count > 1 ? count / 2 : 1;
	for (uint32_t host = 0; host < 2; host++) {
		cpus[host].count = each;
		for (uint32_t i = 0; i < each; i++)
			cpus[host].cpu[i] = cpu[(host * each + i) % count];
	}
	return 0;
}

/* A number of bytes behind key in a file of "key number [kB]" lines. */
static uint64_t read_bytes(const char *path, const char *key, uint64_t unit)
{
	uint64_t bytes = UINT64_MAX, value;
	FILE *f = fopen(path, "re");
	char line[160];

	while (f && fgets(line, sizeof(line), f)) {
		if (!strncmp(line, key, strlen(key)) &&
		    sscanf(line + strlen(key), "%" SCNu64, &value) == 1) {
			bytes = value * unit;
			break;
		}
	}
	if (f)
		fclose(f);
	return bytes;
}

/* What this control group may use in all; UINT64_MAX for no limit. */
static uint64_t group_limit_bytes(void)
{
	char line[512], path[600];
	FILE *f = fopen("/proc/self/cgroup", "re");
	uint64_t limit = UINT64_MAX;

	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "0::", 3))
			continue;
		snprintf(path, sizeof(path), "/sys/fs/cgroup%s/memory.max", line + 3);
		limit = read_bytes(path, "", 1);
	}
	if (f)
		fclose(f);
	return limit;
}

uint64_t pw_demo_place_memory_bytes(void)
{
	uint64_t available = read_bytes("/proc/meminfo", "MemAvailable:", 1024);
	uint64_t limit = group_limit_bytes();

	return limit < available ? limit : available;
}

int pw_demo_place_check_memory(uint64_t memory_bytes, uint64_t device_bytes, uint64_t available,
			       struct pw_error *e)
{
	uint64_t need = 2 * memory_bytes + 2 * device_bytes + OVERHEAD_BYTES;

	if (need <= available)
		return 0;
	return pw_fail(e, -ENOMEM, "PW-9003",
		       "not enough memory for this demo\n"
		       "%s are available; both hosts hold the guest: 2 x (%s + %s) + %s = %s\n"
		       "ask for less: pagewire demo --memory 256M --device 128M",
		       pw_units_bytes(available).text, pw_units_bytes(memory_bytes).text,
		       pw_units_bytes(device_bytes).text, pw_units_bytes(OVERHEAD_BYTES).text,
		       pw_units_bytes(need).text);
}

int pw_demo_place_port(uint16_t *port, struct pw_error *e)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t bytes = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), err = 0;

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) ||
	    getsockname(fd, (struct sockaddr *)&address, &bytes))
		err = -errno;
	if (fd >= 0)
		close(fd);
	if (err)
		return pw_fail(e, err, "PW-9004", "cannot find a free TCP port of 127.0.0.1\n%s",
			       strerror(-err));
	*port = ntohs(address.sin_port);
	return 0;
}
