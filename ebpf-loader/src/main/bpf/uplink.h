/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * Connections to services from outside the cluster. The backend is chosen by the addresses and ports of the packet
 * alone, so every node chooses the same one. If it is a pod of this node, the packet gets its address and goes on through
 * the host's stack, which filters it as what it is; the answers get the service's address again where they leave the
 * uplink. If it is a pod of another node, the packet goes through the overlay to that node as it is: that node does the
 * same with it, and answers the client itself.
 *
 * What is not found here passes as it is, and netfilter does it.
 */
#ifndef IKAT_UPLINK_H
#define IKAT_UPLINK_H

#include "services.h"
#include "way.h"

#define MAGLEV_SLOTS 1021 /* dev.ikat.ebpf.service.MaglevTable */

/* Which of a group's backends has which part of all connections. */
struct maglev {
	__u16 index[MAGLEV_SLOTS];
};

/* Created by dev.ikat.ebpf.service.ServiceMap, as the other maps for services. */

/* The frontends of which connections from outside are served here. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct place);
	__type(value, struct frontend);
} outer_frontends SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct slot);
	__type(value, struct backend);
} outer_backends SEC(".maps");

/* For each of these groups that has more than one backend. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct maglev);
} maglev SEC(".maps");

/* The cluster's nodes by their addresses, and what this node has in the place of each: an address of the same family. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct address);
	__type(value, struct address);
} nodes SEC(".maps");

/* A hash of a packet's addresses, ports and protocol that is the same on every node, whatever its byte order. */
static __noinline __u32 hash_of(const struct tuple *tuple)
{
	const __u32 *word = (const __u32 *)tuple;
	__u32 hash = 0;
	int i;

	for (i = 0; i < sizeof(*tuple) / sizeof(*word); i++) {
		hash = (hash ^ bpf_ntohl(word[i])) * 0x9e3779b1;
		hash ^= hash >> 15;
	}
	/* The last steps of MurmurHash3. */
	hash = (hash ^ hash >> 16) * 0x85ebca6b;
	hash = (hash ^ hash >> 13) * 0xc2b2ae35;
	return hash ^ hash >> 16;
}

/* The backend that every node chooses for these addresses and ports; null if there is none. */
static __noinline const struct backend *backend_for(const struct tuple *tuple, const struct frontend *frontend)
{
	struct slot slot = {.group = frontend->group};
	const struct maglev *table;
	__u64 part;

	if (frontend->count > 1) {
		table = bpf_map_lookup_elem(&maglev, &slot.group);
		if (!table)
			return 0;
		part = (__u64)hash_of(tuple) * MAGLEV_SLOTS >> 32;
		/* Not computed together with the offset, so that the verifier sees how large it can be. */
		asm volatile("" : "+r"(part));
		slot.index = table->index[part];
	}
	return bpf_map_lookup_elem(&outer_backends, &slot);
}

/* Where a packet has arrived. */
#define AT_UPLINK 0
#define OUT_OF_OVERLAY 1

/*
 * The frontend of a packet from outside; null if it is not served here. A node port of another node, which has sent the
 * packet on, is the same one of this node.
 */
static __always_inline const struct frontend *frontend_of(const struct tuple *tuple, int at)
{
	struct place place = {
		.address = tuple->destination,
		.protocol = tuple->protocol,
		.port = tuple->destination_port,
	};
	const struct address *own;

	if (at == OUT_OF_OVERLAY) {
		own = bpf_map_lookup_elem(&nodes, &place.address);
		if (own)
			place.address = *own;
	}
	return bpf_map_lookup_elem(&outer_frontends, &place);
}

/* Whether the answer to a request, which comes from this interface, leaves by the uplink. */
static __noinline int leaves_by_uplink(struct __sk_buff *skb, const struct tuple *request, __u32 from)
{
	const struct wire *uplink = wire_of(UPLINK);
	struct bpf_fib_lookup found = {};
	struct tuple answer = *request;
	long result;

	if (!uplink)
		return 0;
	turn(&answer);
	result = ask_routes(skb, &answer, from, &found);
	return (result == BPF_FIB_LKUP_RET_SUCCESS || result == BPF_FIB_LKUP_RET_NO_NEIGH) &&
	       found.ifindex == uplink->ifindex;
}

/* Hands a packet to the node that has the pod with the destination of `to`; the action to return. */
static __noinline int send_on(struct __sk_buff *skb, const struct packet *packet, const struct tuple *to)
{
	struct wire way = {};

	if (packet->flags & LAST_HOP || !find_way(skb, to, &way) || !route(skb, &way))
		return TC_ACT_UNSPEC;
	return bpf_redirect(way.ifindex, 0);
}

/*
 * Begins a connection: its translations, if the backend is a pod of this node, or else, at the uplink, a row that keeps
 * the backend. As in `begin`, one to a pod itself may need another source port. Returns whether there is a row now.
 */
static __noinline int begin_from_outside(struct __sk_buff *skb, const struct packet *packet, __u32 epoch, int at,
					 __u64 now)
{
	const struct frontend *frontend = frontend_of(&packet->tuple, at);
	const struct backend *backend;
	struct translation made = {.seen = now};
	const struct endpoint *endpoint;
	const struct wire *pod;
	struct wire way;

	/* `rewrite` could not change a summed packet, here or on the backend's node. */
	if (!is_v4(&packet->tuple.source) && is_summed(skb))
		return 0;
	made.becomes = packet->tuple;
	if (frontend) {
		backend = backend_for(&packet->tuple, frontend);
		if (!backend)
			return 0;
		made.becomes.destination = backend->address;
		made.becomes.destination_port = backend->port;
	} else if (!(packet->flags & FRESH) || !is_taken(&packet->tuple, now)) {
		return 0;
	}
	endpoint = endpoint_of(&made.becomes.destination, epoch);
	if (endpoint) {
		pod = wire_of(endpoint->id);
		/* Only there do answers get the service's address again. */
		return packet->flags & FRESH && pod && leaves_by_uplink(skb, &made.becomes, pod->ifindex) &&
		       establish(&packet->tuple, &made, now);
	}
	/* A client within the cluster may be on the pod's node, where its answers would take no uplink. */
	if (!frontend || at != AT_UPLINK || bpf_map_lookup_elem(&nodes, &packet->tuple.source) ||
	    !leaves_by_uplink(skb, &made.becomes, skb->ifindex) || !find_way(skb, &made.becomes, &way))
		return 0;
	made.flags = TRANSLATION_ELSEWHERE;
	bpf_map_update_elem(&translations, &packet->tuple, &made, BPF_ANY);
	return 1;
}

/* As `keep` does, for a connection of which only one direction passes here. */
static __always_inline void keep_one_way(struct translation *translation, const struct packet *packet, __u64 now)
{
	__u32 is = translation->flags;

	/* Only an open connection has such packets. */
	if (packet->flags & STRAY)
		is |= CONNECTION_REPLIED;
	if (packet->flags & CLOSES)
		is |= CONNECTION_CLOSING;
	if (is != translation->flags)
		translation->flags = is;
	if ((__s64)(now - translation->seen) > (__s64)SECOND)
		translation->seen = now;
}

/*
 * Does with a packet from outside what its connection's row says. Returns the action, which is TC_ACT_OK if the packet
 * has got its backend's address, and TC_ACT_UNSPEC if it has to pass as it is.
 */
static __noinline int receive(struct __sk_buff *skb, struct packet *packet, __u32 epoch, int at)
{
	__u64 now = bpf_ktime_get_coarse_ns();
	struct translation *found = of_its_own(translation_of(&packet->tuple, now), packet);

	if (!found) {
		if (!begin_from_outside(skb, packet, epoch, at, now))
			return TC_ACT_UNSPEC;
		found = bpf_map_lookup_elem(&translations, &packet->tuple);
		if (!found)
			return TC_ACT_UNSPEC;
	} else if (found->flags & TRANSLATION_ANSWER) {
		return TC_ACT_UNSPEC;
	} else if (found->flags & (TRANSLATION_ELSEWHERE | TRANSLATION_LEFT)) {
		keep_one_way(found, packet, now);
	} else {
		keep(found, packet, now);
	}
	if (found->flags & TRANSLATION_LEFT)
		return TC_ACT_UNSPEC;
	if (found->flags & TRANSLATION_ELSEWHERE) {
		if (at != AT_UPLINK)
			return TC_ACT_UNSPEC;
		if (packet->flags & PART)
			note_part(packet, &found->becomes);
		return send_on(skb, packet, &found->becomes);
	}
	return rewrite(skb, packet, &found->becomes) ? TC_ACT_OK : TC_ACT_UNSPEC;
}

/* The same for a fragment without ports. */
static __always_inline int receive_part(struct __sk_buff *skb, const struct packet *packet, __u32 epoch, int at)
{
	const struct tuple *to = part_becomes(packet);

	/* Answers keep their destination, and requests their source. */
	if (!to || !same(&to->source, &packet->tuple.source))
		return TC_ACT_UNSPEC;
	if (!endpoint_of(&to->destination, epoch))
		return at == AT_UPLINK ? send_on(skb, packet, to) : TC_ACT_UNSPEC;
	readdress(skb, ETH_HLEN, &packet->tuple.source, &to->source);
	return TC_ACT_OK;
}

/* The same for an ICMP error about an answer, which is for the pod that has sent it. */
static __always_inline int receive_error(struct __sk_buff *skb, const struct packet *error, int at)
{
	const struct translation *found;
	struct packet quoted = {};

	if (!read_quoted(skb, error, &quoted))
		return TC_ACT_UNSPEC;
	turn(&quoted.tuple);
	found = translation_of(&quoted.tuple, bpf_ktime_get_coarse_ns());
	if (!found || found->flags & (TRANSLATION_ANSWER | TRANSLATION_LEFT))
		return TC_ACT_UNSPEC;
	if (found->flags & TRANSLATION_ELSEWHERE)
		return at == AT_UPLINK ? send_on(skb, error, &found->becomes) : TC_ACT_UNSPEC;
	translate_error(skb, error, 0);
	return TC_ACT_OK;
}

/* The same for a packet whose headers are not the usual ones. */
static __noinline int receive_other(struct __sk_buff *skb, struct packet *packet, __u32 epoch, int at)
{
	if (!read_other(skb, packet))
		return TC_ACT_UNSPEC;
	if (packet->flags & ERROR)
		return receive_error(skb, packet, at);
	if (packet->tuple.protocol != IPPROTO_UDP && (packet->tuple.protocol != IPPROTO_TCP || packet->flags & PART))
		return TC_ACT_UNSPEC;
	return packet->transport ? receive(skb, packet, epoch, at) : receive_part(skb, packet, epoch, at);
}

#define FROM_OVERLAY_TO_UPLINK 0x1ca7 /* in tc_index: it has been translated, and is for no frontend any more */

/* Has the host's stack take a packet as if the uplink had received it; the action to return. */
static __noinline int into_uplink(struct __sk_buff *skb)
{
	const struct wire *uplink = wire_of(UPLINK);
	__u8 mac[ETH_ALEN];

	if (!uplink)
		return TC_ACT_SHOT;
	__builtin_memcpy(mac, uplink->host_mac, ETH_ALEN);
	if (bpf_skb_store_bytes(skb, __builtin_offsetof(struct ethhdr, h_dest), mac, sizeof(mac), 0))
		return TC_ACT_SHOT;
	skb->tc_index = FROM_OVERLAY_TO_UPLINK;
	return bpf_redirect(uplink->ifindex, BPF_F_INGRESS);
}

/* What has come out of the overlay for no pod of this node: another node may have sent it on. `simple`: as it is read. */
static __always_inline int from_other_node(struct __sk_buff *skb, struct packet *packet, __u32 epoch, int simple)
{
	int action = simple ? receive(skb, packet, epoch, OUT_OF_OVERLAY) :
			      receive_other(skb, packet, epoch, OUT_OF_OVERLAY);

	return action == TC_ACT_OK ? into_uplink(skb) : action;
}

#endif
