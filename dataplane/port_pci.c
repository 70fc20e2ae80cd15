/* SPDX-License-Identifier: BSD-3-Clause */
/* port_pci.c - see port_pci.h */

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "port_pci.h"

/* One line of a file below sysfs; false: there is none. */
static bool read_line(const char *path, char *line, int bytes)
{
	FILE *file = fopen(path, "re");
	bool good;

	if (!file)
		return false;
	good = fgets(line, bytes, file) != NULL;
	fclose(file);
	if (good)
		line[strcspn(line, "\n")] = '\0';
	return good;
}

/* The last part of what a link of a device points to; "": there is none. */
static void read_link(const char *sysfs, const char *address, const char *name, char to[NAME_MAX])
{
	char path[PATH_MAX], target[PATH_MAX];
	const char *slash;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/bus/pci/devices/%s/%s", sysfs, address, name);
	n = readlink(path, target, sizeof(target) - 1);
	target[n < 0 ? 0 : n] = '\0';
	slash = strrchr(target, '/');
	snprintf(to, NAME_MAX, "%.*s", NAME_MAX - 1, slash ? slash + 1 : target);
}

bool pw_pci_is_shared(const char *sysfs, const char *address)
{
	char driver[NAME_MAX];

	read_link(sysfs, address, "driver", driver);
	return strcmp(driver, "mlx5_core") == 0;
}

/* vfio gives out a device only as one of a group that an IOMMU keeps apart. */
static int check_group(const char *sysfs, const char *address, char why[PW_WHY_BYTES])
{
	char group[NAME_MAX], path[PATH_MAX], name[64] = "";

	read_link(sysfs, address, "iommu_group", group);
	snprintf(path, sizeof(path), "%s/kernel/iommu_groups/%s/name", sysfs, group);
	if (!group[0] || (read_line(path, name, sizeof(name)) &&
			  strcmp(name, "vfio-noiommu") == 0))
		return pw_why(why, -ENOTSUP, "%s is behind no IOMMU, which guest memory must not do "
			      "without: switch VT-d or AMD-Vi on, boot with intel_iommu=on", address);
	return 0;
}

int pw_pci_check(const char *sysfs, const char *address, char why[PW_WHY_BYTES])
{
	char path[PATH_MAX], driver[NAME_MAX];

	snprintf(path, sizeof(path), "%s/bus/pci/devices/%s", sysfs, address);
	if (access(path, F_OK))
		return pw_why(why, -ENODEV, "there is no PCI device %s: lspci -D lists those there are",
			      address);
	if (pw_pci_is_shared(sysfs, address))
		return 0;
	read_link(sysfs, address, "driver", driver);
	if (strcmp(driver, "vfio-pci") != 0)
		return pw_why(why, -EBUSY, "%s has %s%.40s: dpdk-devbind.py -b vfio-pci %s, or driverctl "
			      "set-override %s vfio-pci", address, driver[0] ? "the driver " : "no driver",
			      driver, address, address);
	return check_group(sysfs, address, why);
}

/* Of VT-d: the capability register says its maximum guest address width. AMD's
 * translate 64 bits and are not asked. */
unsigned pw_pci_iommu_bits(const char *sysfs)
{
	char path[PATH_MAX], line[32];
	const struct dirent *entry;
	unsigned least = 0;
	DIR *folder;

	snprintf(path, sizeof(path), "%s/class/iommu", sysfs);
	folder = opendir(path);
	if (!folder)
		return 0;
	while ((entry = readdir(folder)) != NULL) {
		unsigned long long cap;
		unsigned bits;

		snprintf(path, sizeof(path), "%s/class/iommu/%s/intel-iommu/cap", sysfs,
			 entry->d_name);
		if (entry->d_name[0] == '.' || !read_line(path, line, sizeof(line)))
			continue;
		cap = strtoull(line, NULL, 16);
		bits = ((unsigned)(cap >> 16) & 0x3f) + 1;
		if (cap && (!least || bits < least))
			least = bits;
	}
	closedir(folder);
	return least;
}

struct pw_pcie pw_pci_link(const char *sysfs, const char *address)
{
	struct pw_pcie pcie = { 0 };
	char path[PATH_MAX], line[64];
	unsigned whole, tenths = 0;

	snprintf(path, sizeof(path), "%s/bus/pci/devices/%s/current_link_speed", sysfs, address);
	/* "8.0 GT/s PCIe"; a device that is part of the chipset says "Unknown" */
	if (!read_line(path, line, sizeof(line)) || sscanf(line, "%u.%1u", &whole, &tenths) < 1)
		return pcie;
	pcie.gt_per_s_x10 = whole * 10 + tenths;
	snprintf(path, sizeof(path), "%s/bus/pci/devices/%s/current_link_width", sysfs, address);
	if (read_line(path, line, sizeof(line)))
		pcie.width = (unsigned)strtoul(line, NULL, 10);
	return pcie;
}

uint32_t pw_pcie_mbps(struct pw_pcie pcie)
{
	uint64_t mbps = (uint64_t)pcie.gt_per_s_x10 * 100 * pcie.width;

	mbps = pcie.gt_per_s_x10 > 50 ? mbps * 128 / 130 : mbps * 8 / 10;
	/* 28 bytes of TLP and link headers come with 256, and descriptors and
	 * completions with each packet: x8 at 8 GT/s is known to end at 55 Gbit/s. */
	return (uint32_t)(mbps * 87 / 100);
}
