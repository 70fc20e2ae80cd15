/* SPDX-License-Identifier: BSD-3-Clause */
/* test_port_pci.c - what sysfs says of a NIC, in a folder that looks like sysfs */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "port_pci.h"
#include "run.h"

#define NIC "0000:3b:00.0"

static char sysfs[] = "/tmp/pagewire-test-XXXXXX";
static char why[PW_WHY_BYTES];

static void run(const char *format, const char *text)
{
	char command[512];

	snprintf(command, sizeof(command), format, sysfs, text);
	CU_ASSERT_EQUAL(system(command), 0);
}

/* A device with this driver ("": none) in IOMMU group 7. */
static void with_nic(const char *driver)
{
	why[0] = '\0';
	run("rm -rf %s/*", "");
	run("mkdir -p %s/bus/pci/devices/" NIC, "");
	run("cd %s && mkdir -p kernel/iommu_groups/7 && "
	    "ln -s ../../../../kernel/iommu_groups/7 bus/pci/devices/" NIC "/iommu_group", "");
	if (driver[0])
		run("ln -s ../../drivers/%2$s %1$s/bus/pci/devices/" NIC "/driver", driver);
}

static void test_a_nic_with_vfio_pci_behind_an_iommu_is_fine(void)
{
	with_nic("vfio-pci");
	CU_ASSERT_EQUAL(pw_pci_check(sysfs, NIC, why), 0);
	CU_ASSERT_FALSE(pw_pci_is_shared(sysfs, NIC));
	CU_ASSERT_STRING_EQUAL(why, "");
}

static void test_mlx5_keeps_its_own_driver(void)
{
	with_nic("mlx5_core");
	CU_ASSERT_EQUAL(pw_pci_check(sysfs, NIC, why), 0);
	CU_ASSERT_TRUE(pw_pci_is_shared(sysfs, NIC));
}

static void test_other_drivers_are_named_with_the_command_that_helps(void)
{
	static const char *const drivers[] = { "ice", "uio_pci_generic", "igb_uio", "" };

	for (unsigned i = 0; i < 4; i++) {
		with_nic(drivers[i]);
		CU_ASSERT_EQUAL(pw_pci_check(sysfs, NIC, why), -EBUSY);
		CU_ASSERT_PTR_NOT_NULL(strstr(why, drivers[i][0] ? drivers[i] : "no driver"));
		CU_ASSERT_PTR_NOT_NULL(strstr(why, "dpdk-devbind.py -b vfio-pci " NIC));
		CU_ASSERT_PTR_NOT_NULL(strstr(why, "driverctl set-override " NIC));
	}
}

static void test_a_nic_that_is_not_there_is_said_to_be_missing(void)
{
	with_nic("vfio-pci");
	CU_ASSERT_EQUAL(pw_pci_check(sysfs, "0000:3b:00.1", why), -ENODEV);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "lspci"));
}

static void test_without_an_iommu_a_nic_is_refused(void)
{
	with_nic("vfio-pci");
	run("rm %s/bus/pci/devices/" NIC "/iommu_group", "");
	CU_ASSERT_EQUAL(pw_pci_check(sysfs, NIC, why), -ENOTSUP);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "intel_iommu=on"));
	with_nic("vfio-pci");
	run("echo vfio-noiommu >%s/kernel/iommu_groups/7/name", "");
	CU_ASSERT_EQUAL(pw_pci_check(sysfs, NIC, why), -ENOTSUP);
}

static void test_the_narrowest_iommu_counts(void)
{
	with_nic("vfio-pci");
	CU_ASSERT_EQUAL(pw_pci_iommu_bits(sysfs), 0);
	run("mkdir -p %s/class/iommu/dmar0/intel-iommu", "");
	run("mkdir -p %s/class/iommu/dmar1/intel-iommu", "");
	run("mkdir -p %s/class/iommu/ivhd0/amd-iommu", "");
	CU_ASSERT_EQUAL(pw_pci_iommu_bits(sysfs), 0);
	run("echo d2008c222f0606 >%s/class/iommu/dmar0/intel-iommu/cap", "");
	CU_ASSERT_EQUAL(pw_pci_iommu_bits(sysfs), 48);
	run("echo d2008c22260606 >%s/class/iommu/dmar1/intel-iommu/cap", "");
	CU_ASSERT_EQUAL(pw_pci_iommu_bits(sysfs), 39);
}

static void test_a_slot_carries_what_its_speed_and_width_allow(void)
{
	static const struct {
		const char *speed, *width;
		uint32_t least, most;	/* Gbit/s */
	} cases[] = {
		{ "8.0 GT/s PCIe", "8", 54, 56 },	/* of a 100 Gbit/s link, measured by others */
		{ "8.0 GT/s PCIe", "16", 100, 126 },
		{ "16.0 GT/s PCIe", "16", 200, 252 },
		{ "5.0 GT/s PCIe", "8", 25, 32 },
		{ "2.5 GT/s PCIe", "1", 1, 2 },
		{ "Unknown", "0", 0, 0 },
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t mbps;

		with_nic("vfio-pci");
		run("echo '%2$s' >%1$s/bus/pci/devices/" NIC "/current_link_speed", cases[i].speed);
		run("echo '%2$s' >%1$s/bus/pci/devices/" NIC "/current_link_width", cases[i].width);
		mbps = pw_pcie_mbps(pw_pci_link(sysfs, NIC));
		CU_ASSERT_TRUE(mbps >= cases[i].least * 1000 && mbps <= cases[i].most * 1000);
	}
	with_nic("vfio-pci");
	CU_ASSERT_EQUAL(pw_pcie_mbps(pw_pci_link(sysfs, NIC)), 0);
}

static void test_nothing_is_left(void)
{
	run("rm -r %s", "");
	CU_ASSERT_EQUAL(access(sysfs, F_OK), -1);
}

static const struct pw_test tests[] = {
	PW_TEST(test_a_nic_with_vfio_pci_behind_an_iommu_is_fine),
	PW_TEST(test_mlx5_keeps_its_own_driver),
	PW_TEST(test_other_drivers_are_named_with_the_command_that_helps),
	PW_TEST(test_a_nic_that_is_not_there_is_said_to_be_missing),
	PW_TEST(test_without_an_iommu_a_nic_is_refused),
	PW_TEST(test_the_narrowest_iommu_counts),
	PW_TEST(test_a_slot_carries_what_its_speed_and_width_allow),
	PW_TEST(test_nothing_is_left),
};

int main(void)
{
	if (!mkdtemp(sysfs))
		return 1;
	return PW_RUN_SUITE("port_pci", tests);
}
