/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IKAT_PROBE_H
#define IKAT_PROBE_H

#define _GNU_SOURCE
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <time.h>

int serve(int argc, char **argv);
int check(int argc, char **argv);
int run(int argc, char **argv);
int get(int argc, char **argv);
int floor_time(int argc, char **argv);
int fuzz(int argc, char **argv);
int inject(int argc, char **argv);
int stream(int argc, char **argv);
int associate(int argc, char **argv);
int frames(int argc, char **argv);
int meet(int argc, char **argv);
int attempts(int argc, char **argv);
int trips(int argc, char **argv);

/* Reads an address of either family and its port into `into`; returns its length, 0 if it is not an address. */
socklen_t read_address(const char *text, uint16_t port, struct sockaddr_storage *into);

/* Enters a namespace and opens a socket there; -1 and errno if it can't. */
int socket_in_namespace(const char *netns, int family, int type, int protocol);

struct sockaddr_ll;

/*
 * Opens a packet socket at a namespace's eth0; `through` is set to how its packets reach the node, unless it is null.
 */
int open_eth0(const char *namespace, struct sockaddr_ll *through);

/* SCTP packets without the IP header, ports and tags in host order; each call returns the length of what it wrote. */
#define SCTP_PACKET 64
size_t sctp_init(void *into, uint16_t source, uint16_t destination, uint32_t tag);
/* 0 if the data is not an INIT for a served port. */
size_t sctp_answer(const void *data, size_t length, bool (*is_served)(uint16_t port), void *into);
bool sctp_is_answer(const void *data, size_t length, uint16_t source, uint16_t destination, uint32_t tag);

static inline int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

#endif
