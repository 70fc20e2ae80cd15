/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * steps.h - let others act between any two instructions of a call
 *
 * Races are a matter of luck in threads; here every place at which another
 * thread can come in between is visited in turn. The call runs with the trap
 * flag set; the handler, after so many instructions, does what the others do.
 *
 *	for (unsigned at = 1; pw_by_steps(call, &(struct pw_intrusion){ at, fn }, 1); at += PW_STEP)
 *		... what must hold ...
 *
 * x86-64 only, and not under ThreadSanitizer, which runs handlers when it likes:
 * PW_HAS_STEPS is 0 there, and such a test has nothing to say.
 */
#ifndef PW_TESTS_STEPS_H
#define PW_TESTS_STEPS_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <ucontext.h>

#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__)
#define PW_HAS_STEPS 1
#else
#define PW_HAS_STEPS 0
#endif
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#undef PW_HAS_STEPS
#define PW_HAS_STEPS 0
#endif
#endif

/* Unoptimised code has many more instructions and does no more. */
#ifdef __OPTIMIZE__
#define PW_STEP 1u
#else
#define PW_STEP 17u
#endif

struct pw_intrusion {
	unsigned at;	/* instructions; not falling from one to the next */
	void (*fn)(void);
};

#if PW_HAS_STEPS

#define PW_TRAP_FLAG 0x100

static struct {
	const struct pw_intrusion *next;
	const struct pw_intrusion *end;
	unsigned taken;
} pw_steps;

static void pw_on_step(int number, siginfo_t *info, void *where)
{
	ucontext_t *context = where;

	(void)number;
	(void)info;
	pw_steps.taken++;
	while (pw_steps.next < pw_steps.end && pw_steps.next->at <= pw_steps.taken)
		(pw_steps.next++)->fn();
	if (pw_steps.next == pw_steps.end)	/* the rest at full speed */
		context->uc_mcontext.gregs[REG_EFL] &= ~PW_TRAP_FLAG;
}

/* True if all intrusions came before the call had returned. */
static inline bool pw_by_steps(void (*call)(void), const struct pw_intrusion *intrusions, size_t n)
{
	const struct sigaction action = { .sa_sigaction = pw_on_step, .sa_flags = SA_SIGINFO };
	bool all;

	pw_steps.next = intrusions;
	pw_steps.end = intrusions + n;
	pw_steps.taken = 0;
	sigaction(SIGTRAP, &action, NULL);
	__asm__ volatile("lea -128(%%rsp), %%rsp\n\tpushfq\n\torq %0, (%%rsp)\n\tpopfq\n\t"
			 "lea 128(%%rsp), %%rsp"
			 :
			 : "i"(PW_TRAP_FLAG)
			 : "memory", "cc");
	call();
	__asm__ volatile("lea -128(%%rsp), %%rsp\n\tpushfq\n\tandq %0, (%%rsp)\n\tpopfq\n\t"
			 "lea 128(%%rsp), %%rsp"
			 :
			 : "i"(~PW_TRAP_FLAG)
			 : "memory", "cc");
	all = pw_steps.next == pw_steps.end;
	signal(SIGTRAP, SIG_DFL);
	return all;
}

#else

static inline bool pw_by_steps(void (*call)(void), const struct pw_intrusion *intrusions, size_t n)
{
	(void)intrusions;
	(void)n;
	call();
	return false;
}

#endif

#endif /* PW_TESTS_STEPS_H */
