/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tries many targets at once. Each socket is created inside its source's network namespace and then used from here, so
 * that one process and one poll loop cover every pair of a cluster.
 */
#include "probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_BYTES 60000 /* also the limit of one datagram */
#define RESEND_NS 200000000LL

enum protocol { TCP, UDP, SCTP, ICMP };
enum state { CONNECTING, TALKING, DONE };

struct target {
	char id[64];
	enum protocol protocol;
	int family;
	int fd;
	enum state state;
	size_t bytes, sent, received;
	int64_t started, resend, ended;
	bool expected;
	const char *failure; /* NULL when it succeeded */
	uint16_t number;
	uint16_t port, own_port; /* of SCTP */
	uint32_t tag;
};

static struct target *targets;
static struct pollfd *fds;
static int count;
static char buffer[MAX_BYTES + 64];

static void end(struct target *t, const char *failure)
{
	t->state = DONE;
	t->failure = failure;
	t->ended = now_ns();
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
}

/* The content at an offset, different for each target, so that no other echo passes for ours. */
static char pattern(const struct target *t, size_t offset)
{
	return (char)(offset * 31 + t->number * 7 + offset / 251);
}

static void fill(const struct target *t, char *into, size_t from, size_t length)
{
	for (size_t i = 0; i < length; i++)
		into[i] = pattern(t, from + i);
}

static bool matches(const struct target *t, const char *data, size_t from, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (data[i] != pattern(t, from + i))
			return false;
	return true;
}

static uint16_t internet_checksum(const void *data, size_t length)
{
	const uint8_t *byte = data;
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < length; i += 2)
		sum += byte[i] << 8 | byte[i + 1];
	if (length & 1)
		sum += byte[length - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons(~sum);
}

static void send_ping(struct target *t)
{
	/* ICMP and ICMPv6 echo requests have the same eight bytes of header: type, code, checksum, id, sequence. */
	struct icmphdr *header = (void *)buffer;

	memset(header, 0, sizeof(*header));
	header->type = t->family == AF_INET ? ICMP_ECHO : ICMP6_ECHO_REQUEST;
	header->un.echo.id = htons((uint16_t)t->tag);
	header->un.echo.sequence = htons((uint16_t)getpid());
	fill(t, buffer + sizeof(*header), 0, t->bytes);
	if (t->family == AF_INET)
		header->checksum = internet_checksum(buffer, sizeof(*header) + t->bytes);
	send(t->fd, buffer, sizeof(*header) + t->bytes, 0);
}

static void send_datagram(struct target *t)
{
	t->resend = now_ns() + RESEND_NS;
	if (t->protocol == ICMP) {
		send_ping(t);
		return;
	}
	if (t->protocol == SCTP) {
		send(t->fd, buffer, sctp_init(buffer, t->own_port, t->port, t->tag), 0);
		return;
	}
	fill(t, buffer, 0, t->bytes);
	send(t->fd, buffer, t->bytes, 0);
}

/* Creates the socket in the namespace and returns; both file descriptors stay open. */
static int socket_in(int namespace, int self, int family, int type, int protocol)
{
	int fd;

	if (namespace >= 0 && setns(namespace, CLONE_NEWNET))
		return -1;
	fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
	if (namespace >= 0 && setns(self, CLONE_NEWNET)) {
		perror("ikat-probe: can't return to the own network namespace");
		exit(1);
	}
	return fd;
}

static void begin(struct target *t, int namespace, int self, const char *address, uint16_t port)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	bool six = strchr(address, ':') != NULL;
	struct sockaddr *to = six ? (void *)&v6 : (void *)&v4;
	socklen_t length = six ? sizeof(v6) : sizeof(v4);

	t->started = now_ns();
	t->family = six ? AF_INET6 : AF_INET;
	if (inet_pton(t->family, address, six ? (void *)&v6.sin6_addr : (void *)&v4.sin_addr) != 1) {
		end(t, "no address");
		return;
	}
	if (t->protocol == ICMP || t->protocol == SCTP) {
		int icmp = six ? IPPROTO_ICMPV6 : IPPROTO_ICMP;

		v4.sin_port = v6.sin6_port = 0;
		/*
		 * Uses no port and tag again that were used a moment ago: what was tracked then must not affect this
		 * try.
		 */
		t->tag = (uint32_t)(t->started >> 8) + t->number;
		t->own_port = 1024 + t->tag % 64000;
		t->port = port;
		t->fd = socket_in(namespace, self, t->family, SOCK_RAW, t->protocol == SCTP ? IPPROTO_SCTP : icmp);
	} else {
		t->fd = socket_in(namespace, self, t->family, t->protocol == TCP ? SOCK_STREAM : SOCK_DGRAM, 0);
	}
	if (t->fd < 0) {
		end(t, strerror(errno));
		return;
	}
	if (connect(t->fd, to, length) && errno != EINPROGRESS) {
		end(t, strerror(errno));
		return;
	}
	t->state = t->protocol == TCP ? CONNECTING : TALKING;
	if (t->protocol != TCP)
		send_datagram(t);
}

static void advance_tcp(struct target *t)
{
	int error = 0;
	socklen_t length = sizeof(error);
	ssize_t n;

	if (t->state == CONNECTING) {
		getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &error, &length);
		if (error) {
			end(t, strerror(error));
			return;
		}
		t->state = TALKING;
	}
	while (t->sent < t->bytes) {
		fill(t, buffer, t->sent, t->bytes - t->sent);
		n = send(t->fd, buffer, t->bytes - t->sent, 0);
		if (n < 0)
			break;
		t->sent += n;
	}
	while ((n = recv(t->fd, buffer, MAX_BYTES, 0)) > 0) {
		if (t->received + n > t->bytes || !matches(t, buffer, t->received, n)) {
			end(t, "the echo differs from what was sent");
			return;
		}
		t->received += n;
	}
	if (t->received == t->bytes)
		end(t, NULL);
	else if (n == 0)
		end(t, "closed by the peer");
	else if (errno != EAGAIN)
		end(t, strerror(errno));
}

static void advance_datagram(struct target *t)
{
	size_t header = 0;
	ssize_t n;

	while ((n = recv(t->fd, buffer, sizeof(buffer), 0)) >= 0) {
		if (t->protocol == ICMP) {
			/* A raw IPv4 socket returns the IP header too; a raw ICMPv6 socket does not. */
			header = t->family == AF_INET ? (size_t)(buffer[0] & 0xf) * 4 : 0;
			struct icmphdr *icmp = (void *)(buffer + header);
			int reply = t->family == AF_INET ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY;

			if ((size_t)n < header + sizeof(*icmp) || icmp->type != reply ||
			    icmp->un.echo.id != htons((uint16_t)t->tag) || icmp->un.echo.sequence != htons((uint16_t)getpid()))
				continue;
			header += sizeof(*icmp);
		}
		if (t->protocol == SCTP) {
			header = t->family == AF_INET ? (size_t)(buffer[0] & 0xf) * 4 : 0;
			if ((size_t)n < header ||
			    !sctp_is_answer(buffer + header, n - header, t->own_port, t->port, t->tag))
				continue;
			end(t, NULL);
			return;
		}
		if ((size_t)n == header + t->bytes && matches(t, buffer + header, 0, t->bytes)) {
			end(t, NULL);
			return;
		}
	}
	/* An ICMP error (ECONNREFUSED, EHOSTUNREACH) may be about a passing state: the next try decides. */
	if (errno != EAGAIN && errno != EINTR)
		t->failure = strerror(errno);
}

static int read_targets(int self)
{
	char line[512], netns[256], protocol[8], address[64], last[256] = "-";
	int namespace = -1, capacity = 0;

	while (fgets(line, sizeof(line), stdin)) {
		struct target t = { .fd = -1, .number = (uint16_t)(count + 1) };
		unsigned int port;
		int fields;
		char expected[4];

		fields = sscanf(line, "%63s %255s %7s %63s %u %zu %3s", t.id, netns, protocol, address, &port, &t.bytes,
				expected);
		t.expected = fields == 6;
		if (fields < 6 || (fields == 7 && strcmp(expected, "no")) || t.bytes < 1 || t.bytes > MAX_BYTES) {
			fprintf(stderr, "ikat-probe: not a target: %s", line);
			return -1;
		}
		t.protocol = !strcmp(protocol, "tcp") ? TCP : !strcmp(protocol, "udp") ? UDP :
			     !strcmp(protocol, "sctp") ? SCTP : ICMP;
		if (strcmp(netns, last)) {
			if (namespace >= 0)
				close(namespace);
			namespace = strcmp(netns, "-") ? open(netns, O_RDONLY | O_CLOEXEC) : -1;
			if (namespace < 0 && strcmp(netns, "-")) {
				fprintf(stderr, "ikat-probe: %s: %s\n", netns, strerror(errno));
				return -1;
			}
			strcpy(last, netns);
		}
		if (count == capacity) {
			capacity = capacity ? capacity * 2 : 64;
			targets = realloc(targets, capacity * sizeof(*targets));
			fds = realloc(fds, capacity * sizeof(*fds));
			if (!targets || !fds)
				return -1;
		}
		begin(&t, namespace, self, address, (uint16_t)port);
		targets[count++] = t;
	}
	return 0;
}

static void report(void)
{
	for (int i = 0; i < count; i++) {
		struct target *t = &targets[i];

		if (t->failure)
			printf("%s fail %s\n", t->id, t->failure);
		else
			printf("%s ok %lld\n", t->id, (long long)(t->ended - t->started) / 1000);
	}
}

int check(int argc, char **argv)
{
	int64_t limit = 2000000000LL, settle = 0, settled = INT64_MAX;
	int self = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	for (int i = 1; i + 1 < argc; i += 2)
		*(strcmp(argv[i], "-s") ? &limit : &settle) = atoi(argv[i + 1]) * 1000000LL;
	if (self < 0 || read_targets(self))
		return 1;
	for (;;) {
		int open_targets = 0, awaited = 0;
		int64_t now = now_ns(), pause = 50000000LL;

		for (int i = 0; i < count; i++) {
			struct target *t = &targets[i];

			if (t->state != DONE && t->protocol != TCP && now > t->resend)
				send_datagram(t);
			fds[i] = (struct pollfd){ .fd = t->fd, .events = POLLIN };
			if (t->state == CONNECTING || (t->protocol == TCP && t->sent < t->bytes))
				fds[i].events |= POLLOUT;
			open_targets += t->state != DONE;
			awaited += t->state != DONE && t->expected;
		}
		if (!open_targets)
			break;
		if (!awaited && settled == INT64_MAX)
			settled = now + settle;
		if (!awaited && settled - now < pause)
			pause = settled > now ? settled - now : 0;
		if (poll(fds, count, (int)(pause / 1000000) + 1) < 0 && errno != EINTR)
			return 1;
		for (int i = 0; i < count; i++) {
			if (targets[i].state == DONE || !fds[i].revents)
				continue;
			if (targets[i].protocol == TCP)
				advance_tcp(&targets[i]);
			else
				advance_datagram(&targets[i]);
		}
		/*
		 * Checked after everything that has arrived was read, so that a pause of this process does not cost an
		 * answer.
		 */
		for (int i = 0; i < count; i++) {
			struct target *t = &targets[i];

			if (t->state != DONE && (now - t->started > limit || now > settled))
				end(t, t->failure ? t->failure : "no answer in time");
		}
	}
	report();
	return 0;
}
