/* SPDX-License-Identifier: BSD-3-Clause */
/* test_peer_tls.c - who is let in to a link, and what those hear who are not */

#include "peer_world.h"

#define SAYS(text, part) CU_ASSERT_PTR_NOT_NULL(strstr(text, part))

/* A host that was refused, or refused the other: never up, told once. */
static void expect_refusal(const struct end *end, const char *id, const char *found)
{
	CU_ASSERT_EQUAL(end->ups, 0);
	CU_ASSERT_EQUAL(end->downs, 1);
	CU_ASSERT_STRING_EQUAL(end->why.id, id);
	SAYS(end->why.found, found);
	CU_ASSERT(end->why.what[0] && end->why.fix[0]);
}

static void source_and_target_part(void)
{
	target_listens();
	source_connects();
	RUN_UNTIL(world.source.downs && world.target.downs);
}

static void test_hosts_of_one_authority_meet(void)
{
	given_world();
	given_link();
	CU_ASSERT_STRING_EQUAL(world.source.peer, "host-b");
	CU_ASSERT_STRING_EQUAL(world.target.peer, "host-a");
	CU_ASSERT_STRING_EQUAL(pw_peer_name(world.target.link), "host-a");
	end_world();
}

static void test_source_refuses_target_of_another_authority(void)
{
	given_world();
	given_cert(world.other_dir, "host-b", PW_CA_DAY_S);
	set_tls(&world.b, world.dir, world.other_dir, "host-b");
	source_and_target_part();
	expect_refusal(&world.source, "PW-2103", "signed by another authority (pagewire CA");
	SAYS(world.source.why.what, "peer host-b at 127.0.0.1:");
	SAYS(world.source.why.fix, "same CA");
	expect_refusal(&world.target, "PW-2104", "does not know the authority");
	end_world();
}

static void test_source_of_another_authority_hears_why_it_is_refused(void)
{
	given_world();
	given_cert(world.other_dir, "host-a", PW_CA_DAY_S);
	set_tls(&world.a, world.dir, world.other_dir, "host-a");
	source_and_target_part();
	expect_refusal(&world.target, "PW-2103", "signed by another authority");
	expect_refusal(&world.source, "PW-2104", "does not know the authority");
	SAYS(world.source.why.what, "peer host-b at 127.0.0.1:");
	end_world();
}

static void test_source_refuses_target_with_another_name(void)
{
	given_world();
	given_cert(world.dir, "host-c", PW_CA_DAY_S);
	set_tls(&world.b, world.dir, world.dir, "host-c");
	source_and_target_part();
	expect_refusal(&world.source, "PW-2103", "is for host-c, not for host-b");
	SAYS(world.source.why.fix, "tls_name of peer host-b to host-c");
	expect_refusal(&world.target, "PW-2104", "the name host-c");
	end_world();
}

static void test_source_whose_name_is_not_expected_hears_so(void)
{
	given_world();
	given_cert(world.dir, "host-c", PW_CA_DAY_S);
	set_tls(&world.a, world.dir, world.dir, "host-c");
	source_and_target_part();
	expect_refusal(&world.target, "PW-2103", "is for host-c");
	expect_refusal(&world.source, "PW-2104", "does not expect the name host-c");
	SAYS(world.source.why.fix, "add host-c to the peers");
	end_world();
}

static void test_peer_is_known_by_the_name_in_its_certificate(void)
{
	static const struct pw_peer_name names[] = { { "host-x", NULL }, { "blue", "host-a" } };
	struct pw_peer_listen_opts opts = { .address = "127.0.0.1", .names = names, .num_names = 2,
					    .calls = &calls, .user = &world.target };

	given_world();
	world.a.name = "what it calls itself";
	CU_ASSERT_EQUAL_FATAL(pw_peer_listen(&world.listener, &world.b, &opts, NULL), 0);
	source_connects();
	RUN_UNTIL(world.source.ups && world.target.ups);
	CU_ASSERT_STRING_EQUAL(world.target.peer, "blue");
	CU_ASSERT_STRING_EQUAL(world.target.hello.name, "what it calls itself");
	end_world();
}

static void test_listener_without_peers_lets_nobody_in(void)
{
	struct pw_peer_listen_opts opts = { .address = "127.0.0.1", .calls = &calls,
					    .user = &world.target };

	given_world();
	CU_ASSERT_EQUAL_FATAL(pw_peer_listen(&world.listener, &world.b, &opts, NULL), 0);
	source_connects();
	RUN_UNTIL(world.source.downs && world.target.downs);
	expect_refusal(&world.source, "PW-2104", "does not expect the name");
	end_world();
}

static void given_stranger_at_target(struct stranger *stranger)
{
	target_listens();
	stranger_connects(stranger);
	RUN_UNTIL(world.target.downs && stranger->is_out);
	stranger_dies(stranger);
}

static void test_target_refuses_expired_certificate(void)
{
	struct stranger stranger = { .dir = world.dir, .name = "host-a" };

	given_world();
	given_cert(world.dir, "host-a", -60);
	target_listens();
	stranger_connects(&stranger);
	RUN_UNTIL(world.target.downs && stranger.is_out);
	CU_ASSERT_EQUAL(ERR_GET_REASON(stranger.reason), SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED);
	expect_refusal(&world.target, "PW-2103", "has expired on 20");
	SAYS(world.target.why.what, "the host at 127.0.0.1:");
	stranger_dies(&stranger);
	end_world();
}

static void test_target_refuses_anonymous_source(void)
{
	struct stranger stranger = { 0 };

	given_world();
	given_stranger_at_target(&stranger);
	expect_refusal(&world.target, "PW-2103", "showed no certificate");
	end_world();
}

static void test_target_refuses_tls_12(void)
{
	struct stranger stranger = { .dir = world.dir, .name = "host-a", .version = TLS1_2_VERSION };

	given_world();
	given_stranger_at_target(&stranger);
	expect_refusal(&world.target, "PW-2105", "does not speak TLS 1.3");
	end_world();
}

static void test_target_refuses_plain_tcp(void)
{
	struct stranger stranger = { .says = "HELLO, I speak no TLS at all\n" };

	given_world();
	given_stranger_at_target(&stranger);
	expect_refusal(&world.target, "PW-2105", "does not speak TLS");
	end_world();
}

static void test_target_tells_a_browser_from_a_peer(void)
{
	struct stranger stranger = { .says = "GET /metrics HTTP/1.1\r\n\r\n" };

	given_world();
	given_stranger_at_target(&stranger);
	expect_refusal(&world.target, "PW-2105", "speaks HTTP");
	end_world();
}

static void test_target_gives_no_tickets(void)
{
	struct stranger stranger;

	given_world();
	given_evil_twin(&stranger);
	CU_ASSERT_EQUAL(stranger.tickets, 0);
	CU_ASSERT_EQUAL(SSL_version(bufferevent_openssl_get_ssl(stranger.bev)), TLS1_3_VERSION);
	stranger_dies(&stranger);
	RUN_UNTIL(world.target.downs);
	end_world();
}

static void source_meets(struct stranger *stranger)
{
	source_connects_to(stranger_listens(stranger));
	RUN_UNTIL(world.source.downs);
	stranger_dies(stranger);
}

static void test_source_refuses_expired_certificate(void)
{
	struct stranger stranger = { .dir = world.dir, .name = "host-b" };

	given_world();
	given_cert(world.dir, "host-b", -60);
	source_meets(&stranger);
	expect_refusal(&world.source, "PW-2103", "has expired on 20");
	end_world();
}

static void test_source_refuses_tls_12(void)
{
	struct stranger stranger = { .dir = world.dir, .name = "host-b", .version = TLS1_2_VERSION };

	given_world();
	source_meets(&stranger);
	expect_refusal(&world.source, "PW-2105", "does not speak TLS 1.3");
	end_world();
}

static void test_source_refuses_another_program(void)
{
	struct stranger stranger = { .says = "SSH-2.0-OpenSSH_9.2p1\r\n" };

	given_world();
	source_meets(&stranger);
	expect_refusal(&world.source, "PW-2105", "does not speak TLS");
	end_world();
}

static void test_source_does_not_wait_for_a_silent_program(void)
{
	struct stranger stranger = { .says = "" };

	given_world();
	world.a.timing.up_ms = 50;
	source_meets(&stranger);
	expect_refusal(&world.source, "PW-2107", "does not finish a TLS handshake");
	end_world();
}

static void test_source_does_not_wait_for_hello(void)
{
	struct stranger stranger = { .dir = world.dir, .name = "host-b" };

	given_world();
	world.a.timing.up_ms = 500;
	source_meets(&stranger);
	expect_refusal(&world.source, "PW-2107", "does not say HELLO");
	end_world();
}

static void test_source_hears_that_nobody_listens(void)
{
	uint16_t port;

	given_world();
	target_listens();
	port = pw_peer_listener_port(world.listener);
	pw_peer_listener_close(world.listener);
	world.listener = NULL;
	source_connects_to(port);
	CU_ASSERT_EQUAL(world.source.downs, 0);	/* never from within */
	RUN_UNTIL(world.source.downs);
	expect_refusal(&world.source, "PW-2106", "nobody listens");
	CU_ASSERT_EQUAL(world.source.why.code, -ECONNREFUSED);
	end_world();
}

static void test_host_name_is_no_address(void)
{
	struct pw_peer_connect_opts opts = { .address = "host-b.example", .port = 7000,
					     .peer = &host_b };
	struct pw_peer_link *link = NULL;
	struct pw_error err = { 0 };

	given_world();
	CU_ASSERT_EQUAL(pw_peer_connect(&link, &world.a, &opts, &err), -EINVAL);
	CU_ASSERT_STRING_EQUAL(err.id, "PW-2111");
	CU_ASSERT_PTR_NULL(link);
	end_world();
}

static void test_port_in_use_is_a_clear_error(void)
{
	struct pw_peer_listen_opts opts = { .address = "127.0.0.1" };
	struct pw_peer_listener *second = NULL;
	struct pw_error err = { 0 };

	given_world();
	target_listens();
	opts.port = pw_peer_listener_port(world.listener);
	CU_ASSERT_EQUAL(pw_peer_listen(&second, &world.b, &opts, &err), -EADDRINUSE);
	CU_ASSERT_STRING_EQUAL(err.id, "PW-2112");
	SAYS(err.fix, "ss -ltnp");
	end_world();
}

static void test_connections_that_say_nothing_keep_no_peer_out(void)
{
	int idle[64];

	given_world();
	world.b.timing.up_ms = 500;
	target_listens();
	for (size_t i = 0; i < PW_ARRAY_SIZE(idle); i++)
		idle[i] = plain_connection(pw_peer_listener_port(world.listener));
	source_connects();
	RUN_UNTIL(world.source.ups && world.target.ups);
	CU_ASSERT_EQUAL(world.target.downs, PW_ARRAY_SIZE(idle));
	for (size_t i = 0; i < PW_ARRAY_SIZE(idle); i++)
		close(idle[i]);
	end_world();
}

/* --- the files of this host --- */

static void expect_files(const struct pw_peer_files *files, const char *id, const char *says)
{
	struct pw_peer_tls *tls = NULL;
	struct pw_error err = { 0 };
	char text[700];

	CU_ASSERT(pw_peer_tls_create(&tls, files, &err) < 0);
	CU_ASSERT_PTR_NULL(tls);
	CU_ASSERT_STRING_EQUAL(err.id, id);
	SAYS(pw_error_text(&err, text, sizeof(text)), says);
	CU_ASSERT(err.fix[0]);
}

static void test_missing_files_are_named(void)
{
	struct pw_peer_files files;

	given_world();
	files = (struct pw_peer_files){ "/nowhere/ca.crt", path_of(world.dir, "host-a", "crt"),
					path_of(world.dir, "host-a", "key") };
	expect_files(&files, "PW-2101", "ca file /nowhere/ca.crt");
	files.ca = path_of(world.dir, "ca", "crt");
	files.cert = "/nowhere/host-a.crt";
	expect_files(&files, "PW-2101", "cert file /nowhere/host-a.crt");
	files.cert = path_of(world.dir, "host-a", "crt");
	files.key = "/nowhere/host-a.key";
	expect_files(&files, "PW-2101", "No such file");
	end_world();
}

static void test_files_that_hold_something_else_are_named(void)
{
	const char *cert, *key;

	given_world();
	cert = path_of(world.dir, "host-a", "crt");
	key = path_of(world.dir, "host-a", "key");
	expect_files(&(struct pw_peer_files){ cert, key, key }, "PW-2101", "no certificate in PEM");
	expect_files(&(struct pw_peer_files){ cert, cert, cert }, "PW-2101", "no private key");
	end_world();
}

static void test_key_of_another_certificate_is_a_clear_error(void)
{
	struct pw_peer_files files;

	given_world();
	files = (struct pw_peer_files){ path_of(world.dir, "ca", "crt"),
					path_of(world.dir, "host-a", "crt"),
					path_of(world.dir, "host-b", "key") };
	expect_files(&files, "PW-2102", "not the key of the certificate");
	end_world();
}

static void test_own_expired_certificate_is_a_clear_error(void)
{
	struct pw_peer_files files;

	given_world();
	given_cert(world.dir, "host-c", -60);
	files = (struct pw_peer_files){ path_of(world.dir, "ca", "crt"),
					path_of(world.dir, "host-c", "crt"),
					path_of(world.dir, "host-c", "key") };
	expect_files(&files, "PW-2102", "has expired on");
	end_world();
}

static void test_ends_of_lanes_are_told_both_ways(void)
{
	static const struct pw_lane_end own = { .ip = { 192, 0, 2, 1 }, .udp_port = 49600,
						.family = PW_LANE_IPV4, .link_mbps = 100000 };
	static const struct pw_lane_end none;

	given_world();
	world.a.lane = &own;	/* host-b has none */
	given_link();
	CU_ASSERT_EQUAL(memcmp(&pw_peer_hello(world.target.link)->lane, &own, sizeof(own)), 0);
	CU_ASSERT_EQUAL(memcmp(&pw_peer_hello(world.source.link)->lane, &none, sizeof(none)), 0);
	CU_ASSERT_STRING_EQUAL(pw_peer_hello(world.source.link)->name, "host-b");
	end_world();
}

static const struct pw_test tests[] = {
	PW_TEST(test_ends_of_lanes_are_told_both_ways),
	PW_TEST(test_hosts_of_one_authority_meet),
	PW_TEST(test_source_refuses_target_of_another_authority),
	PW_TEST(test_source_of_another_authority_hears_why_it_is_refused),
	PW_TEST(test_source_refuses_target_with_another_name),
	PW_TEST(test_source_whose_name_is_not_expected_hears_so),
	PW_TEST(test_peer_is_known_by_the_name_in_its_certificate),
	PW_TEST(test_listener_without_peers_lets_nobody_in),
	PW_TEST(test_target_refuses_expired_certificate),
	PW_TEST(test_target_refuses_anonymous_source),
	PW_TEST(test_target_refuses_tls_12),
	PW_TEST(test_target_refuses_plain_tcp),
	PW_TEST(test_target_tells_a_browser_from_a_peer),
	PW_TEST(test_target_gives_no_tickets),
	PW_TEST(test_source_refuses_expired_certificate),
	PW_TEST(test_source_refuses_tls_12),
	PW_TEST(test_source_refuses_another_program),
	PW_TEST(test_source_does_not_wait_for_a_silent_program),
	PW_TEST(test_source_does_not_wait_for_hello),
	PW_TEST(test_source_hears_that_nobody_listens),
	PW_TEST(test_host_name_is_no_address),
	PW_TEST(test_port_in_use_is_a_clear_error),
	PW_TEST(test_connections_that_say_nothing_keep_no_peer_out),
	PW_TEST(test_missing_files_are_named),
	PW_TEST(test_files_that_hold_something_else_are_named),
	PW_TEST(test_key_of_another_certificate_is_a_clear_error),
	PW_TEST(test_own_expired_certificate_is_a_clear_error),
};

int main(void)
{
	return PW_RUN_SUITE("peer_tls", tests);
}
