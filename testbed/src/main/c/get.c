/* SPDX-License-Identifier: Apache-2.0 */
/* One HTTP GET, for health and metrics of an agent that listens only on its node's loopback interface. */
#include "probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

int get(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	struct timeval limit = { 0 };
	char buffer[65536];
	int fd, length;
	ssize_t n;

	if (argc != 5 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1) {
		fputs("usage: ikat-probe get IPV4-ADDRESS PORT PATH SECONDS\n", stderr);
		return 2;
	}
	to.sin_port = htons(atoi(argv[2]));
	limit.tv_sec = atoi(argv[4]);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (fd < 0 || connect(fd, (void *)&to, sizeof(to))) {
		fprintf(stderr, "ikat-probe: %s:%s: %s\n", argv[1], argv[2], strerror(errno));
		return 1;
	}
	length = snprintf(buffer, sizeof(buffer), "GET %s HTTP/1.0\r\nHost: %s\r\nConnection: close\r\n\r\n",
			  argv[3], argv[1]);
	if (length >= (int)sizeof(buffer) || write(fd, buffer, length) != length)
		return 1;
	while ((n = read(fd, buffer, sizeof(buffer))) > 0)
		fwrite(buffer, 1, n, stdout);
	if (n < 0)
		fprintf(stderr, "ikat-probe: %s:%s%s: %s\n", argv[1], argv[2], argv[3],
			errno == EAGAIN ? "no answer in time" : strerror(errno));
	return n < 0 ? 1 : 0;
}
