/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* A packet's addresses, protocol and ports, at any position of its headers. */
#ifndef IKAT_PACKET_H
#define IKAT_PACKET_H

#include "maps.h"
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#define EXTENSION_HEADERS 8 /* the most that are skipped */
#define FRAGMENT_MASK 0x3fff /* more fragments follow, or an offset (RFC 791) */
#define OFFSET_MASK 0x1fff   /* it is not the first fragment */
#define FRAGMENT_MASK_V6 0xfff9 /* the same in the header for fragments (RFC 8200, section 4.5) */
#define OFFSET_MASK_V6 0xfff8

/* linux/icmp.h and linux/icmpv6.h, which include the C library's headers. */
#define ICMP_ECHOREPLY 0
#define ICMP_DEST_UNREACH 3
#define ICMP_REDIRECT 5
#define ICMP_ECHO 8
#define ICMP_TIME_EXCEEDED 11
#define ICMP_PARAMETERPROB 12
#define ICMPV6_ECHO_REQUEST 128
#define ICMPV6_ECHO_REPLY 129

#define SCTP_INIT 1 /* the chunk that opens an association, RFC 9260 */

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

#define FRESH 1	  /* it may begin a connection that is to be stored */
#define STRAY 2	  /* TCP or SCTP that begins no connection */
#define SYN 4	  /* TCP or SCTP that can't belong to an open connection */
#define CLOSES 8  /* TCP's FIN or RST */
#define ERROR 16  /* ICMP about another packet */
#define BROKEN 32 /* its headers are cut off or too many */
#define LAST_HOP 64 /* no router forwards it */
#define PART 128 /* a fragment */

struct packet {
	struct tuple tuple;
	__u16 port; /* the receiving port in host byte order, 0 for a protocol without ports */
	__u16 flags;
	__u32 inner; /* for ERROR: the offset of the packet inside */
	__u32 transport; /* the offset of the transport header; 0 for a fragment without one */
	__u32 datagram; /* for PART: the number of the datagram */
};

extern int bpf_dynptr_from_skb(struct __sk_buff *skb, __u64 flags, struct bpf_dynptr *ptr) __ksym;
extern void *bpf_dynptr_slice(const struct bpf_dynptr *ptr, __u32 offset, void *buffer, __u32 size) __ksym;

/* The meaning of TCP's flags. */
static __always_inline __u16 tcp_flags(__u8 flags)
{
	__u16 meaning = (flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) == TCP_SYN ? FRESH | SYN : STRAY;

	return flags & (TCP_FIN | TCP_RST) ? meaning | CLOSES : meaning;
}

/* The meaning of the type of SCTP's first chunk. */
static __always_inline __u16 sctp_flags(__u8 chunk)
{
	return chunk == SCTP_INIT ? FRESH | SYN : STRAY;
}

/*
 * The ports at the beginning of the transport header, and TCP's flags. `quoted`: the packet inside an error, which may
 * be cut off after eight bytes.
 */
static __always_inline void read_transport(const struct bpf_dynptr *data, __u32 offset, int quoted,
					   struct packet *packet)
{
	__u8 buffer[16];
	const __u8 *header;

	packet->transport = offset;
	switch (packet->tuple.protocol) {
	case IPPROTO_TCP:
		header = quoted ? bpf_dynptr_slice(data, offset, buffer, 8) : bpf_dynptr_slice(data, offset, buffer, 14);
		if (!header)
			break;
		packet->tuple.source_port = *(__be16 *)header;
		packet->tuple.destination_port = *(__be16 *)(header + 2);
		packet->port = bpf_ntohs(packet->tuple.destination_port);
		if (!quoted)
			packet->flags |= tcp_flags(header[13]);
		return;
	case IPPROTO_SCTP:
		header = quoted ? bpf_dynptr_slice(data, offset, buffer, 8) : bpf_dynptr_slice(data, offset, buffer, 13);
		if (!header)
			break;
		packet->tuple.source_port = *(__be16 *)header;
		packet->tuple.destination_port = *(__be16 *)(header + 2);
		packet->port = bpf_ntohs(packet->tuple.destination_port);
		if (!quoted)
			packet->flags |= sctp_flags(header[12]);
		return;
	case IPPROTO_UDP:
		header = bpf_dynptr_slice(data, offset, buffer, 4);
		if (!header)
			break;
		packet->tuple.source_port = *(__be16 *)header;
		packet->tuple.destination_port = *(__be16 *)(header + 2);
		packet->port = bpf_ntohs(packet->tuple.destination_port);
		packet->flags |= FRESH;
		return;
	case IPPROTO_ICMP:
		header = bpf_dynptr_slice(data, offset, buffer, 8);
		if (!header)
			break;
		if (header[0] == ICMP_ECHO) {
			packet->tuple.source_port = *(__be16 *)(header + 4);
			packet->flags |= FRESH;
		} else if (header[0] == ICMP_ECHOREPLY) {
			packet->tuple.destination_port = *(__be16 *)(header + 4);
		} else if (header[0] == ICMP_DEST_UNREACH || header[0] == ICMP_TIME_EXCEEDED ||
			   header[0] == ICMP_PARAMETERPROB || header[0] == ICMP_REDIRECT) {
			packet->flags |= ERROR;
			packet->inner = offset + 8;
		}
		return;
	case IPPROTO_ICMPV6:
		header = bpf_dynptr_slice(data, offset, buffer, 8);
		if (!header)
			break;
		if (header[0] == ICMPV6_ECHO_REQUEST) {
			packet->tuple.source_port = *(__be16 *)(header + 4);
			packet->flags |= FRESH;
		} else if (header[0] == ICMPV6_ECHO_REPLY) {
			packet->tuple.destination_port = *(__be16 *)(header + 4);
		} else if (header[0] < 128) { /* errors are below (RFC 4443, section 2.1) */
			packet->flags |= ERROR;
			packet->inner = offset + 8;
		}
		return;
	default:
		packet->flags |= FRESH;
		return;
	}
	packet->flags |= BROKEN;
}

static __always_inline void read_v4(const struct bpf_dynptr *data, __u32 offset, int quoted, struct packet *packet)
{
	struct iphdr buffer;
	const struct iphdr *header = bpf_dynptr_slice(data, offset, &buffer, sizeof(buffer));

	if (!header || header->version != 4 || header->ihl < 5) {
		packet->flags |= BROKEN;
		return;
	}
	set_v4(&packet->tuple.source, header->saddr);
	set_v4(&packet->tuple.destination, header->daddr);
	packet->tuple.protocol = header->protocol;
	/*
	 * Fragments are reassembled before they arrive here, so a remaining one belongs to no packet; errors may quote
	 * one.
	 */
	if (header->frag_off & bpf_htons(quoted ? OFFSET_MASK : FRAGMENT_MASK)) {
		packet->flags |= BROKEN;
		return;
	}
	read_transport(data, offset + header->ihl * 4, quoted, packet);
}

static __always_inline void read_v6(const struct bpf_dynptr *data, __u32 offset, int quoted, struct packet *packet)
{
	struct ipv6hdr buffer;
	const struct ipv6hdr *header = bpf_dynptr_slice(data, offset, &buffer, sizeof(buffer));
	__u8 next;
	int i;

	if (!header || header->version != 6) {
		packet->flags |= BROKEN;
		return;
	}
	__builtin_memcpy(&packet->tuple.source, &header->saddr, sizeof(struct address));
	__builtin_memcpy(&packet->tuple.destination, &header->daddr, sizeof(struct address));
	next = header->nexthdr;
	offset += sizeof(struct ipv6hdr);
	for (i = 0; i < EXTENSION_HEADERS; i++) {
		__u8 option_buffer[8];
		const __u8 *option;

		if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING && next != IPPROTO_FRAGMENT &&
		    next != IPPROTO_DSTOPTS && next != IPPROTO_AH) {
			packet->tuple.protocol = next;
			read_transport(data, offset, quoted, packet);
			return;
		}
		option = bpf_dynptr_slice(data, offset, option_buffer, sizeof(option_buffer));
		if (!option)
			break;
		if (next == IPPROTO_FRAGMENT) {
			/* A complete packet may have this header too (RFC 6946). */
			if (*(__be16 *)(option + 2) & bpf_htons(quoted ? OFFSET_MASK_V6 : FRAGMENT_MASK_V6))
				break;
			offset += 8;
		} else if (next == IPPROTO_AH) {
			offset += (option[1] + 2) * 4;
		} else {
			offset += (option[1] + 1) * 8;
		}
		next = option[0];
	}
	packet->tuple.protocol = next;
	packet->flags |= BROKEN;
}

#endif
