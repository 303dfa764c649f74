/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When and how fast pods reach each other: moments in the time of day, in microseconds, so that they compare with those
 * that other programs take.
 */
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PENDING 4096
#define ANSWER_NS 20000000000LL
#define RETRY_US 1000

static long long time_of_day_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static int enter(const char *netns)
{
	int namespace = open(netns, O_RDONLY | O_CLOEXEC);

	if (namespace < 0 || setns(namespace, CLONE_NEWNET)) {
		fprintf(stderr, "ikat-probe: %s: %s\n", netns, strerror(errno));
		return -1;
	}
	close(namespace);
	setvbuf(stdout, NULL, _IOLBF, 0);
	return 0;
}

/* The first byte that a server at the address sends, tried again for as long as it does not listen yet. */
static int await_byte(const struct sockaddr_in *to)
{
	int64_t end = now_ns() + ANSWER_NS;

	while (now_ns() < end) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		struct timeval limit = { .tv_sec = 1 };
		char byte;

		if (fd < 0)
			return -1;
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
		int got = !connect(fd, (const void *)to, sizeof(*to)) && recv(fd, &byte, 1, 0) == 1;
		close(fd);
		if (got)
			return 0;
		usleep(RETRY_US);
	}
	return -1;
}

/* Waits for pods that say by a connection that they have begun, and asks their servers. */
int meet(int argc, char **argv)
{
	struct sockaddr_in own = { .sin_family = AF_INET };
	int listener, one = 1;

	if (argc != 4 || enter(argv[1]))
		return 2;
	own.sin_port = htons(atoi(argv[2]));
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (listener < 0 || bind(listener, (void *)&own, sizeof(own)) || listen(listener, 128)) {
		perror("ikat-probe: can't listen");
		return 1;
	}
	for (;;) {
		struct sockaddr_in from;
		socklen_t length = sizeof(from);
		int fd = accept4(listener, (void *)&from, &length, SOCK_CLOEXEC);

		if (fd < 0)
			continue;
		close(fd);
		from.sin_port = htons(atoi(argv[3]));
		if (await_byte(&from))
			puts("failed");
		else
			printf("%lld\n", time_of_day_us());
	}
}

struct attempt {
	int fd;
	long long began;
	int64_t deadline;
};

/* Whether it has come to its end, of which it then prints a line. */
static bool settled(struct attempt *a, short revents, int64_t now)
{
	int error = 0;
	socklen_t length = sizeof(error);

	if (!revents && now < a->deadline)
		return false;
	if (revents)
		getsockopt(a->fd, SOL_SOCKET, SO_ERROR, &error, &length);
	printf("%lld %s\n", a->began, revents && !error ? "accepted" : "refused");
	close(a->fd);
	return true;
}

/* Begins a connection every so often, whatever became of those before; one without an answer in time is refused. */
int attempts(int argc, char **argv)
{
	static struct attempt pending[PENDING];
	static struct pollfd fds[PENDING];
	struct linger abort = { .l_onoff = 1 };
	struct sockaddr_storage to;
	socklen_t length;
	int64_t next, every, limit;
	int count = 0;

	if (argc != 6 || !(length = read_address(argv[2], atoi(argv[3]), &to)) || enter(argv[1]))
		return 2;
	every = atoi(argv[4]) * 1000LL;
	limit = atoi(argv[5]) * 1000000LL;
	next = now_ns();
	for (;;) {
		int64_t now = now_ns();

		/* After a pause of this process it goes on from now. */
		if (now >= next && count < PENDING) {
			int fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

			next = now + every;
			if (fd < 0)
				return 1;
			/* Its end is a reset, so that no port stays in use. */
			setsockopt(fd, SOL_SOCKET, SO_LINGER, &abort, sizeof(abort));
			pending[count] = (struct attempt){ fd, time_of_day_us(), now + limit };
			fds[count++] = (struct pollfd){ .fd = fd, .events = POLLOUT };
			if (connect(fd, (void *)&to, length) && errno != EINPROGRESS)
				pending[count - 1].deadline = now;
		}
		poll(fds, count, 1);
		now = now_ns();
		/* In the order in which they began. */
		int kept = 0;

		for (int i = 0; i < count; i++) {
			if (settled(&pending[i], fds[i].revents, now))
				continue;
			pending[kept] = pending[i];
			fds[kept] = fds[i];
			fds[kept++].revents = 0;
		}
		count = kept;
		if (ferror(stdout))
			return 0;
	}
}

/* One byte to an echo server and back, over and over on one connection; prints the microseconds of each time. */
int trips(int argc, char **argv)
{
	struct sockaddr_storage to;
	socklen_t length;
	int fd, one = 1;
	char byte = 0;

	if (argc != 5 || !(length = read_address(argv[2], atoi(argv[3]), &to)) || enter(argv[1]))
		return 2;
	fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (void *)&to, length)) {
		fprintf(stderr, "ikat-probe: %s:%s: %s\n", argv[2], argv[3], strerror(errno));
		return 1;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	for (int i = atoi(argv[4]); i > 0; i--) {
		int64_t began = now_ns();

		if (send(fd, &byte, 1, 0) != 1 || recv(fd, &byte, 1, 0) != 1)
			return 1;
		printf("%.1f\n", (now_ns() - began) / 1000.0);
	}
	return 0;
}
