/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* A frame's addresses and ports, where they can be read directly: the usual packet, at the cost of a few loads. */
#ifndef IKAT_FRAME_H
#define IKAT_FRAME_H

#include "packet.h"
#include <bpf/bpf_core_read.h>
#include <linux/if_ether.h>

#define CHECKSUM_COMPLETE 2 /* linux/skbuff.h */

struct sk_buff {
	__u8 ip_summed : 2;
} __attribute__((preserve_access_index));

extern void *bpf_cast_to_kern_ctx(void *context) __ksym;

#define HEADERS 102 /* the most that is read: Ethernet, IPv6, its jumbo option, and TCP with options */
#define JUMBO 0xc2  /* RFC 2675 */

/* The hop-by-hop header of a packet above 64 KiB, as the kernel's TCP creates it: the jumbo option only. */
static __always_inline int is_jumbo(const __u8 *option)
{
	return !option[1] && option[2] == JUMBO && option[3] == sizeof(__be32);
}

#define OTHER 0
#define SIMPLE 1
#define TOO_SHORT 2 /* only a part of it is in the linear area */

/* Fills in the addresses and ports of a packet whose headers can be read directly. */
static __noinline int look_at(struct __sk_buff *skb, struct packet *packet)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct ethhdr *ethernet;
	__u8 *transport;

	ethernet = data;
	if ((void *)(ethernet + 1) > end)
		return TOO_SHORT;
	if (ethernet->h_proto == bpf_htons(ETH_P_IP)) {
		struct iphdr *header = (void *)(ethernet + 1);

		if ((void *)(header + 1) > end)
			return TOO_SHORT;
		if (header->version != 4 || header->ihl != 5 || header->frag_off & bpf_htons(FRAGMENT_MASK))
			return OTHER;
		if (header->ttl <= 1)
			packet->flags |= LAST_HOP;
		set_v4(&packet->tuple.source, header->saddr);
		set_v4(&packet->tuple.destination, header->daddr);
		packet->tuple.protocol = header->protocol;
		transport = (void *)(header + 1);
	} else if (ethernet->h_proto == bpf_htons(ETH_P_IPV6)) {
		struct ipv6hdr *header = (void *)(ethernet + 1);

		if ((void *)(header + 1) > end)
			return TOO_SHORT;
		if (header->version != 6)
			return OTHER;
		if (header->hop_limit <= 1)
			packet->flags |= LAST_HOP;
		__builtin_memcpy(&packet->tuple.source, &header->saddr, sizeof(struct address));
		__builtin_memcpy(&packet->tuple.destination, &header->daddr, sizeof(struct address));
		packet->tuple.protocol = header->nexthdr;
		transport = (void *)(header + 1);
		if (header->nexthdr == IPPROTO_HOPOPTS && !header->payload_len) {
			if (transport + 8 > (__u8 *)end)
				return TOO_SHORT;
			if (!is_jumbo(transport))
				return OTHER;
			packet->tuple.protocol = transport[0];
			transport += 8;
		}
	} else {
		return OTHER;
	}
	if (packet->tuple.protocol == IPPROTO_TCP) {
		if (transport + 20 > (__u8 *)end)
			return TOO_SHORT;
		packet->flags |= tcp_flags(transport[13]);
	} else if (packet->tuple.protocol == IPPROTO_UDP) {
		if (transport + 8 > (__u8 *)end)
			return TOO_SHORT;
		packet->flags |= FRESH;
	} else if (packet->tuple.protocol == IPPROTO_SCTP) {
		if (transport + 13 > (__u8 *)end)
			return TOO_SHORT;
		packet->flags |= sctp_flags(transport[12]);
	} else {
		return OTHER;
	}
	packet->transport = transport - (__u8 *)data;
	packet->tuple.source_port = *(__be16 *)transport;
	packet->tuple.destination_port = *(__be16 *)(transport + 2);
	packet->port = bpf_ntohs(packet->tuple.destination_port);
	return SIMPLE;
}

/*
 * The same for any position of the headers: a driver or a tunnel may have left them in the pages in which they arrived.
 * Only then are they pulled, because the packets of the kernel's TCP are shared, and pulling more than the headers
 * would copy them.
 */
static __always_inline int read_simple(struct __sk_buff *skb, struct packet *packet)
{
	int found = look_at(skb, packet);

	if (found == TOO_SHORT && !bpf_skb_pull_data(skb, skb->len < HEADERS ? skb->len : HEADERS)) {
		packet->flags = 0;
		found = look_at(skb, packet);
	}
	return found == SIMPLE;
}

/* Whether a network card has computed a checksum over the whole packet. */
static __always_inline int is_summed(struct __sk_buff *skb)
{
	struct sk_buff *packet = bpf_cast_to_kern_ctx(skb);

	return BPF_CORE_READ_BITFIELD(packet, ip_summed) == CHECKSUM_COMPLETE;
}

#endif
