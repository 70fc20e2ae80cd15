/* SPDX-License-Identifier: BSD-3-Clause */
/* test_vdev.c - "name,key=value,key=value": what is in it, and what is put in */

#include <string.h>

#include "run.h"
#include "vdev.h"

static bool has(const char *args, const char *key, const char *wanted)
{
	size_t n;
	const char *value = pw_vdev_value(args, key, &n);

	return value && n == strlen(wanted) && strncmp(value, wanted, n) == 0;
}

static void test_name_and_arguments_are_told_apart(void)
{
	CU_ASSERT_STRING_EQUAL(pw_vdev_args("net_x0,a=1,b=2"), "a=1,b=2");
	CU_ASSERT_STRING_EQUAL(pw_vdev_args("net_x0,"), "");
	CU_ASSERT_STRING_EQUAL(pw_vdev_args("net_x0"), "");
	CU_ASSERT_TRUE(pw_vdev_is("net_x0,a=1", "net_x"));
	CU_ASSERT_FALSE(pw_vdev_is("net_y0,a=net_x", "net_x"));
}

static void test_a_value_is_found_by_its_whole_key(void)
{
	size_t n;

	CU_ASSERT_TRUE(has("iface=eth0,mode=a", "iface", "eth0"));
	CU_ASSERT_TRUE(has("iface=eth0,mode=a", "mode", "a"));
	CU_ASSERT_TRUE(has("xmode=b,mode=a", "mode", "a"));
	CU_ASSERT_TRUE(has("modes=b,mode=", "mode", ""));
	CU_ASSERT_PTR_NULL(pw_vdev_value("iface=eth0", "mode", &n));
	CU_ASSERT_PTR_NULL(pw_vdev_value("iface=mode", "mode", &n));
	CU_ASSERT_PTR_NULL(pw_vdev_value("", "mode", &n));
}

static void test_a_default_gives_way_to_what_is_there(void)
{
	char args[PW_VDEV_BYTES] = "";

	CU_ASSERT_TRUE(pw_vdev_default(args, "iface", "eth0"));
	CU_ASSERT_TRUE(pw_vdev_default_number(args, "queue", 3));
	CU_ASSERT_TRUE(pw_vdev_default(args, "iface", "eth1"));
	CU_ASSERT_TRUE(pw_vdev_default_number(args, "queue", 4));
	CU_ASSERT_STRING_EQUAL(args, "iface=eth0,queue=3");
}

static void test_what_does_not_fit_is_said(void)
{
	char args[PW_VDEV_BYTES];

	memset(args, 'x', sizeof(args));
	args[sizeof(args) - 6] = '\0';
	CU_ASSERT_FALSE(pw_vdev_default_number(args, "a", 123));	/* ",a=123" and its end */
	args[sizeof(args) - 7] = '\0';
	CU_ASSERT_TRUE(pw_vdev_default_number(args, "a", 123));
	CU_ASSERT_EQUAL(strlen(args), sizeof(args) - 1);
}

static const struct pw_test tests[] = {
	PW_TEST(test_name_and_arguments_are_told_apart),
	PW_TEST(test_a_value_is_found_by_its_whole_key),
	PW_TEST(test_a_default_gives_way_to_what_is_there),
	PW_TEST(test_what_does_not_fit_is_said),
};

int main(void)
{
	return PW_RUN_SUITE("vdev", tests);
}
