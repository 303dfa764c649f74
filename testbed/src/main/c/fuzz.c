/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sends malformed packets of every kind from one namespace's eth0 and reports what arrives at another one's. Half of
 * them go to one port, with one thing or another damaged.
 */
#include "probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define PACKET 512
#define LOOK_EVERY 64

static uint64_t seed;

static uint32_t bits(void)
{
	/* xorshift64*, so that a run can be repeated. */
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return (seed * 2685821657736338717ULL) >> 32;
}

static int one_in(int n)
{
	return bits() % n == 0;
}

int open_eth0(const char *namespace, struct sockaddr_ll *through)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	struct ifreq request = { .ifr_name = "eth0" };
	int room = 64 << 20;
	int fd = open(namespace, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || setns(fd, CLONE_NEWNET)) {
		perror(namespace);
		exit(1);
	}
	close(fd);
	fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETH_P_ALL));
	if (fd < 0 || ioctl(fd, SIOCGIFINDEX, &request)) {
		perror("ikat-probe: eth0");
		exit(1);
	}
	at.sll_ifindex = request.ifr_ifindex;
	if (bind(fd, (void *)&at, sizeof(at))) {
		perror("ikat-probe: eth0");
		exit(1);
	}
	if (through) {
		*through = at;
		through->sll_halen = 6;
		/* The host end of every pod's veth pair has this address. */
		memset(through->sll_addr, 0xee, 6);
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	return fd;
}

static uint16_t checksum(const void *data, size_t length)
{
	const uint16_t *words = data;
	uint32_t sum = 0;

	for (size_t i = 0; i < length / 2; i++)
		sum += words[i];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

/* What follows the IP headers: ports that may be allowed, and noise. Returns its length. */
static size_t transport(uint8_t *into, uint8_t protocol, uint16_t port)
{
	size_t length = one_in(8) ? bits() % 24 : 20 + bits() % 64;
	uint16_t to = htons(one_in(2) ? port : one_in(2) ? port + 1 : (int)(bits() & 0xffff));

	for (size_t i = 0; i < length; i++)
		into[i] = bits();
	if (length >= 4)
		memcpy(into + 2, &to, 2);
	if (protocol == IPPROTO_TCP && length >= 14) {
		if (!one_in(4))
			into[12] = 0x50;
		if (one_in(2))
			into[13] = 0x02;
	}
	return length;
}

static uint8_t any_protocol(void)
{
	static const uint8_t usual[] = { IPPROTO_TCP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_ICMPV6, 132 };

	return one_in(8) ? bits() : usual[bits() % sizeof(usual)];
}

static size_t make_v4(uint8_t *into, const char *source, const char *destination, uint16_t port)
{
	struct iphdr *ip = (void *)into;
	size_t header = one_in(6) ? 20 + 4 * (bits() % 11) : 20;
	size_t length;

	memset(into, 0, header);
	ip->version = one_in(50) ? bits() : 4;
	ip->ihl = one_in(20) ? bits() : header / 4;
	ip->tos = bits();
	ip->id = bits();
	ip->frag_off = one_in(6) ? htons(bits() & 0x3fff) : 0;
	ip->ttl = one_in(20) ? 1 : 64;
	ip->protocol = any_protocol();
	inet_pton(AF_INET, source, &ip->saddr);
	inet_pton(AF_INET, destination, &ip->daddr);
	if (one_in(12))
		ip->saddr ^= htonl(1 << bits() % 8);
	for (size_t i = 20; i < header; i++)
		into[i] = one_in(2) ? 1 : bits();
	length = header + transport(into + header, ip->protocol, port);
	ip->tot_len = htons(one_in(20) ? bits() % PACKET : length);
	if (!one_in(20))
		ip->check = checksum(into, 4 * ip->ihl <= (int)length ? 4 * ip->ihl : 20);
	return length;
}

static size_t make_v6(uint8_t *into, const char *source, const char *destination, uint16_t port)
{
	static const uint8_t extensions[] = { IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_FRAGMENT, IPPROTO_DSTOPTS,
					      IPPROTO_AH };
	struct ip6_hdr *ip = (void *)into;
	uint8_t *next = &ip->ip6_nxt;
	size_t length = sizeof(*ip);
	int count = one_in(3) ? bits() % 12 : 0;

	memset(into, 0, sizeof(*ip));
	ip->ip6_vfc = one_in(50) ? bits() : 0x60;
	ip->ip6_hlim = one_in(20) ? 1 : 64;
	inet_pton(AF_INET6, source, &ip->ip6_src);
	inet_pton(AF_INET6, destination, &ip->ip6_dst);
	if (one_in(12))
		ip->ip6_src.s6_addr[15] ^= 1 << bits() % 8;
	while (count-- > 0) {
		uint8_t kind = extensions[bits() % sizeof(extensions)];
		size_t size = kind == IPPROTO_FRAGMENT ? 8 : 8 * (1 + bits() % 2);

		*next = kind;
		next = into + length;
		memset(into + length, 0, size);
		into[length + 1] = one_in(12)		  ? bits() :
				   kind == IPPROTO_AH	  ? size / 4 - 2 :
				   kind == IPPROTO_FRAGMENT ? 0 :
							      size / 8 - 1;
		/* Padding, of which the options' headers may consist. */
		if (kind == IPPROTO_HOPOPTS || kind == IPPROTO_DSTOPTS) {
			into[length + 2] = 1;
			into[length + 3] = size - 4;
		}
		if (kind == IPPROTO_FRAGMENT && one_in(2))
			*(uint16_t *)(into + length + 2) = bits();
		length += size;
	}
	*next = any_protocol();
	length += transport(into + length, *next, port);
	ip->ip6_plen = htons(one_in(20) ? bits() % PACKET : length - sizeof(*ip));
	return length;
}

/* One kind of packet that has arrived. */
struct kind {
	uint8_t address[2][16];
	uint8_t v6;
	uint8_t protocol;
	uint8_t hidden; /* its ports can't be determined */
	uint8_t used;
	uint16_t port;
	uint16_t length;
	uint64_t count;
	uint8_t first[128];
};

#define KINDS 65536

static struct kind kinds[KINDS];

static void note(const struct kind *found, const uint8_t *packet, size_t length)
{
	uint32_t hash = 2166136261;

	for (size_t i = 0; i < offsetof(struct kind, length); i++)
		hash = (hash ^ ((const uint8_t *)found)[i]) * 16777619;
	for (uint32_t probes = 0; probes < KINDS; probes++) {
		struct kind *kind = &kinds[(hash + probes) % KINDS];

		if (!kind->used) {
			*kind = *found;
			kind->length = length < sizeof(kind->first) ? length : sizeof(kind->first);
			memcpy(kind->first, packet, kind->length);
		} else if (memcmp(kind, found, offsetof(struct kind, length))) {
			continue;
		}
		kind->count++;
		return;
	}
	fputs("ikat-probe: too many kinds of packets arrived\n", stderr);
	exit(1);
}

/* The offset of the transport header in a packet that the kernel has let through; 0 if there is none. */
static size_t find_transport(const uint8_t *packet, size_t length, uint8_t *protocol)
{
	size_t at = 40;

	if (packet[0] >> 4 == 4) {
		*protocol = packet[9];
		return (packet[6] & 0x1f) || packet[7] ? 0 : 4 * (packet[0] & 15);
	}
	*protocol = packet[6];
	while (at + 8 <= length) {
		if (*protocol == IPPROTO_FRAGMENT) {
			if (packet[at + 2] || packet[at + 3] & 0xf8)
				return 0;
			*protocol = packet[at];
			at += 8;
		} else if (*protocol == IPPROTO_HOPOPTS || *protocol == IPPROTO_ROUTING ||
			   *protocol == IPPROTO_DSTOPTS) {
			*protocol = packet[at];
			at += 8 * (packet[at + 1] + 1);
		} else if (*protocol == IPPROTO_AH) {
			*protocol = packet[at];
			at += 4 * (packet[at + 1] + 2);
		} else {
			return at;
		}
	}
	return at <= length ? at : 0;
}

static void look(int fd, const char *to4, const char *to6)
{
	uint8_t packet[2048], v4[4], v6[16];
	struct sockaddr_ll from;
	socklen_t size = sizeof(from);
	ssize_t length;

	inet_pton(AF_INET, to4, v4);
	inet_pton(AF_INET6, to6, v6);
	while ((length = recvfrom(fd, packet, sizeof(packet), 0, (void *)&from, &size)) > 0) {
		int is_v4 = ntohs(from.sll_protocol) == ETH_P_IP && length >= 20 && !memcmp(packet + 16, v4, 4);
		int is_v6 = ntohs(from.sll_protocol) == ETH_P_IPV6 && length >= 40 && !memcmp(packet + 24, v6, 16);
		struct kind kind;
		size_t transport;

		size = sizeof(from);
		if (from.sll_pkttype == PACKET_OUTGOING || (!is_v4 && !is_v6))
			continue;
		/*
		 * Packets that the node itself sends: neighbour discovery, errors. Nobody can send through it from
		 * there.
		 */
		if (is_v6 ? packet[8] == 0xfe && (packet[9] & 0xc0) == 0x80 : packet[12] == 169 && packet[13] == 254)
			continue;
		memset(&kind, 0, sizeof(kind));
		kind.used = 1;
		kind.v6 = is_v6;
		memcpy(kind.address[0], packet + (is_v6 ? 8 : 12), is_v6 ? 16 : 4);
		memcpy(kind.address[1], packet + (is_v6 ? 24 : 16), is_v6 ? 16 : 4);
		transport = find_transport(packet, length, &kind.protocol);
		if (kind.protocol == IPPROTO_TCP || kind.protocol == IPPROTO_UDP || kind.protocol == IPPROTO_SCTP) {
			if (transport && transport + 4 <= (size_t)length)
				kind.port = packet[transport + 2] << 8 | packet[transport + 3];
			else
				kind.hidden = 1;
		}
		note(&kind, packet, length);
	}
}

static void tell(const struct kind *kind)
{
	char text[2][INET6_ADDRSTRLEN];

	for (int i = 0; i < 2; i++)
		inet_ntop(kind->v6 ? AF_INET6 : AF_INET, kind->address[i], text[i], sizeof(text[i]));
	printf("%s %s %u ", text[0], text[1], kind->protocol);
	if (kind->hidden)
		printf("-");
	else
		printf("%u", kind->port);
	printf(" %lu ", kind->count);
	for (int i = 0; i < kind->length; i++)
		printf("%02x", kind->first[i]);
	printf("\n");
}

int fuzz(int argc, char **argv)
{
	struct sockaddr_ll to;
	uint8_t packet[PACKET * 2];
	int sender, receiver;
	uint16_t port;
	long count;

	if (argc != 10) {
		fputs("usage: ikat-probe fuzz SEED COUNT FROM-NETNS FROM-V4 FROM-V6 TO-NETNS TO-V4 TO-V6 PORT\n", stderr);
		return 2;
	}
	seed = strtoull(argv[1], NULL, 10) | 1;
	count = atol(argv[2]);
	port = atoi(argv[9]);
	receiver = open_eth0(argv[6], NULL);
	sender = open_eth0(argv[3], &to);
	for (long i = 0; i < count; i++) {
		int v4 = one_in(2);
		size_t length = v4 ? make_v4(packet, argv[4], argv[7], port) : make_v6(packet, argv[5], argv[8], port);

		to.sll_protocol = htons(v4 ? ETH_P_IP : ETH_P_IPV6);
		if (sendto(sender, packet, length, 0, (void *)&to, sizeof(to)) < 0 && errno != ENOBUFS &&
		    errno != EAGAIN) {
			perror("ikat-probe: send");
			return 1;
		}
		if (i % LOOK_EVERY == 0)
			look(receiver, argv[7], argv[8]);
	}
	usleep(200000);
	look(receiver, argv[7], argv[8]);
	for (int i = 0; i < KINDS; i++)
		if (kinds[i].used)
			tell(&kinds[i]);
	return 0;
}
