/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * Other addresses and ports for a packet, with the checksums that cover them (RFC 1624).
 *
 * What every program calls, here and in services.h, is not static: the verifier then checks it once in a program, and
 * not on each of the ways that lead to it, which took seven times as long.
 */
#ifndef IKAT_REWRITE_H
#define IKAT_REWRITE_H

#include "frame.h"

#define TCP_CHECK 16 /* the offsets of the checksums in the transport headers */
#define UDP_CHECK 6
#define ICMP_CHECK 2

#define BOTH (2 * sizeof(struct address))

/*
 * Stores the two addresses that begin at `to` in the IP header at this offset. IPv4's checksum covers them; what else
 * does is the caller's task. Returns the difference to what `from` was.
 */
static __always_inline __s64 readdress(struct __sk_buff *skb, __u32 offset, const struct address *from,
				       const struct address *to)
{
	/* What an IPv4 address has in front is the same in both. */
	__s64 difference = bpf_csum_diff((__be32 *)from, BOTH, (__be32 *)to, BOTH, 0);

	if (is_v4(from)) {
		__be32 addresses[2] = {to[0].word[3], to[1].word[3]};

		bpf_l3_csum_replace(skb, offset + __builtin_offsetof(struct iphdr, check), 0, difference, 0);
		bpf_skb_store_bytes(skb, offset + __builtin_offsetof(struct iphdr, saddr), addresses, sizeof(addresses), 0);
	} else {
		bpf_skb_store_bytes(skb, offset + __builtin_offsetof(struct ipv6hdr, saddr), to, BOTH, 0);
	}
	return difference;
}

static __always_inline __be32 ports_of(const struct tuple *tuple)
{
	return *(const __be32 *)&tuple->source_port;
}

static __always_inline struct datagram datagram_of(const struct packet *packet)
{
	struct datagram datagram = {
		.source = packet->tuple.source,
		.destination = packet->tuple.destination,
		.number = packet->datagram,
	};

	return datagram;
}

/* Stores what the other fragments of the datagram become that this is the first one of. */
static __always_inline void note_part(const struct packet *packet, const struct tuple *to)
{
	struct datagram datagram = datagram_of(packet);

	bpf_map_update_elem(&datagrams, &datagram, to, BPF_ANY);
}

/* What a fragment without ports becomes; null if its first one has not been seen. */
static __always_inline const struct tuple *part_becomes(const struct packet *packet)
{
	struct datagram datagram = datagram_of(packet);

	return bpf_map_lookup_elem(&datagrams, &datagram);
}

/* Gives a packet of TCP or UDP the addresses and ports of a tuple; 0 if that is not possible. */
__noinline int rewrite(struct __sk_buff *skb, const struct packet *packet, const struct tuple *to)
{
	__s64 difference;
	__be32 ports;
	__u32 check;
	__u64 flags;
	int tcp;

	if (!packet || !to)
		return 0;
	tcp = packet->tuple.protocol == IPPROTO_TCP;
	check = packet->transport + (tcp ? TCP_CHECK : UDP_CHECK);
	flags = tcp ? 0 : BPF_F_MARK_MANGLED_0; /* UDP's 0 says that there is none */
	ports = ports_of(to);
	/* Without BPF_F_IPV6 (Linux 6.16) the kernel gets the sum over an IPv6 packet wrong. */
	if (!is_v4(&packet->tuple.source) && is_summed(skb))
		return 0;
	if (packet->flags & PART)
		note_part(packet, to);
	difference = readdress(skb, ETH_HLEN, &packet->tuple.source, &to->source);
	if (bpf_l4_csum_replace(skb, check, 0, difference, flags | BPF_F_PSEUDO_HDR))
		return 0;
	if (ports != ports_of(&packet->tuple)) {
		bpf_l4_csum_replace(skb, check, ports_of(&packet->tuple), ports, flags | sizeof(ports));
		bpf_skb_store_bytes(skb, packet->transport, &ports, sizeof(ports), 0);
	}
	return 1;
}

/* Gives a fragment without ports the addresses that the first one of its datagram got. */
static __noinline void rewrite_part(struct __sk_buff *skb, const struct packet *packet)
{
	const struct tuple *to = part_becomes(packet);

	if (to)
		readdress(skb, ETH_HLEN, &packet->tuple.source, &to->source);
}

/* Gives an ICMP error these addresses, and the packet that it quotes these addresses and ports. */
static __always_inline void rewrite_error(struct __sk_buff *skb, const struct packet *error,
					  const struct packet *quoted, const struct tuple *outer,
					  const struct tuple *inner)
{
	__be32 before = ports_of(&quoted->tuple), ports = ports_of(inner);
	__u32 check = error->transport + ICMP_CHECK;
	int v4 = is_v4(&error->tuple.source);
	__s64 header, addresses;

	header = readdress(skb, ETH_HLEN, &error->tuple.source, &outer->source);
	addresses = readdress(skb, error->inner, &quoted->tuple.source, &inner->source);
	/* IPv4 has no pseudo header here, and the quoted header's own checksum balances its addresses. */
	if (!v4) {
		bpf_l4_csum_replace(skb, check, 0, header, 0);
		bpf_l4_csum_replace(skb, check, 0, addresses, 0);
	}
	bpf_l4_csum_replace(skb, check, before, ports, sizeof(ports));
	bpf_skb_store_bytes(skb, quoted->transport, &ports, sizeof(ports), 0);
}

/*
 * Whether it is a fragment, with its addresses, its protocol and the number of its datagram; the first one has ports
 * too.
 */
static __always_inline int is_part_v4(const struct bpf_dynptr *data, struct packet *packet)
{
	struct iphdr buffer;
	const struct iphdr *header = bpf_dynptr_slice(data, ETH_HLEN, &buffer, sizeof(buffer));

	if (!header || header->ihl < 5 || !(header->frag_off & bpf_htons(FRAGMENT_MASK)))
		return 0;
	packet->datagram = header->id;
	set_v4(&packet->tuple.source, header->saddr);
	set_v4(&packet->tuple.destination, header->daddr);
	packet->tuple.protocol = header->protocol;
	if (!(header->frag_off & bpf_htons(OFFSET_MASK)))
		read_transport(data, ETH_HLEN + header->ihl * 4, 1, packet);
	return 1;
}

/* As the kernel's own UDP makes them: the header for fragments is the first one. */
static __always_inline int is_part_v6(const struct bpf_dynptr *data, struct packet *packet)
{
	__u8 buffer[sizeof(struct ipv6hdr) + 8];
	const __u8 *bytes = bpf_dynptr_slice(data, ETH_HLEN, buffer, sizeof(buffer));
	const struct ipv6hdr *header = (const void *)bytes;
	__be16 position;

	if (!bytes || header->nexthdr != IPPROTO_FRAGMENT)
		return 0;
	position = *(__be16 *)(bytes + sizeof(*header) + 2);
	if (!(position & bpf_htons(FRAGMENT_MASK_V6)))
		return 0;
	packet->datagram = *(__u32 *)(bytes + sizeof(*header) + 4);
	__builtin_memcpy(&packet->tuple.source, &header->saddr, sizeof(struct address));
	__builtin_memcpy(&packet->tuple.destination, &header->daddr, sizeof(struct address));
	packet->tuple.protocol = bytes[sizeof(*header)];
	if (!(position & bpf_htons(OFFSET_MASK_V6)))
		read_transport(data, ETH_HLEN + sizeof(buffer), 1, packet);
	return 1;
}

/*
 * Reads a packet whose headers are not the usual ones: with options, a fragment, or an ICMP error. 0 if that is not
 * possible; then it is BROKEN.
 */
__noinline int read_other(struct __sk_buff *skb, struct packet *packet)
{
	struct bpf_dynptr data;

	if (!packet)
		return 0;
	__builtin_memset(packet, 0, sizeof(*packet));
	packet->flags = BROKEN;
	if (bpf_dynptr_from_skb(skb, 0, &data))
		return 0;
	packet->flags = 0;
	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		if (is_part_v4(&data, packet))
			packet->flags |= PART;
		else
			read_v4(&data, ETH_HLEN, 0, packet);
	} else if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
		if (is_part_v6(&data, packet))
			packet->flags |= PART;
		else
			read_v6(&data, ETH_HLEN, 0, packet);
	}
	return !(packet->flags & BROKEN);
}

#endif
