/* SPDX-License-Identifier: Apache-2.0 */
/* Sends the given packets from one namespace's eth0, and reports whether they arrive at another one's. */
#include "probe.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define INJECTED 2048 /* bytes of a packet at most */
#define WAIT_NS 300000000 /* without another arrival */
#define MARK 8	      /* the number of bytes at a packet's end that identify it */

struct injected {
	uint8_t mark[MARK];
	int arrived;
};

/* Reads hexadecimal digits, two for each byte. Returns the length, 0 if they are not a packet. */
static size_t read_hex(const char *digits, uint8_t *into)
{
	size_t length = strlen(digits) / 2;

	if (strlen(digits) % 2 || length < 20 + MARK || length > INJECTED)
		return 0;
	for (size_t i = 0; i < length; i++)
		if (sscanf(digits + 2 * i, "%2hhx", &into[i]) != 1)
			return 0;
	return length;
}

/* Records which packets have arrived. Returns how many of these are new. */
static int take(int receiver, struct injected *all, int count)
{
	uint8_t packet[INJECTED];
	struct sockaddr_ll from;
	socklen_t from_size;
	ssize_t length;
	int more = 0;

	while (from_size = sizeof(from),
	       (length = recvfrom(receiver, packet, sizeof(packet), 0, (void *)&from, &from_size)) > 0) {
		if (from.sll_pkttype == PACKET_OUTGOING || length < MARK)
			continue;
		for (int i = 0; i < count; i++) {
			if (!all[i].arrived && !memcmp(packet + length - MARK, all[i].mark, MARK)) {
				all[i].arrived = 1;
				more++;
			}
		}
	}
	return more;
}

int inject(int argc, char **argv)
{
	int count = argc - 3, missing = count, sender, receiver;
	struct injected *all;
	struct sockaddr_ll to;
	uint8_t sent[INJECTED];

	if (count < 1) {
		fputs("usage: ikat-probe inject FROM-NETNS TO-NETNS PACKET...\n", stderr);
		return 2;
	}
	all = calloc(count, sizeof(*all));
	if (!all) {
		perror("ikat-probe: inject");
		return 1;
	}
	receiver = open_eth0(argv[2], NULL);
	sender = open_eth0(argv[1], &to);
	for (int i = 0; i < count; i++) {
		size_t size = read_hex(argv[3 + i], sent);

		if (!size) {
			fprintf(stderr, "ikat-probe: %s is not a packet\n", argv[3 + i]);
			return 2;
		}
		memcpy(all[i].mark, sent + size - MARK, MARK);
		to.sll_protocol = htons(sent[0] >> 4 == 4 ? ETH_P_IP : ETH_P_IPV6);
		if (sendto(sender, sent, size, 0, (void *)&to, sizeof(to)) < 0) {
			perror("ikat-probe: send");
			return 1;
		}
	}
	for (int64_t end = now_ns() + WAIT_NS; missing && now_ns() < end; usleep(1000)) {
		int more = take(receiver, all, count);

		missing -= more;
		if (more)
			end = now_ns() + WAIT_NS;
	}
	for (int i = 0; i < count; i++)
		puts(all[i].arrived ? "yes" : "no");
	free(all);
	return 0;
}
