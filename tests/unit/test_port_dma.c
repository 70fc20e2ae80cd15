/* SPDX-License-Identifier: BSD-3-Clause */
/* test_port_dma.c - what is mapped for a NIC, in which order, and what it may read; DPDK is a fake */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ALLOW_EXPERIMENTAL_API
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_memory.h>

#include "port.h"
#include "port_dma.h"
#include "run.h"

#define PIECE (2ull << 20)

/* ---- a DPDK that writes down what is asked of it ---- */

RTE_DEFINE_PER_LCORE(int, _rte_errno);

static char calls[128];	/* R register, M map, m unmap, r unregister */
static int fail_register, fail_map;
static uint64_t asked_address, asked_iova, asked_bytes, registered_bytes;

static void note(const char *call)
{
	strncat(calls, call, sizeof(calls) - strlen(calls) - 1);
}

int rte_extmem_register(void *va_addr, size_t len, rte_iova_t iova_addrs[], unsigned int n_pages,
			size_t page_sz)
{
	(void)iova_addrs;
	(void)n_pages;
	CU_ASSERT_EQUAL((uintptr_t)va_addr % page_sz, 0);
	CU_ASSERT_EQUAL(len % page_sz, 0);
	note("R");
	registered_bytes = len;
	rte_errno = fail_register;
	return fail_register ? -1 : 0;
}

int rte_extmem_unregister(void *va_addr, size_t len)
{
	CU_ASSERT_EQUAL((uintptr_t)va_addr % PIECE, 0);
	CU_ASSERT_EQUAL(len % PIECE, 0);
	note("r");
	return 0;
}

int rte_dev_dma_map(struct rte_device *dev, void *addr, uint64_t iova, size_t len)
{
	CU_ASSERT_PTR_NOT_NULL(dev);
	note("M");
	asked_address = (uintptr_t)addr;
	asked_iova = iova;
	asked_bytes = len;
	rte_errno = fail_map;
	return fail_map ? -1 : 0;
}

int rte_dev_dma_unmap(struct rte_device *dev, void *addr, uint64_t iova, size_t len)
{
	CU_ASSERT_PTR_NOT_NULL(dev);
	CU_ASSERT_EQUAL((uintptr_t)addr, iova);
	CU_ASSERT_NOT_EQUAL(len, 0);
	note("m");
	return 0;
}

/* ---- the tests ---- */

static uint8_t *const base = (uint8_t *)(uintptr_t)0x7f0000000000;	/* nobody looks there */
static struct pw_port port;
static struct pw_dma dma;
static char why[PW_WHY_BYTES];

static void begin(bool nic)
{
	calls[0] = why[0] = '\0';
	fail_register = fail_map = 0;
	memset(&port, 0, sizeof(port));
	port.dma_device = nic ? (struct rte_device *)(void *)&port : NULL;
	pw_dma_init(&dma, &port);
}

static struct pw_dma_range range(uint64_t bytes)
{
	return (struct pw_dma_range){ .base = base, .bytes = bytes, .page_bytes = 4096 };
}

static int add(uint32_t region, uint64_t bytes)
{
	const struct pw_dma_range r = range(bytes);

	return pw_dma_add_region(&dma, region, &r, why);
}

static void test_a_region_is_registered_then_mapped_and_unmapped_then_unregistered(void)
{
	begin(true);
	CU_ASSERT_EQUAL(add(3, 64 * PIECE), 0);
	CU_ASSERT_STRING_EQUAL(calls, "RM");
	pw_dma_drop_region(&dma, 3);
	CU_ASSERT_STRING_EQUAL(calls, "RMmr");
	pw_dma_drop_region(&dma, 3);	/* again: there is none */
	CU_ASSERT_STRING_EQUAL(calls, "RMmr");
}

static void test_a_region_is_mapped_at_its_own_address_and_not_beyond_its_end(void)
{
	begin(true);
	CU_ASSERT_EQUAL(add(0, PIECE + 4096), 0);
	CU_ASSERT_EQUAL(asked_address, (uintptr_t)base);
	CU_ASSERT_EQUAL(asked_iova, (uintptr_t)base);
	CU_ASSERT_EQUAL(asked_bytes, PIECE + 4096);
	CU_ASSERT_EQUAL(registered_bytes, 2 * PIECE);
}

static void test_one_region_is_one_registration_whatever_its_size(void)
{
	begin(true);
	CU_ASSERT_EQUAL(add(0, 1ull << 40), 0);
	CU_ASSERT_STRING_EQUAL(calls, "RM");
}

static void test_what_cannot_be_mapped_is_unregistered_and_may_not_be_read(void)
{
	struct pw_frame frame = { .payload = base, .payload_bytes = 4096, .region = 1 };

	begin(true);
	fail_map = EINVAL;
	CU_ASSERT_TRUE(add(1, PIECE) < 0);
	CU_ASSERT_STRING_EQUAL(calls, "RMr");
	CU_ASSERT_FALSE(pw_dma_may_read(&dma, &frame));
	pw_dma_drop_region(&dma, 1);
	CU_ASSERT_STRING_EQUAL(calls, "RMr");
}

static void test_what_cannot_be_registered_is_not_mapped(void)
{
	begin(true);
	fail_register = ENOSPC;
	CU_ASSERT_EQUAL(add(1, PIECE), -ENOSPC);
	CU_ASSERT_STRING_EQUAL(calls, "R");
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "fewer regions"));
}

static void test_memory_that_is_not_aligned_is_refused(void)
{
	const struct pw_dma_range odd = { .base = base + 4096, .bytes = PIECE, .page_bytes = 4096 };

	begin(true);
	CU_ASSERT_EQUAL(pw_dma_add_region(&dma, 0, &odd, why), -EINVAL);
	CU_ASSERT_STRING_EQUAL(calls, "");
}

/* A sysfs with one IOMMU, whose capability register is given. */
static void with_iommu(char folder[64], const char *cap)
{
	char path[160];
	FILE *file;

	strcpy(folder, "/tmp/pagewire-test-XXXXXX");
	if (!mkdtemp(folder))
		abort();
	snprintf(path, sizeof(path), "mkdir -p %s/class/iommu/dmar0/intel-iommu", folder);
	CU_ASSERT_EQUAL(system(path), 0);
	snprintf(path, sizeof(path), "%s/class/iommu/dmar0/intel-iommu/cap", folder);
	file = fopen(path, "w");
	if (!file)
		abort();
	fprintf(file, "%s\n", cap);
	fclose(file);
	dma.sysfs = folder;
}

static void remove_folder(const char *folder)
{
	char command[96];

	snprintf(command, sizeof(command), "rm -r %s", folder);
	CU_ASSERT_EQUAL(system(command), 0);
}

static void test_errors_say_what_was_found_and_what_helps(void)
{
	static const struct {
		int number, error, status;
		const char *cap, *said;
	} cases[] = {
		{ 0, ENOTSUP, -ENOTSUP, "d2008c222f0606", "bind the NIC to vfio-pci" },
		{ 1, ENOMEM, -ENOMEM, "d2008c222f0606", "LimitMEMLOCK" },
		{ 2, ENOENT, -ERANGE, "d2008c22260606", "addresses of 39 bits" },
		{ 3, EINVAL, -ERANGE, "d2008c22260606", "0x7f0000000000" },
		{ 4, EINVAL, -EINVAL, "d2008c222f0606", "Invalid argument" },
		{ 5, EFAULT, -EFAULT, "", "Bad address" },
	};
	char folder[64];

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin(true);
		with_iommu(folder, cases[i].cap);
		fail_map = cases[i].error;
		CU_ASSERT_EQUAL(add(0, PIECE), cases[i].status);
		CU_ASSERT_PTR_NOT_NULL(strstr(why, cases[i].said));
		if (!strstr(why, cases[i].said))
			printf("case %d said: %s\n", cases[i].number, why);
		remove_folder(folder);
	}
}

static void test_a_nic_may_read_what_is_inside_a_mapped_region_and_nothing_else(void)
{
	static const struct {
		int number;
		int64_t offset;
		uint16_t bytes, region;
		bool may;
	} cases[] = {
		{ 0, 0, 4096, 2, true },
		{ 1, PIECE - 8192, 8192, 2, true },
		{ 2, PIECE - 8192, 8193, 2, false },
		{ 3, PIECE, 1, 2, false },
		{ 4, -1, 1, 2, false },
		{ 5, -4096, 8192, 2, false },
		{ 6, 0, 4096, 1, false },	/* a region that is not mapped */
		{ 7, 0, 4096, PW_REGIONS_MAX, false },
		{ 8, 0, 4096, PW_FRAME_NO_REGION, false },
		{ 9, PIECE, 0, 2, true },
	};

	begin(true);
	CU_ASSERT_EQUAL(add(2, PIECE), 0);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pw_frame frame = { .payload = base + cases[i].offset,
					  .payload_bytes = cases[i].bytes,
					  .region = cases[i].region };

		CU_ASSERT_EQUAL(pw_dma_may_read(&dma, &frame), cases[i].may);
		if (pw_dma_may_read(&dma, &frame) != cases[i].may)
			printf("case %d\n", cases[i].number);
	}
	pw_dma_drop_region(&dma, 2);
	CU_ASSERT_FALSE(pw_dma_may_read(&dma, &(struct pw_frame){ .payload = base, .region = 2,
								  .payload_bytes = 1 }));
	CU_ASSERT_EQUAL(add(2, 4096), 0);	/* smaller than a payload */
	CU_ASSERT_FALSE(pw_dma_may_read(&dma, &(struct pw_frame){ .payload = base, .region = 2,
								  .payload_bytes = 8192 }));
}

static void test_rings_are_mapped_as_they_come_and_dropped_together(void)
{
	struct pw_frame frame = { .payload_bytes = 8192, .region = PW_FRAME_NO_REGION };

	begin(true);
	CU_ASSERT_EQUAL(pw_dma_add_ring(&dma, base), 0);
	CU_ASSERT_EQUAL(pw_dma_add_ring(&dma, base + 32 * PIECE), 0);
	CU_ASSERT_STRING_EQUAL(calls, "RMRM");
	frame.payload = base + 32 * PIECE + PW_STREAM_RING_BYTES - 8192;
	CU_ASSERT_TRUE(pw_dma_may_read(&dma, &frame));
	frame.payload++;
	CU_ASSERT_FALSE(pw_dma_may_read(&dma, &frame));
	frame.payload = base + PW_STREAM_RING_BYTES;
	CU_ASSERT_FALSE(pw_dma_may_read(&dma, &frame));
	pw_dma_drop_rings(&dma);
	CU_ASSERT_STRING_EQUAL(calls, "RMRMmrmr");
	frame.payload = base;
	CU_ASSERT_FALSE(pw_dma_may_read(&dma, &frame));
}

static void test_a_ring_for_which_there_is_no_room_may_not_be_read(void)
{
	struct pw_frame frame = { .payload = base, .payload_bytes = 8192,
				  .region = PW_FRAME_NO_REGION };

	begin(true);
	fail_map = ENOMEM;
	CU_ASSERT_EQUAL(pw_dma_add_ring(&dma, base), -ENOMEM);
	CU_ASSERT_FALSE(pw_dma_may_read(&dma, &frame));
	pw_dma_drop_rings(&dma);
	CU_ASSERT_STRING_EQUAL(calls, "RMr");
}

static void test_a_payload_is_cut_where_pages_meet(void)
{
	static const struct {
		uint64_t page_bytes, offset;
		uint16_t bytes, first;
	} cases[] = {
		{ 4096, 0, 8192, 4096 },
		{ 4096, 0, 4096, 4096 },
		{ 4096, 4096, 8192, 4096 },
		{ 4096, 1024, 4096, 3072 },
		{ 4096, 1024, 1024, 1024 },
		{ PIECE, 4096, 8192, 8192 },
		{ PIECE, PIECE - 4096, 8192, 4096 },
	};

	begin(true);
	CU_ASSERT_EQUAL(add(0, 4 * PIECE), 0);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pw_frame frame = { .payload = base + cases[i].offset,
					  .payload_bytes = cases[i].bytes };

		dma.region[0].page_bytes = cases[i].page_bytes;
		CU_ASSERT_EQUAL(pw_dma_contiguous(&dma, &frame), cases[i].first);
	}
}

static void test_a_software_lane_reads_everything_and_maps_nothing(void)
{
	struct pw_frame frame = { .payload = base, .payload_bytes = 8192, .region = 5 };

	begin(false);
	CU_ASSERT_EQUAL(add(5, PIECE), 0);
	CU_ASSERT_EQUAL(pw_dma_add_ring(&dma, base), 0);
	CU_ASSERT_TRUE(pw_dma_may_read(&dma, &frame));
	frame.region = PW_FRAME_NO_REGION;
	CU_ASSERT_TRUE(pw_dma_may_read(&dma, &frame));
	CU_ASSERT_EQUAL(pw_dma_contiguous(&dma, &frame), 8192);
	pw_dma_drop_rings(&dma);
	pw_dma_drop_region(&dma, 5);
	CU_ASSERT_STRING_EQUAL(calls, "");
}

static const struct pw_test tests[] = {
	PW_TEST(test_a_region_is_registered_then_mapped_and_unmapped_then_unregistered),
	PW_TEST(test_a_region_is_mapped_at_its_own_address_and_not_beyond_its_end),
	PW_TEST(test_one_region_is_one_registration_whatever_its_size),
	PW_TEST(test_what_cannot_be_mapped_is_unregistered_and_may_not_be_read),
	PW_TEST(test_what_cannot_be_registered_is_not_mapped),
	PW_TEST(test_memory_that_is_not_aligned_is_refused),
	PW_TEST(test_errors_say_what_was_found_and_what_helps),
	PW_TEST(test_a_nic_may_read_what_is_inside_a_mapped_region_and_nothing_else),
	PW_TEST(test_rings_are_mapped_as_they_come_and_dropped_together),
	PW_TEST(test_a_ring_for_which_there_is_no_room_may_not_be_read),
	PW_TEST(test_a_payload_is_cut_where_pages_meet),
	PW_TEST(test_a_software_lane_reads_everything_and_maps_nothing),
};

int main(void)
{
	return PW_RUN_SUITE("port_dma", tests);
}
