/* SPDX-License-Identifier: BSD-3-Clause */
/* test_peer_silence.c - how long a link lives without a word from the other end */

#include <netinet/tcp.h>

#include "peer_world.h"

static void test_idle_link_lives_by_its_pings(void)
{
	given_world();
	world.a.timing = world.b.timing = (struct pw_peer_timing){ .ping_ms = 5, .dead_ms = 100 };
	given_link();
	RUN_UNTIL(world.source.link->cookie >= 60 && world.target.link->cookie >= 60);
	CU_ASSERT_EQUAL(world.source.downs + world.target.downs, 0);
	CU_ASSERT_EQUAL(world.source.messages + world.target.messages, 0);
	end_world();
}

static void test_silent_peer_is_dead(void)
{
	struct stranger silent;

	given_world();
	world.b.timing = (struct pw_peer_timing){ .ping_ms = 5, .dead_ms = 50 };
	given_evil_twin(&silent);
	RUN_UNTIL(world.target.downs);
	CU_ASSERT_STRING_EQUAL(world.target.why.id, "PW-2108");
	CU_ASSERT_STRING_EQUAL(world.target.why.found, "nothing was heard from it for 0.05 s");
	CU_ASSERT_PTR_NOT_NULL(strstr(world.target.why.what, "peer host-a at 127.0.0.1:"));
	stranger_dies(&silent);
	end_world();
}

static void test_short_silence_is_measured_by_more_than_one_ping(void)
{
	given_world();
	world.a.timing = world.b.timing = (struct pw_peer_timing){ .dead_ms = 2000 };
	given_link();
	CU_ASSERT_EQUAL(world.source.link->self.timing.ping_ms, 500);
	end_world();
}

static unsigned user_timeout_ms(int fd)
{
	unsigned ms = 0;
	socklen_t bytes = sizeof(ms);

	CU_ASSERT_EQUAL(getsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, &bytes), 0);
	return ms;
}

/* Or a cut of half a minute would end what is meant to survive it. */
static void test_the_kernel_does_not_give_up_before_the_link_does(void)
{
	given_world();
	given_link();
	CU_ASSERT(user_timeout_ms(world.source.link->fd) > world.source.link->self.timing.dead_ms);
	CU_ASSERT(user_timeout_ms(world.target.link->fd) > world.target.link->self.timing.dead_ms);
	end_world();
}

static const struct pw_test tests[] = {
	PW_TEST(test_idle_link_lives_by_its_pings),
	PW_TEST(test_silent_peer_is_dead),
	PW_TEST(test_short_silence_is_measured_by_more_than_one_ping),
	PW_TEST(test_the_kernel_does_not_give_up_before_the_link_does),
};

int main(void)
{
	return PW_RUN_SUITE("peer_silence", tests);
}
