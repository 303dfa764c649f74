/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sends frames on links as the commands say, and reports where packets with a mark arrived. A mark is eight bytes, of
 * which the first four are always the same, anywhere in a packet: so it is also found inside a tunnel, a fragment or an
 * error.
 */
#include "probe.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PLACES 16
#define LINKS 16
#define MARKS 1024 /* of one run */
#define FRAME 4096
#define NAME 64

static const uint8_t mark_prefix[4] = { 'i', 'K', 'a', 't' };

/* A place where packets are looked for. */
struct place {
	char name[NAME];
	int fds[2];
	int count;
	bool seen[MARKS];
};

/* A link on which frames are sent. */
struct link {
	char netns[256];
	char name[NAME];
	int fd;
};

static struct place places[PLACES];
static struct link links[LINKS];
static int place_count, link_count;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void enter(const char *netns)
{
	int fd = open(netns, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || setns(fd, CLONE_NEWNET))
		fail(netns);
	close(fd);
}

/* A packet socket at an interface of a namespace; for all of them if the name is a star. */
static int open_packets(const char *netns, const char *name, int protocol)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(protocol) };
	int room = 16 << 20;
	int fd;

	enter(netns);
	if (strcmp(name, "*")) {
		at.sll_ifindex = if_nametoindex(name);
		if (!at.sll_ifindex)
			fail(name);
	}
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind(fd, (void *)&at, sizeof(at)))
		fail(name);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	return fd;
}

static int open_port(int family, uint16_t port)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	int one = 1, fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		fail("socket");
	if (family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (family == AF_INET6 ? bind(fd, (void *)&v6, sizeof(v6)) : bind(fd, (void *)&v4, sizeof(v4)))
		fail("bind");
	return fd;
}

static struct place *add_place(const char *name)
{
	struct place *place = &places[place_count];

	if (++place_count > PLACES) {
		fputs("ikat-probe: too many places\n", stderr);
		exit(2);
	}
	snprintf(place->name, sizeof(place->name), "%s", name);
	return place;
}

static struct place *find_place(const char *name)
{
	for (int i = 0; i < place_count; i++)
		if (!strcmp(places[i].name, name))
			return &places[i];
	fprintf(stderr, "ikat-probe: %s is not a place\n", name);
	exit(2);
}

static int sender(const char *netns, const char *name)
{
	for (int i = 0; i < link_count; i++)
		if (!strcmp(links[i].netns, netns) && !strcmp(links[i].name, name))
			return links[i].fd;
	if (link_count == LINKS) {
		fputs("ikat-probe: too many links\n", stderr);
		exit(2);
	}
	snprintf(links[link_count].netns, sizeof(links[0].netns), "%s", netns);
	snprintf(links[link_count].name, sizeof(links[0].name), "%s", name);
	/* Without a protocol the socket receives nothing. */
	links[link_count].fd = open_packets(netns, name, 0);
	return links[link_count++].fd;
}

static void look_for_marks(struct place *place, const uint8_t *packet, size_t length)
{
	const uint8_t *at = packet, *end = packet + length;

	while (end - at >= 8 && (at = memmem(at, end - at, mark_prefix, sizeof(mark_prefix))) && end - at >= 8) {
		uint32_t number = (uint32_t)at[4] << 24 | at[5] << 16 | at[6] << 8 | at[7];

		if (number < MARKS)
			place->seen[number] = true;
		at += 8;
	}
}

static void look(struct place *place)
{
	static uint8_t packet[1 << 16];

	for (int i = 0; i < place->count; i++) {
		struct sockaddr_ll from = { 0 };
		socklen_t size = sizeof(from);
		ssize_t length;

		while ((length = recvfrom(place->fds[i], packet, sizeof(packet), 0, (void *)&from, &size)) > 0) {
			if (from.sll_family != AF_PACKET || from.sll_pkttype != PACKET_OUTGOING)
				look_for_marks(place, packet, length);
			size = sizeof(from);
		}
	}
}

static void send_frame(int fd, const char *digits)
{
	static uint8_t frame[FRAME];
	size_t length = strlen(digits) / 2;

	if (length > sizeof(frame)) {
		fputs("ikat-probe: the frame is too long\n", stderr);
		exit(2);
	}
	for (size_t i = 0; i < length; i++)
		if (sscanf(digits + 2 * i, "%2hhx", &frame[i]) != 1) {
			fprintf(stderr, "ikat-probe: %s is not a frame\n", digits);
			exit(2);
		}
	if (send(fd, frame, length, 0) < 0)
		fail("ikat-probe: send");
}

int frames(int argc, char **argv)
{
	static char line[3 * FRAME], netns[256], name[NAME], digits[2 * FRAME + 1];
	unsigned int number, milliseconds;
	cpu_set_t one;

	(void)argv;
	if (argc != 1) {
		fputs("usage: ikat-probe frames, with commands on standard input\n", stderr);
		return 2;
	}
	/* Frames that one processor sends stay in order. */
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	sched_setaffinity(0, sizeof(one), &one);
	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "watch %63s %255s %8192s", name, netns, digits) == 3) {
			struct place *place = add_place(name);

			place->fds[place->count++] = open_packets(netns, digits, ETH_P_ALL);
		} else if (sscanf(line, "listen %63s %255s %u", name, netns, &number) == 3) {
			struct place *place = add_place(name);

			enter(netns);
			place->fds[place->count++] = open_port(AF_INET, number);
			place->fds[place->count++] = open_port(AF_INET6, number);
		} else if (sscanf(line, "send %255s %63s %8192s", netns, name, digits) == 3) {
			send_frame(sender(netns, name), digits);
		} else if (sscanf(line, "await %63s %u %u", name, &number, &milliseconds) == 3 && number < MARKS) {
			struct place *place = find_place(name);
			int64_t end = now_ns() + milliseconds * 1000000LL;

			for (look(place); !place->seen[number] && now_ns() < end; look(place))
				usleep(500);
		} else {
			fprintf(stderr, "ikat-probe: unknown command %s", line);
			return 2;
		}
	}
	for (int i = 0; i < place_count; i++) {
		look(&places[i]);
		for (number = 0; number < MARKS; number++)
			if (places[i].seen[number])
				printf("%s %u\n", places[i].name, number);
	}
	return 0;
}
