/* SPDX-License-Identifier: BSD-3-Clause */
/* test_units.c - sizes, rates and times as people write and read them */

#include <errno.h>
#include <string.h>

#include "run.h"
#include "units.h"

struct row {
	const char *text;
	int err;
	uint64_t value;
};

static void check_rows(const struct row *rows, size_t count,
		       int (*parse)(const char *text, uint64_t *value))
{
	for (size_t i = 0; i < count; i++) {
		uint64_t value = 77;
		int err = parse(rows[i].text, &value);

		if (err != rows[i].err || value != (err ? 77 : rows[i].value))
			printf("\n  \"%s\": %d, %llu ", rows[i].text, err, (unsigned long long)value);
		CU_ASSERT_EQUAL(err, rows[i].err);
		CU_ASSERT_EQUAL(value, err ? 77 : rows[i].value);
	}
}

static void test_sizes_count_in_1024(void)
{
	static const struct row rows[] = {
		{ "0", 0, 0 },
		{ "4096", 0, 4096 },
		{ "1K", 0, 1024 },
		{ "512M", 0, 512ull << 20 },
		{ "512MiB", 0, 512ull << 20 },
		{ "1.5G", 0, 3ull << 29 },
		{ "2T", 0, 2ull << 40 },
		{ "18446744073709551615", 0, UINT64_MAX },
		{ "18446744073709551616", -ERANGE, 0 },
		{ "99999999999T", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ "M", -EINVAL, 0 },
		{ "lots", -EINVAL, 0 },
		{ "-1G", -EINVAL, 0 },
		{ "+1G", -EINVAL, 0 },
		{ " 1G", -EINVAL, 0 },
		{ "1 G", -EINVAL, 0 },
		{ "1g", -EINVAL, 0 },
		{ "1GB", -EINVAL, 0 },
		{ "12Q", -EINVAL, 0 },
		{ "1.G", -EINVAL, 0 },
		{ ".5G", -EINVAL, 0 },
		{ "1.2.3G", -EINVAL, 0 },
		{ "1e9", -EINVAL, 0 },
		{ "0x10", -EINVAL, 0 },
		{ "inf", -EINVAL, 0 },
		{ "1G/s", -EINVAL, 0 },
	};

	check_rows(rows, sizeof(rows) / sizeof(rows[0]), pw_units_parse_size);
}

static void test_rates_are_bytes_or_bits_per_second(void)
{
	static const struct row rows[] = {
		{ "0", 0, 0 },
		{ "64M", 0, 64ull << 20 },
		{ "64M/s", 0, 64ull << 20 },
		{ "64MiB/s", 0, 64ull << 20 },
		{ "8bit", 0, 1 },
		{ "100Gbit", 0, 12500000000ull },
		{ "2.5Gbit/s", 0, 312500000 },
		{ "64M/m", -EINVAL, 0 },
		{ "/s", -EINVAL, 0 },
		{ "M/s", -EINVAL, 0 },
		{ "64M/s/s", -EINVAL, 0 },
		{ "100GBit", -EINVAL, 0 },
		{ "99999999999T/s", -ERANGE, 0 },
		{ "99999999999Tbit", -ERANGE, 0 },
		{ "fast", -EINVAL, 0 },
	};

	check_rows(rows, sizeof(rows) / sizeof(rows[0]), pw_units_parse_rate);
}

static void test_numbers_are_digits_only(void)
{
	static const struct row rows[] = {
		{ "0", 0, 0 },	       { "16", 0, 16 },	       { "16M", -EINVAL, 0 },
		{ "two", -EINVAL, 0 }, { "-2", -EINVAL, 0 },   { "1.0", -EINVAL, 0 },
		{ "", -EINVAL, 0 },    { "99999999999999999999", -ERANGE, 0 },
	};

	check_rows(rows, sizeof(rows) / sizeof(rows[0]), pw_units_parse_number);
}

static void test_times_have_a_unit_or_are_seconds(void)
{
	static const struct {
		const char *text;
		int err;
		double s;
	} rows[] = {
		{ "2", 0, 2 },	       { "2s", 0, 2 },	       { "500ms", 0, 0.5 },
		{ "1.5m", 0, 90 },     { "10us", 0, 1e-5 },    { "2h", -EINVAL, 0 },
		{ "soon", -EINVAL, 0 }, { "-1s", -EINVAL, 0 }, { "", -EINVAL, 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		double s = 0;

		CU_ASSERT_EQUAL(pw_units_parse_seconds(rows[i].text, &s), rows[i].err);
		CU_ASSERT_DOUBLE_EQUAL(s, rows[i].s, 1e-9);
	}
}

static void test_three_digits_are_shown(void)
{
	CU_ASSERT_STRING_EQUAL(pw_units_bytes(0).text, "0 B");
	CU_ASSERT_STRING_EQUAL(pw_units_bytes(1023).text, "1023 B");
	CU_ASSERT_STRING_EQUAL(pw_units_bytes(1024).text, "1.00 KiB");
	CU_ASSERT_STRING_EQUAL(pw_units_bytes(1ull << 30).text, "1.00 GiB");
	CU_ASSERT_STRING_EQUAL(pw_units_bytes((1ull << 30) - 1).text, "1.00 GiB");
	CU_ASSERT_STRING_EQUAL(pw_units_bytes(45ull << 20).text, "45.0 MiB");
	CU_ASSERT_STRING_EQUAL(pw_units_bytes(773ull << 20).text, "773 MiB");
	CU_ASSERT_STRING_EQUAL(pw_units_bytes(UINT64_MAX).text, "16384 PiB");
	CU_ASSERT_STRING_EQUAL(pw_units_bits_per_s(1.225e9).text, "9.80 Gbit/s");
	CU_ASSERT_STRING_EQUAL(pw_units_bits_per_s(12.5e9).text, "100 Gbit/s");
	CU_ASSERT_STRING_EQUAL(pw_units_bits_per_s(0).text, "0.00 bit/s");
	CU_ASSERT_STRING_EQUAL(pw_units_seconds(1.237).text, "1.24 s");
	CU_ASSERT_STRING_EQUAL(pw_units_seconds(0.583).text, "583 ms");
	CU_ASSERT_STRING_EQUAL(pw_units_seconds(0.99999).text, "1.00 s");
	CU_ASSERT_STRING_EQUAL(pw_units_seconds(13e-6).text, "13.0 us");
	CU_ASSERT_STRING_EQUAL(pw_units_count(7).text, "7");
	CU_ASSERT_STRING_EQUAL(pw_units_count(393216).text, "393,216");
	CU_ASSERT_STRING_EQUAL(pw_units_count(999999999999999).text, "999,999,999,999,999");
	CU_ASSERT_STRING_EQUAL(pw_units_count(UINT64_MAX).text, "18446744073709551615");
}

static void test_a_size_is_written_as_it_is_parsed(void)
{
	static const uint64_t sizes[] = { 0, 1, 1000, 1024, 1536, 16ull << 20, 1ull << 40,
					  UINT64_MAX, 1ull << 60, (1ull << 30) + 4096 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint64_t back = 0;

		CU_ASSERT_EQUAL(pw_units_parse_size(pw_units_size(sizes[i]).text, &back), 0);
		CU_ASSERT_EQUAL(back, sizes[i]);
	}
}

static const struct pw_test tests[] = {
	PW_TEST(test_sizes_count_in_1024),
	PW_TEST(test_rates_are_bytes_or_bits_per_second),
	PW_TEST(test_numbers_are_digits_only),
	PW_TEST(test_times_have_a_unit_or_are_seconds),
	PW_TEST(test_three_digits_are_shown),
	PW_TEST(test_a_size_is_written_as_it_is_parsed),
};

int main(void)
{
	return PW_RUN_SUITE("units", tests);
}
