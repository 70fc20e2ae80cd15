/* SPDX-License-Identifier: BSD-3-Clause */
/* test_peer.c - the life of a link: messages, bulk, pings, the end */

#include "peer_world.h"

#define SAYS(text, part) CU_ASSERT_PTR_NOT_NULL(strstr(text, part))

/* --- coming up --- */

static void test_both_ends_say_who_they_are(void)
{
	static const uint8_t none[16];

	given_world();
	given_link();
	CU_ASSERT_STRING_EQUAL(world.source.hello.name, "host-b");
	CU_ASSERT_STRING_EQUAL(world.target.hello.name, "host-a");
	CU_ASSERT_EQUAL(world.source.hello.version, PW_CTL_VERSION);
	CU_ASSERT_NOT_EQUAL(memcmp(world.source.hello.boot, none, sizeof(none)), 0);
	CU_ASSERT_EQUAL(memcmp(world.source.hello.boot, world.target.hello.boot, 16), 0);
	SAYS(pw_peer_address(world.source.link), "127.0.0.1:");
	end_world();
}

static void test_boot_id_is_that_of_the_kernel(void)
{
	char text[64] = "", shown[64] = "";
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "r");
	size_t n = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(fgets(text, sizeof(text), file));
	fclose(file);
	given_world();
	given_link();
	for (unsigned i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			shown[n++] = '-';
		n += (size_t)snprintf(shown + n, sizeof(shown) - n, "%02x", world.source.hello.boot[i]);
	}
	CU_ASSERT_EQUAL(strncmp(text, shown, 36), 0);
	end_world();
}

static void test_nothing_is_sent_before_a_link_is_up(void)
{
	struct pw_ctl msg = message(PW_CTL_GIVE);
	uint8_t secret[32];

	given_world();
	target_listens();
	source_connects();
	CU_ASSERT_FALSE(pw_peer_is_up(world.source.link));
	CU_ASSERT_EQUAL(pw_peer_send(world.source.link, &msg), -ENOTCONN);
	CU_ASSERT_EQUAL(pw_peer_send_raw(world.source.link, &(struct pw_peer_raw){
				.migration = some_migration }), -ENOTCONN);
	CU_ASSERT_EQUAL(pw_peer_export(world.source.link, &(struct pw_peer_secret){ .label = "x" },
				       secret, sizeof(secret)), -ENOTCONN);
	CU_ASSERT_EQUAL(pw_peer_queued_bytes(world.source.link), 0);
	end_world();
}

/* --- messages --- */

static void test_messages_arrive_whole_and_in_order(void)
{
	static struct pw_ctl_digest digests[10000];
	static const enum pw_ctl_type order[] = { PW_CTL_GIVE, PW_CTL_DIGESTS, PW_CTL_RELEASED };
	struct pw_ctl msg;

	given_world();
	given_link();
	for (size_t i = 0; i < PW_ARRAY_SIZE(order); i++) {
		msg = message(order[i]);
		msg.rows = order[i] == PW_CTL_DIGESTS ? PW_ARRAY_SIZE(digests) : 0;
		msg.digests = digests;
		CU_ASSERT_EQUAL(pw_peer_send(world.source.link, &msg), 0);
	}
	RUN_UNTIL(world.target.messages == PW_ARRAY_SIZE(order));
	CU_ASSERT_EQUAL(memcmp(world.target.seen, order, sizeof(order)), 0);
	CU_ASSERT_EQUAL(world.target.rows, PW_ARRAY_SIZE(digests));
	CU_ASSERT_EQUAL(world.source.messages, 0);
	end_world();
}

static void answer(struct end *end, const struct pw_ctl *msg)
{
	struct pw_ctl reply = message(msg->type == PW_CTL_SEAL ? PW_CTL_SEALED : PW_CTL_VERIFIED);

	CU_ASSERT_EQUAL(pw_peer_send(end->link, &reply), 0);
	if (msg->type == PW_CTL_SEAL) {
		reply = message(PW_CTL_VERIFIED);
		CU_ASSERT_EQUAL(pw_peer_send(end->link, &reply), 0);
	}
}

static void test_answers_are_sent_from_a_callback(void)
{
	struct pw_ctl msg = message(PW_CTL_SEAL);

	given_world();
	given_link();
	world.target.when_message = answer;
	CU_ASSERT_EQUAL(pw_peer_send(world.source.link, &msg), 0);
	RUN_UNTIL(world.source.messages == 2);
	CU_ASSERT_EQUAL(world.source.seen[0], PW_CTL_SEALED);
	CU_ASSERT_EQUAL(world.source.seen[1], PW_CTL_VERIFIED);
	end_world();
}

static void test_message_that_is_none_is_not_sent(void)
{
	struct pw_ctl msg = message(PW_CTL_OPEN);

	given_world();
	given_link();
	CU_ASSERT_EQUAL(pw_peer_send(world.source.link, &msg), -EINVAL);
	msg = message(PW_CTL_DIGESTS);
	msg.rows = PW_CTL_BYTES_MAX / 96 + 1;
	CU_ASSERT_EQUAL(pw_peer_send(world.source.link, &msg), -EMSGSIZE);
	CU_ASSERT_EQUAL(pw_peer_queued_bytes(world.source.link), 0);
	end_world();
}

static struct end another;

static void move_to_another(struct end *end)
{
	another.link = end->link;
	pw_peer_set_calls(end->link, &calls, &another);
}

static void test_accepted_link_can_change_hands(void)
{
	struct pw_ctl msg = message(PW_CTL_GIVE);

	given_world();
	memset(&another, 0, sizeof(another));
	world.target.when_up = move_to_another;
	given_link();
	CU_ASSERT_EQUAL(pw_peer_send(world.source.link, &msg), 0);
	RUN_UNTIL(another.messages == 1);
	CU_ASSERT_EQUAL(world.target.messages, 0);
	end_world();
}

static void test_both_ends_know_a_secret_that_depends_on_its_use(void)
{
	static const uint8_t one[] = { 1 }, two[] = { 2 };
	const struct pw_peer_secret uses[] = { { "EXPORTER-a", one, 1 }, { "EXPORTER-a", two, 1 },
					       { "EXPORTER-b", one, 1 } };
	uint8_t at_source[3][32], at_target[3][32];

	given_world();
	given_link();
	for (size_t i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(pw_peer_export(world.source.link, &uses[i], at_source[i], 32), 0);
		CU_ASSERT_EQUAL(pw_peer_export(world.target.link, &uses[i], at_target[i], 32), 0);
	}
	CU_ASSERT_EQUAL(memcmp(at_source, at_target, sizeof(at_source)), 0);
	CU_ASSERT_NOT_EQUAL(memcmp(at_source[0], at_source[1], 32), 0);
	CU_ASSERT_NOT_EQUAL(memcmp(at_source[0], at_source[2], 32), 0);
	end_world();
}

/* --- bulk --- */

#define BULK_BYTES  (48u << 20)
#define CHUNK_BYTES (512u << 10)

static uint8_t chunk[CHUNK_BYTES];
static uint64_t bulk_sent, bulk_queued_most;

/* Byte i of the bulk is i * 7 by the chunk: a lost or doubled one shows. */
static void send_bulk(struct end *end)
{
	struct pw_peer_raw raw = { some_migration, 3, chunk, sizeof(chunk) };
	int rc = 0;

	while (bulk_sent < BULK_BYTES && rc == 0) {
		memset(chunk, (int)(bulk_sent / CHUNK_BYTES * 7 & 0xff), sizeof(chunk));
		rc = pw_peer_send_raw(end->link, &raw);
		bulk_sent += rc ? 0 : sizeof(chunk);
		if (pw_peer_queued_bytes(end->link) > bulk_queued_most)
			bulk_queued_most = pw_peer_queued_bytes(end->link);
	}
	CU_ASSERT(rc == 0 || rc == -EAGAIN);
}

static void take_bulk(struct end *end, const struct pw_ctl *msg)
{
	uint8_t expect = (uint8_t)(end->bytes / CHUNK_BYTES * 7);

	CU_ASSERT_EQUAL(msg->type, PW_CTL_DEVICE_DATA);
	CU_ASSERT_EQUAL(msg->epoch, 3);
	CU_ASSERT(msg->bytes[0] == expect && msg->bytes[msg->rows - 1] == expect);
	end->bytes += msg->rows;
}

static void given_bulk(void)
{
	given_link();
	bulk_sent = bulk_queued_most = 0;
	world.source.when_drained = send_bulk;
	world.target.when_message = take_bulk;
}

static void test_bulk_flows_in_a_bounded_queue(void)
{
	given_world();
	given_bulk();
	send_bulk(&world.source);
	CU_ASSERT(bulk_sent < BULK_BYTES);
	RUN_UNTIL(world.target.bytes == BULK_BYTES);
	CU_ASSERT(bulk_queued_most <= PW_PEER_HIGH_BYTES + CHUNK_BYTES + 4096);
	CU_ASSERT(world.source.drained > 2);
	end_world();
}

static void test_paused_target_holds_the_source_back(void)
{
	uint64_t sent;

	given_world();
	world.a.timing = world.b.timing = (struct pw_peer_timing){ .ping_ms = 5, .dead_ms = 100 };
	given_bulk();
	pw_peer_pause(world.target.link);
	send_bulk(&world.source);
	/* Ten times what a silent peer is given: the target lives and is heard. */
	RUN_UNTIL(world.target.link->cookie >= 200);
	sent = bulk_sent;
	CU_ASSERT_EQUAL(world.target.bytes, 0);
	CU_ASSERT(sent < BULK_BYTES);
	CU_ASSERT(pw_peer_queued_bytes(world.source.link) > PW_PEER_LOW_BYTES);
	CU_ASSERT_EQUAL(world.source.downs + world.target.downs, 0);

	pw_peer_resume(world.target.link);
	RUN_UNTIL(world.target.bytes == BULK_BYTES);
	end_world();
}

static void pause_at_first(struct end *end, const struct pw_ctl *msg)
{
	(void)msg;
	if (end->messages == 1)
		pw_peer_pause(end->link);
}

static void test_pause_holds_back_what_has_arrived_already(void)
{
	struct pw_ctl msg = message(PW_CTL_GIVE);

	given_world();
	world.a.timing.ping_ms = world.b.timing.ping_ms = 60000;	/* no PING shall help */
	given_link();
	world.target.when_message = pause_at_first;
	for (unsigned i = 0; i < 5; i++)
		pw_peer_send(world.source.link, &msg);
	RUN_UNTIL(world.target.messages);
	for (unsigned i = 0; i < 100; i++)
		event_base_loop(world.loop, EVLOOP_NONBLOCK);
	CU_ASSERT_EQUAL(world.target.messages, 1);
	pw_peer_resume(world.target.link);
	CU_ASSERT_EQUAL(world.target.messages, 1);	/* never from within */
	RUN_UNTIL(world.target.messages == 5);
	end_world();
}

static void test_too_much_is_refused(void)
{
	struct pw_ctl msg = message(PW_CTL_DIGESTS);
	static struct pw_ctl_digest digests[10000];
	unsigned sent = 0;

	given_world();
	given_link();
	msg.rows = PW_ARRAY_SIZE(digests);
	msg.digests = digests;
	while (pw_peer_send(world.source.link, &msg) == 0 && sent < 1000)
		sent++;
	CU_ASSERT_EQUAL(pw_peer_send(world.source.link, &msg), -ENOBUFS);
	CU_ASSERT(sent < 100);
	RUN_UNTIL(world.target.messages == sent);
	end_world();
}

/* --- pings --- */

static void test_ping_is_answered(void)
{
	const struct pw_ctl ping = { .type = PW_CTL_PING, .cookie = 77 };
	struct pw_ctl pong;
	uint8_t bytes[40], hello[PW_CTL_HEADER_BYTES + sizeof(struct pw_ctl_hello)];
	struct pw_ctl_room *room = malloc(sizeof(*room));
	struct stranger stranger;
	struct evbuffer *in;

	given_world();
	given_evil_twin(&stranger);
	stranger_sends(&stranger, &ping);
	in = bufferevent_get_input(stranger.bev);
	RUN_UNTIL(evbuffer_get_length(in) >= sizeof(hello) + sizeof(bytes));
	evbuffer_remove(in, hello, sizeof(hello));
	evbuffer_remove(in, bytes, sizeof(bytes));
	CU_ASSERT_EQUAL(pw_ctl_parse(bytes, sizeof(bytes), &pong, room), 0);
	CU_ASSERT_EQUAL(pong.type, PW_CTL_PONG);
	CU_ASSERT_EQUAL(pong.cookie, 77);
	free(room);
	stranger_dies(&stranger);
	end_world();
}

/* --- peers that break the rules --- */

static void expect_protocol_error(struct stranger *stranger, const char *found)
{
	RUN_UNTIL(world.target.downs && stranger->is_out);
	CU_ASSERT_STRING_EQUAL(world.target.why.id, "PW-2109");
	SAYS(world.target.why.found, found);
	CU_ASSERT_EQUAL(world.target.messages, 0);
	stranger_dies(stranger);
	end_world();
}

static void test_garbage_ends_the_link(void)
{
	struct stranger stranger;
	uint8_t garbage[64];

	given_world();
	given_evil_twin(&stranger);
	memset(garbage, 0xee, sizeof(garbage));
	bufferevent_write(stranger.bev, garbage, sizeof(garbage));
	expect_protocol_error(&stranger, "a message that is none");
}

static void test_bad_body_ends_the_link(void)
{
	struct pw_ctl msg = message(PW_CTL_SEAL);
	uint8_t bytes[48];
	struct stranger stranger;

	given_world();
	given_evil_twin(&stranger);
	pw_ctl_pack(&msg, bytes, sizeof(bytes));
	bytes[47] = 1;	/* reserved */
	bufferevent_write(stranger.bev, bytes, sizeof(bytes));
	expect_protocol_error(&stranger, "a message that is none");
}

static void test_second_hello_ends_the_link(void)
{
	const struct pw_ctl hello = { .type = PW_CTL_HELLO, .hello = { .version = PW_CTL_VERSION,
								       .name = "host-a" } };
	struct stranger stranger;

	given_world();
	given_evil_twin(&stranger);
	stranger_sends(&stranger, &hello);
	expect_protocol_error(&stranger, "HELLO where it may not");
}

static void given_stranger_without_hello(struct stranger *stranger)
{
	*stranger = (struct stranger){ .dir = world.dir, .name = "host-a" };
	target_listens();
	stranger_connects(stranger);
	RUN_UNTIL(stranger->is_in);
}

static void test_message_before_hello_ends_the_link(void)
{
	struct pw_ctl msg = message(PW_CTL_GIVE);
	struct stranger stranger;

	given_world();
	given_stranger_without_hello(&stranger);
	stranger_sends(&stranger, &msg);
	expect_protocol_error(&stranger, "GIVE where it may not");
}

static void test_other_version_is_told_from_nonsense(void)
{
	const struct pw_ctl hello = { .type = PW_CTL_HELLO, .hello = { .version = 2,
								       .name = "host-a" } };
	struct stranger stranger;

	given_world();
	given_stranger_without_hello(&stranger);
	stranger_sends(&stranger, &hello);
	RUN_UNTIL(world.target.downs && stranger.is_out);
	CU_ASSERT_STRING_EQUAL(world.target.why.id, "PW-2110");
	SAYS(world.target.why.found, "version 2 of the control link, this host 1");
	CU_ASSERT_EQUAL(world.target.ups, 0);
	stranger_dies(&stranger);
	end_world();
}

/* --- the end --- */

static void test_peer_that_dies_is_noticed(void)
{
	struct stranger stranger;

	given_world();
	given_evil_twin(&stranger);
	stranger_dies(&stranger);
	RUN_UNTIL(world.target.downs);
	CU_ASSERT_STRING_EQUAL(world.target.why.id, "PW-2108");
	SAYS(world.target.why.found, "closed from the other end");
	CU_ASSERT_EQUAL(world.target.downs, 1);
	end_world();
}

static void test_what_is_queued_is_sent_before_the_end(void)
{
	static struct pw_ctl_digest digests[10000];
	struct pw_ctl msg = message(PW_CTL_DIGESTS);

	given_world();
	given_link();
	msg.rows = PW_ARRAY_SIZE(digests);
	msg.digests = digests;
	for (unsigned i = 0; i < 8; i++)
		CU_ASSERT_EQUAL(pw_peer_send(world.source.link, &msg), 0);
	pw_ctl_set_why(&msg, PW_CTL_ABORT, ECANCELED, "cancelled");
	CU_ASSERT_EQUAL(pw_peer_send(world.source.link, &msg), 0);
	pw_peer_close(world.source.link);
	world.source.link = NULL;

	RUN_UNTIL(world.target.downs);
	CU_ASSERT_EQUAL(world.target.messages, 9);
	CU_ASSERT_EQUAL(world.target.seen[8], PW_CTL_ABORT);
	CU_ASSERT_EQUAL(world.source.downs, 0);
	end_world();
}

static void close_end(struct end *end)
{
	if (end->link)
		pw_peer_close(end->link);
	end->link = NULL;
}

static void close_at_message(struct end *end, const struct pw_ctl *msg)
{
	(void)msg;
	close_end(end);
}

static void test_link_can_be_closed_from_its_message(void)
{
	struct pw_ctl msg = message(PW_CTL_GIVE);

	given_world();
	given_link();
	world.target.when_message = close_at_message;
	for (unsigned i = 0; i < 5; i++)
		pw_peer_send(world.source.link, &msg);
	RUN_UNTIL(world.source.downs);
	CU_ASSERT_EQUAL(world.target.messages, 1);
	CU_ASSERT_EQUAL(world.target.downs, 0);
	end_world();
}

static void test_link_can_be_closed_as_it_comes_up(void)
{
	given_world();
	world.target.when_up = close_end;
	world.source.when_down = close_end;
	target_listens();
	source_connects();
	RUN_UNTIL(world.source.downs);
	CU_ASSERT_EQUAL(world.target.downs, 0);
	end_world();
}

static void test_end_that_was_meant_is_told_from_a_cut(void)
{
	struct stranger stranger;

	given_world();
	given_evil_twin(&stranger);
	close_end(&world.target);
	RUN_UNTIL(stranger.is_out);
	CU_ASSERT_EQUAL(stranger.reason, 0);	/* TLS was ended, then TCP */
	stranger_dies(&stranger);
	end_world();
}

static struct pw_peer_link *ending;

static void close_again(struct end *end)
{
	(void)end;
	pw_peer_close(ending);
	CU_ASSERT_EQUAL(pw_peer_send(ending, &(struct pw_ctl){ .type = PW_CTL_PING }), -ENOTCONN);
}

static void test_closing_in_on_down_does_no_harm(void)
{
	given_world();
	given_link();
	ending = world.source.link;
	world.source.when_down = close_again;
	close_end(&world.target);
	RUN_UNTIL(world.source.downs);
	CU_ASSERT_EQUAL(world.source.downs, 1);
	end_world();
}

static void test_links_outlive_listener_and_tls(void)
{
	struct pw_ctl msg = message(PW_CTL_GIVE);

	given_world();
	given_link();
	pw_peer_listener_close(world.listener);
	world.listener = NULL;
	pw_peer_tls_destroy(world.b.tls);
	world.b.tls = NULL;
	pw_peer_send(world.source.link, &msg);
	RUN_UNTIL(world.target.messages);
	end_world();
}

static void test_link_that_is_not_up_can_be_closed(void)
{
	given_world();
	target_listens();
	source_connects();
	close_end(&world.source);
	source_connects();
	event_base_loop(world.loop, EVLOOP_ONCE);
	close_end(&world.source);
	end_world();
	CU_ASSERT_EQUAL(world.source.downs, 0);
}

static const struct pw_test tests[] = {
	PW_TEST(test_both_ends_say_who_they_are),
	PW_TEST(test_boot_id_is_that_of_the_kernel),
	PW_TEST(test_nothing_is_sent_before_a_link_is_up),
	PW_TEST(test_messages_arrive_whole_and_in_order),
	PW_TEST(test_answers_are_sent_from_a_callback),
	PW_TEST(test_message_that_is_none_is_not_sent),
	PW_TEST(test_accepted_link_can_change_hands),
	PW_TEST(test_both_ends_know_a_secret_that_depends_on_its_use),
	PW_TEST(test_bulk_flows_in_a_bounded_queue),
	PW_TEST(test_paused_target_holds_the_source_back),
	PW_TEST(test_pause_holds_back_what_has_arrived_already),
	PW_TEST(test_too_much_is_refused),
	PW_TEST(test_ping_is_answered),
	PW_TEST(test_garbage_ends_the_link),
	PW_TEST(test_bad_body_ends_the_link),
	PW_TEST(test_second_hello_ends_the_link),
	PW_TEST(test_message_before_hello_ends_the_link),
	PW_TEST(test_other_version_is_told_from_nonsense),
	PW_TEST(test_peer_that_dies_is_noticed),
	PW_TEST(test_what_is_queued_is_sent_before_the_end),
	PW_TEST(test_link_can_be_closed_from_its_message),
	PW_TEST(test_link_can_be_closed_as_it_comes_up),
	PW_TEST(test_end_that_was_meant_is_told_from_a_cut),
	PW_TEST(test_closing_in_on_down_does_no_harm),
	PW_TEST(test_links_outlive_listener_and_tls),
	PW_TEST(test_link_that_is_not_up_can_be_closed),
};

int main(void)
{
	return PW_RUN_SUITE("peer", tests);
}
