/* SPDX-License-Identifier: Apache-2.0 */
/* The echo server of a pod: one process, any number of ports, TCP, UDP and (the beginning of) SCTP, IPv4 and IPv6. */
#include "probe.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_FDS 1024
#define BUFFER 65536

enum kind { STDIN, LISTENER, DATAGRAM, ASSOCIATION_V4, ASSOCIATION_V6, STREAM };

struct peer {
	enum kind kind;
	char *pending; /* what a slow reader has not taken yet */
	size_t pending_length;
};

static struct pollfd fds[MAX_FDS];
static struct peer peers[MAX_FDS];
static int count;
static char buffer[BUFFER];
static bool served[65536];

static int add(int fd, enum kind kind)
{
	if (count == MAX_FDS) {
		close(fd);
		return -1;
	}
	fds[count] = (struct pollfd){ .fd = fd, .events = POLLIN };
	peers[count] = (struct peer){ .kind = kind };
	return count++;
}

static void drop(int i)
{
	close(fds[i].fd);
	free(peers[i].pending);
	count--;
	fds[i] = fds[count];
	peers[i] = peers[count];
}

static int listen_on(int family, int type, uint16_t port)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	const struct sockaddr *address = family == AF_INET6 ? (void *)&v6 : (void *)&v4;
	socklen_t length = family == AF_INET6 ? sizeof(v6) : sizeof(v4);
	int one = 1, fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return family == AF_INET6 && errno == EAFNOSUPPORT ? 0 : -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (type == SOCK_DGRAM && family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &one, sizeof(one));
	if (type == SOCK_DGRAM && family == AF_INET)
		setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &one, sizeof(one));
	if (bind(fd, address, length) || (type == SOCK_STREAM && listen(fd, 512)))
		return -1;
	add(fd, type == SOCK_STREAM ? LISTENER : DATAGRAM);
	return 0;
}

/*
 * The answer is sent from the address that was asked: a node has several, and an address translation expects exactly
 * that one.
 */
static void echo_datagrams(int fd)
{
	struct sockaddr_storage from;
	char control[256];
	struct iovec data = { .iov_base = buffer };
	struct msghdr message = { .msg_name = &from, .msg_iov = &data, .msg_iovlen = 1, .msg_control = control };
	ssize_t n;

	for (;;) {
		data.iov_len = sizeof(buffer);
		message.msg_namelen = sizeof(from);
		message.msg_controllen = sizeof(control);
		n = recvmsg(fd, &message, 0);
		if (n < 0)
			return;
		data.iov_len = n;
		message.msg_flags = 0;
		sendmsg(fd, &message, 0);
	}
}

static bool is_served(uint16_t port)
{
	return served[port];
}

/* One raw socket for each family receives for all ports. */
static void answer_associations(int family)
{
	int fd = socket(family, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_SCTP);
	int one = 1;

	if (fd < 0) /* no right to raw sockets, or not the family: the other protocols are served all the same */
		return;
	if (family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &one, sizeof(one));
	else
		setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &one, sizeof(one));
	add(fd, family == AF_INET6 ? ASSOCIATION_V6 : ASSOCIATION_V4);
}

static void answer_association(int fd, bool six)
{
	struct sockaddr_storage from;
	char control[256], answer[SCTP_PACKET];
	struct iovec data = { .iov_base = buffer };
	struct msghdr message = { .msg_name = &from, .msg_iov = &data, .msg_iovlen = 1, .msg_control = control };
	ssize_t n;

	for (;;) {
		data = (struct iovec){ .iov_base = buffer, .iov_len = sizeof(buffer) };
		message.msg_namelen = sizeof(from);
		message.msg_controllen = sizeof(control);
		n = recvmsg(fd, &message, 0);
		if (n < 0)
			return;
		/* A raw IPv4 socket returns the IP header too. */
		ssize_t header = six ? 0 : (buffer[0] & 0xf) * 4;

		if (n < header)
			continue;
		data = (struct iovec){ .iov_base = answer,
				       .iov_len = sctp_answer(buffer + header, n - header, is_served, answer) };
		message.msg_flags = 0;
		/* The address of a raw IPv6 socket's peer must not have a port. */
		if (six)
			((struct sockaddr_in6 *)&from)->sin6_port = 0;
		if (data.iov_len)
			sendmsg(fd, &message, 0);
	}
}

/* Returns -1 when the connection has ended. */
static int echo_stream(int i)
{
	struct peer *peer = &peers[i];
	ssize_t n;

	if (peer->pending_length) {
		n = send(fds[i].fd, peer->pending, peer->pending_length, MSG_DONTWAIT);
		if (n < 0)
			return errno == EAGAIN ? 0 : -1;
		memmove(peer->pending, peer->pending + n, peer->pending_length - n);
		peer->pending_length -= n;
		if (peer->pending_length)
			return 0;
		fds[i].events = POLLIN;
	}
	n = recv(fds[i].fd, buffer, sizeof(buffer), MSG_DONTWAIT);
	if (n <= 0)
		return n < 0 && errno == EAGAIN ? 0 : -1;
	ssize_t sent = send(fds[i].fd, buffer, n, MSG_DONTWAIT);
	if (sent < 0 && errno != EAGAIN)
		return -1;
	if (sent < 0)
		sent = 0;
	if (sent < n) {
		if (!peer->pending && !(peer->pending = malloc(BUFFER)))
			return -1;
		memcpy(peer->pending, buffer + sent, n - sent);
		peer->pending_length = n - sent;
		fds[i].events = POLLOUT;
	}
	return 0;
}

int serve(int argc, char **argv)
{
	int first = 1, keep = argc > 1 && !strcmp(argv[1], "-k");

	if (keep)
		first++;
	else
		add(0, STDIN);
	for (int i = first; i < argc; i++) {
		uint16_t port = atoi(argv[i]);

		served[port] = true;

		if (listen_on(AF_INET, SOCK_STREAM, port) || listen_on(AF_INET, SOCK_DGRAM, port) ||
		    listen_on(AF_INET6, SOCK_STREAM, port) || listen_on(AF_INET6, SOCK_DGRAM, port)) {
			fprintf(stderr, "ikat-probe: can't serve on port %s: %s\n", argv[i], strerror(errno));
			return 1;
		}
	}
	answer_associations(AF_INET);
	answer_associations(AF_INET6);
	puts("ready");
	fflush(stdout);
	for (;;) {
		if (poll(fds, count, -1) < 0 && errno != EINTR)
			return 1;
		/* From the end, so that drop() moves only entries that have been handled, or are new. */
		for (int i = count - 1; i >= 0; i--) {
			if (!fds[i].revents)
				continue;
			switch (peers[i].kind) {
			case STDIN:
				if (read(0, buffer, sizeof(buffer)) <= 0)
					return 0;
				break;
			case LISTENER: {
				int fd;

				while ((fd = accept4(fds[i].fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
					add(fd, STREAM);
				break;
			}
			case DATAGRAM:
				echo_datagrams(fds[i].fd);
				break;
			case ASSOCIATION_V4:
			case ASSOCIATION_V6:
				answer_association(fds[i].fd, peers[i].kind == ASSOCIATION_V6);
				break;
			case STREAM:
				if (echo_stream(i))
					drop(i);
				break;
			}
		}
	}
}
