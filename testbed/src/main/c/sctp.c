/* SPDX-License-Identifier: Apache-2.0 */
/*
 * As much of SCTP (RFC 9260) as shows that a path allows an association to begin: an INIT and its INIT ACK, over raw
 * sockets, so that the kernel needs no SCTP. Connection tracking and filters see real packets, whose checksum and tags
 * conntrack verifies.
 */
#include "probe.h"

#include <arpa/inet.h>
#include <string.h>

enum chunk_type { INIT = 1, INIT_ACK = 2 };
enum { STATE_COOKIE = 7 };

struct common_header {
	uint16_t source, destination;
	uint32_t tag, checksum;
} __attribute__((packed));

struct init_chunk {
	uint8_t type, flags;
	uint16_t length;
	uint32_t tag, window;
	uint16_t out_streams, in_streams;
	uint32_t first_number;
} __attribute__((packed));

struct cookie {
	uint16_t type, length;
	uint32_t value;
} __attribute__((packed));

struct packet {
	struct common_header header;
	struct init_chunk chunk;
	struct cookie cookie; /* of an INIT ACK only */
} __attribute__((packed));

/* CRC32c (RFC 9260, appendix A), bit by bit: packets are small and few. */
static uint32_t crc32c(const void *data, size_t length)
{
	const uint8_t *byte = data;
	uint32_t crc = ~0u;

	while (length--) {
		crc ^= *byte++;
		for (int i = 0; i < 8; i++)
			crc = crc & 1 ? crc >> 1 ^ 0x82f63b78 : crc >> 1;
	}
	return ~crc;
}

static size_t fill(struct packet *packet, uint8_t type, uint16_t source, uint16_t destination, uint32_t tag,
		   uint32_t own_tag)
{
	size_t size = type == INIT ? offsetof(struct packet, cookie) : sizeof(*packet);

	memset(packet, 0, sizeof(*packet));
	packet->header = (struct common_header){ .source = source, .destination = destination, .tag = tag };
	packet->chunk = (struct init_chunk){ .type = type,
					     .length = htons(size - sizeof(packet->header)),
					     .tag = own_tag,
					     .window = htonl(65536),
					     .out_streams = htons(1),
					     .in_streams = htons(1),
					     .first_number = own_tag };
	packet->cookie = (struct cookie){ htons(STATE_COOKIE), htons(sizeof(struct cookie)), tag };
	packet->header.checksum = htole32(crc32c(packet, size));
	return size;
}

size_t sctp_init(void *into, uint16_t source, uint16_t destination, uint32_t tag)
{
	return fill(into, INIT, htons(source), htons(destination), 0, htonl(tag));
}

size_t sctp_answer(const void *data, size_t length, bool (*is_served)(uint16_t port), void *into)
{
	struct packet asked;

	if (length < offsetof(struct packet, cookie))
		return 0;
	memcpy(&asked, data, offsetof(struct packet, cookie));
	if (asked.chunk.type != INIT || asked.header.tag || !is_served(ntohs(asked.header.destination)))
		return 0;
	return fill(into, INIT_ACK, asked.header.destination, asked.header.source, asked.chunk.tag, ~asked.chunk.tag);
}

bool sctp_is_answer(const void *data, size_t length, uint16_t source, uint16_t destination, uint32_t tag)
{
	struct packet answer;

	if (length < sizeof(answer))
		return false;
	memcpy(&answer, data, sizeof(answer));
	return answer.chunk.type == INIT_ACK && ntohs(answer.header.source) == destination &&
	       ntohs(answer.header.destination) == source && ntohl(answer.header.tag) == tag;
}
