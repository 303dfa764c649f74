/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* How packets leave without the host's stack. */
#ifndef IKAT_WAY_H
#define IKAT_WAY_H

#include "judge.h"
#include "frame.h"

#define AF_INET 2
#define AF_INET6 10

/* What a router does: it sets the link-layer addresses and decrements the hop limit. */
static __always_inline int route(struct __sk_buff *skb, const struct wire *wire)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct ethhdr *ethernet = data;

	if ((void *)(ethernet + 1) > end)
		return 0;
	if (ethernet->h_proto == bpf_htons(ETH_P_IP)) {
		struct iphdr *header = (void *)(ethernet + 1);
		__u32 sum;

		if ((void *)(header + 1) > end)
			return 0;
		/* RFC 1624; the checksum is in network byte order, as is the value that is subtracted. */
		sum = header->check + bpf_htons(0x0100);
		header->check = sum + (sum >= 0xffff);
		header->ttl--;
	} else {
		struct ipv6hdr *header = (void *)(ethernet + 1);
		__u8 hops;

		if ((void *)(header + 1) > end)
			return 0;
		hops = header->hop_limit - 1;
		/* IPv6 has no header checksum that would balance the change in the network card's sum. */
		if (!is_summed(skb)) {
			header->hop_limit = hops;
		} else if (bpf_skb_store_bytes(skb, ETH_HLEN + __builtin_offsetof(struct ipv6hdr, hop_limit), &hops, sizeof(hops),
					BPF_F_RECOMPUTE_CSUM)) {
			return 0;
		}
		ethernet = (void *)(long)skb->data;
		if ((void *)(ethernet + 1) > (void *)(long)skb->data_end)
			return 0;
	}
	__builtin_memcpy(ethernet->h_dest, wire->pod_mac, ETH_ALEN);
	__builtin_memcpy(ethernet->h_source, wire->host_mac, ETH_ALEN);
	return 1;
}

/*
 * Asks the kernel's routes about a packet from the interface `from`: the answer of bpf_fib_lookup, with the interface in
 * `found` where there is a way.
 */
static __noinline long ask_routes(struct __sk_buff *skb, const struct tuple *tuple, __u32 from,
				  struct bpf_fib_lookup *found)
{
	found->ifindex = from;
	found->l4_protocol = tuple->protocol;
	found->sport = tuple->source_port;
	found->dport = tuple->destination_port;
	if (is_v4(&tuple->destination)) {
		found->family = AF_INET;
		found->ipv4_src = tuple->source.word[3];
		found->ipv4_dst = tuple->destination.word[3];
	} else {
		found->family = AF_INET6;
		__builtin_memcpy(found->ipv6_src, &tuple->source, sizeof(found->ipv6_src));
		__builtin_memcpy(found->ipv6_dst, &tuple->destination, sizeof(found->ipv6_dst));
	}
	return bpf_fib_lookup(skb, found, sizeof(*found), 0);
}

/* Whether the kernel would route the packet into the overlay, where no address is translated any more, and how. */
static __noinline int find_way(struct __sk_buff *skb, const struct tuple *tuple, struct wire *way)
{
	struct bpf_fib_lookup found = {};
	struct wire *overlay = wire_of(OVERLAY);

	if (!overlay || ask_routes(skb, tuple, skb->ifindex, &found) != BPF_FIB_LKUP_RET_SUCCESS ||
	    found.ifindex != overlay->ifindex)
		return 0;
	way->ifindex = found.ifindex;
	__builtin_memcpy(way->pod_mac, found.dmac, ETH_ALEN);
	__builtin_memcpy(way->host_mac, found.smac, ETH_ALEN);
	return 1;
}

#endif
