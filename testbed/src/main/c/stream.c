/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbered datagrams from one network namespace to another, at an even rate, and a record of each that arrives: what is
 * missing at the end was lost on the path. Sender and receiver are one process, so that neither outlives the other.
 */
#include "probe.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST (1 << 24)
#define BYTES 512
#define BUFFER (16 << 20) /* a busy machine may not let us read for seconds */
#define NAMED 10
#define TIMED (1 << 20) /* the time of this many is remembered */
#define LAST_WAIT_NS 3000000000LL

static uint8_t seen[MOST / 8];
static long sent, arrived, unsent;
static struct timespec sent_at[TIMED];
static int refusal; /* errno of the last one that could not be sent */

static void send_next(int fd)
{
	char datagram[BYTES] = { 0 };
	uint32_t number = (uint32_t)sent++;

	clock_gettime(CLOCK_REALTIME, &sent_at[number % TIMED]);
	memcpy(datagram, &number, sizeof(number));
	/* A datagram that can't be sent, because the one before was refused, counts as lost. */
	if (send(fd, datagram, sizeof(datagram), 0) < 0) {
		refusal = errno;
		unsent++;
	}
}

static void note_arrived(int fd)
{
	char datagram[BYTES];
	uint32_t number;

	while (recv(fd, datagram, sizeof(datagram), 0) == BYTES) {
		memcpy(&number, datagram, sizeof(number));
		if (number >= MOST || (seen[number / 8] & 1 << number % 8))
			continue;
		seen[number / 8] |= 1 << number % 8;
		arrived++;
	}
}

/* With the time of day (UTC) at which it was sent, as in logs. */
static void report_lost(long number, const char *separator)
{
	struct timespec at = sent_at[number % TIMED];
	struct tm utc;
	char text[16];

	strftime(text, sizeof(text), "%T", gmtime_r(&at.tv_sec, &utc));
	printf("%s%ld at %s.%03ld", separator, number, text, at.tv_nsec / 1000000);
}

static void report(void)
{
	printf("%ld %ld ", sent, arrived);
	for (long number = 0, named = 0; number < sent && number < MOST && named < NAMED; number++) {
		if (!(seen[number / 8] & 1 << number % 8))
			report_lost(number, named++ ? ", " : "");
	}
	if (unsent)
		printf(" (%ld could not be sent: %s)", unsent, strerror(refusal));
	putchar('\n');
	fflush(stdout);
}

/* Sends until the input ends; each byte of it requests a report. */
static void pump(int from, int to, int64_t pace)
{
	int64_t next = now_ns();
	char asked;

	for (;;) {
		struct pollfd fds[] = { { .fd = 0, .events = POLLIN }, { .fd = to, .events = POLLIN } };
		int64_t now = now_ns();

		/* Datagrams that were missed while other processes had the processor are not sent later: no bursts. */
		if (now >= next && sent < MOST) {
			send_next(from);
			next = now + pace;
		}
		struct timespec wait = { .tv_nsec = next > now ? next - now : 0 };

		if (ppoll(fds, 2, &wait, NULL) < 0 && errno != EINTR)
			return;
		note_arrived(to);
		if (fds[0].revents) {
			if (read(0, &asked, 1) != 1)
				return;
			report();
		}
	}
}

int stream(int argc, char **argv)
{
	struct sockaddr_storage address;
	int size = BUFFER, from, to, per_second;
	socklen_t length;

	if (argc != 6 || (per_second = atoi(argv[5])) < 2) {
		fputs("usage: ikat-probe stream FROM-NETNS TO-NETNS ADDRESS PORT PER-SECOND\n", stderr);
		return 2;
	}
	length = read_address(argv[3], atoi(argv[4]), &address);
	if (!length)
		return 2;
	to = socket_in_namespace(argv[2], address.ss_family, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	from = socket_in_namespace(argv[1], address.ss_family, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	if (to < 0 || from < 0) {
		fprintf(stderr, "ikat-probe: no socket: %s\n", strerror(errno));
		return 1;
	}
	setsockopt(to, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (bind(to, (void *)&address, length) || connect(from, (void *)&address, length)) {
		fprintf(stderr, "ikat-probe: %s port %s: %s\n", argv[3], argv[4], strerror(errno));
		return 1;
	}
	pump(from, to, 1000000000LL / per_second);
	for (int64_t end = now_ns() + LAST_WAIT_NS; arrived < sent && now_ns() < end;) {
		struct pollfd last = { .fd = to, .events = POLLIN };

		poll(&last, 1, 50);
		note_arrived(to);
	}
	report();
	return 0;
}
