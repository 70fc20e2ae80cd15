/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * run.h - what every unit test program ends in
 *
 *	static const struct pw_test tests[] = {
 *		PW_TEST(test_ack_settles_each_seq_once),
 *		PW_TEST(test_late_ack_below_head_is_ignored),
 *	};
 *
 *	int main(void)
 *	{
 *		return PW_RUN_SUITE("window", tests);
 *	}
 *
 * The name of a test is printed before it runs, so that a crash names it; its
 * failed assertions follow as file:line. The last line of a program is always
 * "N passed, N failed", and tests/run counts a program without it as failed.
 */
#ifndef PW_TESTS_RUN_H
#define PW_TESTS_RUN_H

#include <CUnit/CUnit.h>
#include <CUnit/TestDB.h>
#include <CUnit/TestRun.h>
#include <stddef.h>
#include <stdio.h>

/* A loop that fails once usually fails a million times. */
#define PW_FAILURES_SHOWN 10u

struct pw_test {
	const char *name;
	void (*fn)(void);
};

#define PW_TEST(fn) { #fn, fn }
#define PW_RUN_SUITE(suite, tests) pw_run_suite(suite, tests, sizeof(tests) / sizeof((tests)[0]))

static inline void pw_test_started(const CU_pTest test, const CU_pSuite suite)
{
	printf("%s: %s ... ", suite->pName, test->pName);
	fflush(stdout);
}

static inline void pw_test_ended(const CU_pTest test, const CU_pSuite suite,
				 const CU_pFailureRecord failures)
{
	unsigned n = 0;

	(void)test;
	(void)suite;
	puts(failures ? "FAILED" : "ok");
	for (const CU_FailureRecord *f = failures; f; f = f->pNext)
		if (n++ < PW_FAILURES_SHOWN)
			printf("  %s:%u: %s\n", f->strFileName, f->uiLineNumber, f->strCondition);
	if (n > PW_FAILURES_SHOWN)
		printf("  and %u more\n", n - PW_FAILURES_SHOWN);
	fflush(stdout);
}

/* Run count tests as one suite. Returns what main returns: 0 if all passed. */
static inline int pw_run_suite(const char *name, const struct pw_test *tests, size_t count)
{
	unsigned failed = (unsigned)count;	/* until they have run */
	CU_pSuite suite = NULL;

	if (CU_initialize_registry() == CUE_SUCCESS)
		suite = CU_add_suite(name, NULL, NULL);
	for (size_t i = 0; suite && i < count; i++)
		if (!CU_add_test(suite, tests[i].name, tests[i].fn))
			suite = NULL;
	if (suite) {
		CU_set_test_start_handler(pw_test_started);
		CU_set_test_complete_handler(pw_test_ended);
		CU_run_all_tests();
		failed = CU_get_number_of_tests_failed();
	} else {
		printf("%s: %s\n", name, CU_get_error_msg());
	}
	CU_cleanup_registry();
	printf("%s: %u passed, %u failed\n", name, (unsigned)count - failed, failed);
	return failed != 0;
}

#endif /* PW_TESTS_RUN_H */
