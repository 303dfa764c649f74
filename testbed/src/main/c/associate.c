/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An SCTP association of the kernel's own sockets from one network namespace to another, both ends of which go on
 * sending. Client and server are one process, so that neither outlives the other.
 */
#include "probe.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BYTES 64
#define PACE_MS 20
#define BEGIN_S 10

static long received(int fd)
{
	char message[BYTES];
	long count = 0;

	while (recv(fd, message, sizeof(message), MSG_DONTWAIT) > 0)
		count++;
	return count;
}

/* Sends until the input ends; for each byte of it, reports what has arrived so far. */
static void talk(int client, int server)
{
	static const char message[BYTES];
	long by_server = 0, by_client = 0;
	char asked;

	for (;;) {
		struct pollfd input = { .fd = 0, .events = POLLIN };
		int ready = poll(&input, 1, PACE_MS);

		/* Messages that can't be sent because the other end acknowledges nothing are dropped. */
		(void)!send(client, message, sizeof(message), MSG_DONTWAIT);
		(void)!send(server, message, sizeof(message), MSG_DONTWAIT);
		by_server += received(server);
		by_client += received(client);
		if (ready > 0) {
			if (read(0, &asked, 1) != 1)
				return;
			printf("%ld %ld\n", by_server, by_client);
			fflush(stdout);
		}
	}
}

int associate(int argc, char **argv)
{
	struct sockaddr_storage address;
	struct timeval limit = { .tv_sec = BEGIN_S };
	int listener, client, server;
	socklen_t length;

	if (argc != 5) {
		fputs("usage: ikat-probe associate FROM-NETNS TO-NETNS ADDRESS PORT\n", stderr);
		return 2;
	}
	length = read_address(argv[3], atoi(argv[4]), &address);
	if (!length)
		return 2;
	listener = socket_in_namespace(argv[2], address.ss_family, SOCK_STREAM, IPPROTO_SCTP);
	if (listener < 0 && (errno == EPROTONOSUPPORT || errno == ESOCKTNOSUPPORT)) {
		puts("unsupported");
		return 0;
	}
	client = socket_in_namespace(argv[1], address.ss_family, SOCK_STREAM, IPPROTO_SCTP);
	if (listener < 0 || client < 0)
		return 1;
	setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (bind(listener, (void *)&address, length) || listen(listener, 1) ||
	    connect(client, (void *)&address, length) || (server = accept(listener, NULL, NULL)) < 0) {
		fprintf(stderr, "ikat-probe: association with %s port %s: %s\n", argv[3], argv[4], strerror(errno));
		return 1;
	}
	puts("begun");
	fflush(stdout);
	talk(client, server);
	return 0;
}
