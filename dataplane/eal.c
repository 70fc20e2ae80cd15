/* SPDX-License-Identifier: BSD-3-Clause */
/* eal.c - see eal.h */

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>

#include "eal.h"
#include "pagewire/limits.h"
#include "port_pci.h"

#define CPUS_BYTES   (6u * CPU_SETSIZE)	/* "1023,": every cpu there can be */
#define LCORES_BYTES 65536u

static char last_error[PW_WHY_BYTES];

/* Keeps the last error; everything else is for those who debug DPDK. */
static ssize_t take_log(void *cookie, const char *text, size_t bytes)
{
	size_t n = bytes < sizeof(last_error) - 1 ? bytes : sizeof(last_error) - 1;

	(void)cookie;
	if (rte_log_cur_msg_loglevel() > (int)RTE_LOG_ERR)
		return (ssize_t)bytes;
	memcpy(last_error, text, n);
	last_error[n] = '\0';
	last_error[strcspn(last_error, "\n")] = '\0';
	return (ssize_t)bytes;
}

static int capture_logs(void)
{
	FILE *stream = fopencookie(NULL, "w", (cookie_io_functions_t){ .write = take_log });

	if (!stream)
		return -ENOMEM;
	setvbuf(stream, NULL, _IOLBF, 0);	/* a line, while its level is still known */
	return rte_openlog_stream(stream);
}

const char *pw_eal_error(void)
{
	return last_error;
}

/* "0,1,5" */
static void format_cpus(char text[CPUS_BYTES], const cpu_set_t *cpus)
{
	size_t n = 0;

	text[0] = '\0';
	for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, cpus))
			n += (size_t)snprintf(text + n, CPUS_BYTES - n, n ? ",%u" : "%u", cpu);
}

/* The nth cpu of a set that has more than n. */
static unsigned nth_cpu(const cpu_set_t *cpus, unsigned n)
{
	unsigned cpu = 0;

	while (!CPU_ISSET(cpu, cpus) || n--)
		cpu++;
	return cpu;
}

/* A list with a cpu for every worker pins them; otherwise all share all and the
 * scheduler, which sees the guest and the other processes too, places them. */
static void format_lcores(char text[LCORES_BYTES], const struct pw_args *args)
{
	bool pinned = args->cpus_listed && (unsigned)CPU_COUNT(&args->cpus) >= args->paths;
	char cpus[CPUS_BYTES];
	size_t n;

	format_cpus(cpus, &args->cpus);
	n = (size_t)snprintf(text, LCORES_BYTES, "--lcores=0@(%s)", cpus);
	for (unsigned i = 0; i < args->paths && n < LCORES_BYTES; i++) {
		if (pinned)
			snprintf(cpus, sizeof(cpus), "%u", nth_cpu(&args->cpus, i));
		n += (size_t)snprintf(text + n, LCORES_BYTES - n, ",%u@(%s)", i + 1, cpus);
	}
}

/* EAL writes its worst errors to stderr besides logging them. */
static int quietly_init(int argc, char **argv)
{
	int keep = dup(STDERR_FILENO), null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	int status;

	if (keep >= 0 && null >= 0)
		dup2(null, STDERR_FILENO);
	status = rte_eal_init(argc, argv);
	if (keep >= 0)
		dup2(keep, STDERR_FILENO);
	close(keep);
	close(null);
	return status;
}

/* MiB in huge pages that nobody uses. */
static unsigned long huge_mib_free(void)
{
	unsigned long mib = 0;
	glob_t found;

	if (glob("/sys/kernel/mm/hugepages/hugepages-*kB", 0, NULL, &found))
		return 0;
	for (size_t i = 0; i < found.gl_pathc; i++) {
		unsigned long kib = 0, pages = 0;
		char path[128];
		FILE *file;

		(void)sscanf(strrchr(found.gl_pathv[i], '-'), "-%lukB", &kib);
		snprintf(path, sizeof(path), "%s/free_hugepages", found.gl_pathv[i]);
		file = fopen(path, "re");
		if (!file)
			continue;
		if (fscanf(file, "%lu", &pages) == 1)
			mib += pages * (kib >> 10);
		fclose(file);
	}
	globfree(&found);
	return mib;
}

/* Asked for, and there: a host without them works too, a little slower. */
static bool takes_huge_pages(const struct pw_args *args)
{
	return args->hugepages && huge_mib_free() >= args->memory_mib;
}

int pw_eal_init(const struct pw_args *args, char why[PW_WHY_BYTES])
{
	static char lcores[LCORES_BYTES];
	char memory[16], prefix[64] = "", device[32] = "--no-pci";
	char *argv[] = { "pagewire-dp", "--iova-mode=va", "--no-telemetry", "-m", memory, lcores,
			 prefix, device, "--no-huge", "--no-shconf", NULL };
	int argc = (int)(sizeof(argv) / sizeof(argv[0])) - 1;
	int status = args->pci ? pw_pci_check(PW_PCI_SYSFS, args->pci, why) : 0;

	if (status)
		return status;
	if (takes_huge_pages(args)) {	/* without a file for each of them */
		argv[argc - 2] = "--in-memory";
		argv[--argc] = NULL;
	}
	if (args->pci)
		snprintf(device, sizeof(device), "--allow=%s", args->pci);
	snprintf(memory, sizeof(memory), "%u", args->memory_mib);
	if (args->file_prefix)
		snprintf(prefix, sizeof(prefix), "--file-prefix=%s", args->file_prefix);
	else
		snprintf(prefix, sizeof(prefix), "--file-prefix=pagewire-%d", (int)getpid());
	format_lcores(lcores, args);
	if (capture_logs() < 0)
		return pw_why(why, -ENOMEM, "no memory to start with");
	if (quietly_init(argc, argv) < 0)
		return pw_why(why, rte_errno ? -rte_errno : -EINVAL,
			      "DPDK does not start with %u MiB: %s", args->memory_mib,
			      last_error[0] ? last_error : rte_strerror(rte_errno));
	return 0;
}

void pw_eal_fini(bool devices_too)
{
	char runtime[256];

	snprintf(runtime, sizeof(runtime), "%s", rte_eal_get_runtime_dir());
	if (devices_too)
		rte_eal_cleanup();
	rmdir(runtime);	/* named after us: nobody else's */
}
