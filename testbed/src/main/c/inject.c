/* SPDX-License-Identifier: Apache-2.0 */
/* Sends packets as it is told from one namespace's eth0, and looks whether they arrive at another one's. */
#include "probe.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define INJECTED 2048 /* bytes of a packet at most */
#define PACKETS 128
#define WAIT_NS 200000000
#define MARK 8	      /* as many bytes at a packet's end tell it from the others */

/* Reads hexadecimal digits, two a byte. Returns the length, 0 for what is no packet. */
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

static bool is_same(const uint8_t *packet, size_t length, const uint8_t *sent, size_t size)
{
	return length >= MARK && !memcmp(packet + length - MARK, sent + size - MARK, MARK);
}

int inject(int argc, char **argv)
{
	static uint8_t sent[PACKETS][INJECTED];
	size_t size[PACKETS];
	bool arrived[PACKETS] = { false };
	int packets = argc - 3, missing = packets;
	struct sockaddr_ll to;
	int sender, receiver;

	if (packets < 1 || packets > PACKETS) {
		fprintf(stderr, "usage: ikat-probe inject FROM-NETNS TO-NETNS PACKET... (%d at most)\n", PACKETS);
		return 2;
	}
	for (int i = 0; i < packets; i++) {
		size[i] = read_hex(argv[3 + i], sent[i]);
		if (!size[i]) {
			fprintf(stderr, "ikat-probe: %s is no packet\n", argv[3 + i]);
			return 2;
		}
	}
	receiver = open_eth0(argv[2], NULL);
	sender = open_eth0(argv[1], &to);
	for (int i = 0; i < packets; i++) {
		to.sll_protocol = htons(sent[i][0] >> 4 == 4 ? ETH_P_IP : ETH_P_IPV6);
		if (sendto(sender, sent[i], size[i], 0, (void *)&to, sizeof(to)) < 0) {
			perror("ikat-probe: send");
			return 1;
		}
	}
	for (int64_t end = now_ns() + WAIT_NS; missing && now_ns() < end; usleep(1000)) {
		uint8_t packet[INJECTED];
		struct sockaddr_ll from;
		socklen_t from_size;
		ssize_t length;

		while (from_size = sizeof(from),
		       (length = recvfrom(receiver, packet, sizeof(packet), 0, (void *)&from, &from_size)) > 0)
			for (int i = 0; i < packets; i++)
				if (from.sll_pkttype != PACKET_OUTGOING && !arrived[i] &&
				    is_same(packet, length, sent[i], size[i])) {
					arrived[i] = true;
					missing--;
				}
	}
	for (int i = 0; i < packets; i++)
		puts(arrived[i] ? "yes" : "no");
	return 0;
}
