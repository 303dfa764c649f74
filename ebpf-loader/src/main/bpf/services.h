/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * Connections of pods to services. The first packet draws a backend, and two translations say from then on what becomes
 * of either direction's packets. Where a frontend is not found here, or a connection has begun elsewhere, packets pass
 * as they are, and netfilter does the same for them.
 */
#ifndef IKAT_SERVICES_H
#define IKAT_SERVICES_H

#include "affinity.h"
#include "judge.h"
#include "rewrite.h"

#define FIRST_PORT 32768 /* net.ipv4.ip_local_port_range */
#define PORTS 28232
#define TRIES 8

static __always_inline int is_over(const struct translation *translation, __u8 protocol, __u64 now)
{
	return (__s64)(now - translation->seen) > lifetime(protocol, translation->flags);
}

/* A TCP connection that its ends may use anew. */
static __always_inline int is_closing(__u8 protocol, __u32 flags)
{
	return protocol == IPPROTO_TCP && flags & CONNECTION_CLOSING;
}

/* What becomes of packets with this tuple; null if they stay as they are. */
static __always_inline struct translation *translation_of(const struct tuple *tuple, __u64 now)
{
	struct translation *translation = bpf_map_lookup_elem(&translations, tuple);

	return translation && !is_over(translation, tuple->protocol, now) ? translation : 0;
}

/*
 * The translation that was found for a packet; null if that is one of a TCP connection that has ended, and the packet
 * begins the next one: what is left there is deleted.
 */
static __always_inline struct translation *of_its_own(struct translation *found, const struct packet *packet)
{
	if (!found || !(packet->flags & SYN) || !(found->flags & CONNECTION_CLOSING))
		return found;
	bpf_map_delete_elem(&translations, &packet->tuple);
	return 0;
}

/* Of tuples of one protocol. */
static __always_inline int are_same(const struct tuple *one, const struct tuple *other)
{
	return same(&one->source, &other->source) && same(&one->destination, &other->destination) &&
	       one->source_port == other->source_port && one->destination_port == other->destination_port;
}

/*
 * Stores what a packet says about its connection, in the translations of both directions. One that had to make room for
 * others is stored again.
 */
static __noinline void keep(struct translation *translation, const struct packet *packet, __u64 now)
{
	struct translation made = {.seen = now};
	struct translation *other;
	struct tuple key;
	__u32 was, is;

	if (!translation || !packet)
		return;
	was = translation->flags;
	is = was;
	if (was & TRANSLATION_ANSWER)
		is |= CONNECTION_REPLIED;
	if (packet->flags & CLOSES)
		is |= CONNECTION_CLOSING;
	if (is == was && (__s64)(now - translation->seen) <= (__s64)SECOND)
		return;
	translation->flags = is;
	translation->seen = now;
	key = translation->becomes;
	turn(&key);
	made.becomes = packet->tuple;
	turn(&made.becomes);
	other = bpf_map_lookup_elem(&translations, &key);
	if (other) {
		/* Else its client has begun another connection from the same port, with another backend. */
		if (are_same(&other->becomes, &made.becomes)) {
			other->flags |= is & (CONNECTION_REPLIED | CONNECTION_CLOSING);
			other->seen = now;
		}
		return;
	}
	made.flags = is ^ TRANSLATION_ANSWER;
	bpf_map_update_elem(&translations, &key, &made, BPF_ANY);
}

/* Whether no open connection has these two ends: its answers could not be told from the other's. */
static __noinline int is_free(const struct tuple *tuple, __u64 now)
{
	const struct translation *answers;
	const struct connection *open;
	struct tuple key;

	if (!tuple)
		return 0;
	key = *tuple;
	turn(&key);
	answers = translation_of(&key, now);
	if (answers && !is_closing(key.protocol, answers->flags))
		return 0;
	key_of(tuple, &key);
	open = find(&key, now);
	return !open || is_closing(key.protocol, open->flags);
}

/*
 * Whether the answers to the first packet of a connection that is for no frontend would be taken for those of an open
 * connection to a service, which the packet's destination serves. What is left of one that has ended is deleted.
 */
static __noinline int is_taken(const struct tuple *tuple, __u64 now)
{
	const struct translation *answers, *requests;
	struct tuple key = *tuple;

	turn(&key);
	answers = bpf_map_lookup_elem(&translations, &key);
	if (!answers || !(answers->flags & TRANSLATION_ANSWER))
		return 0;
	if (!is_free(tuple, now))
		return 1;
	key = answers->becomes;
	turn(&key);
	requests = bpf_map_lookup_elem(&translations, &key);
	if (requests && are_same(&requests->becomes, tuple))
		bpf_map_delete_elem(&translations, &key);
	/* Computed anew: there is no room for both. */
	key = *tuple;
	turn(&key);
	bpf_map_delete_elem(&translations, &key);
	return 0;
}

/* Chooses a backend for the first packet of a connection; 0 if there is none, or netfilter has to do it. */
static __always_inline int choose(const struct frontend *frontend, const struct sticky_client *client, __u64 now,
				  struct tuple *becomes)
{
	struct own own = {.group = frontend->group, .address = client->address};
	struct backend backend = {};

	/* Who may reach itself would have to see another address. */
	if (bpf_map_lookup_elem(&own_backends, &own))
		return 0;
	if (!assign(frontend, client, now, &backend))
		return 0;
	becomes->destination = backend.address;
	becomes->destination_port = backend.port;
	return 1;
}

/* Whether the packet comes from the pod that it says, and the answers to that pod can be restored. */
static __always_inline int is_from_pod(struct __sk_buff *skb, const struct packet *packet, __u32 epoch)
{
	const struct endpoint *sender = endpoint_of(&packet->tuple.source, epoch);
	const struct wire *wire = sender ? wire_of(sender->id) : 0;

	return wire && wire->ifindex == skb->ifindex && wire->flags & WIRE_RESTORES;
}

/*
 * Stores the translations of a connection's two directions, with another source port if the answers could not be told
 * from those of an open connection; 0 if there is none.
 */
__noinline int establish(const struct tuple *tuple, struct translation *made, __u64 now)
{
	struct tuple key;
	int i;

	if (!tuple || !made)
		return 0;
	for (i = 0; i < TRIES && !is_free(&made->becomes, now); i++)
		made->becomes.source_port = bpf_htons(FIRST_PORT + bpf_get_prandom_u32() % PORTS);
	if (i == TRIES)
		return 0;
	bpf_map_update_elem(&translations, tuple, made, BPF_ANY);
	key = made->becomes;
	turn(&key);
	made->flags = TRANSLATION_ANSWER;
	made->becomes = *tuple;
	turn(&made->becomes);
	bpf_map_update_elem(&translations, &key, made, BPF_ANY);
	return 1;
}

/*
 * Begins a connection to a service, or one to a backend itself whose answers could not be told from those of a service:
 * that one gets another source port. Returns whether it is to be translated.
 */
static __noinline int begin(struct __sk_buff *skb, const struct packet *packet, __u32 epoch, __u64 now)
{
	struct sticky_client client = {
		.address = packet->tuple.source,
		.place = {
			.address = packet->tuple.destination,
			.protocol = packet->tuple.protocol,
			.port = packet->tuple.destination_port,
		},
	};
	struct frontend *frontend = bpf_map_lookup_elem(&frontends, &client.place);
	struct translation made = {.seen = now};

	made.becomes = packet->tuple;
	if (!frontend && !is_taken(&packet->tuple, now))
		return 0;
	if (!is_from_pod(skb, packet, epoch) || (frontend && !choose(frontend, &client, now, &made.becomes)))
		return 0;
	return establish(&packet->tuple, &made, now);
}

/* Sends a request to its backend, if it is one to a service: the packet, and what is known of it, change. */
static __noinline int translate(struct __sk_buff *skb, struct packet *packet, __u32 epoch)
{
	__u64 now = bpf_ktime_get_coarse_ns();
	struct translation *found = translation_of(&packet->tuple, now);

	/* Those of connections from outside are not for pods. */
	if (found && found->flags & (TRANSLATION_ANSWER | TRANSLATION_ELSEWHERE | TRANSLATION_LEFT))
		return 0;
	found = of_its_own(found, packet);
	if (!found) {
		if (!(packet->flags & FRESH) || !begin(skb, packet, epoch, now))
			return 0;
		found = bpf_map_lookup_elem(&translations, &packet->tuple);
		if (!found)
			return 0;
	} else {
		keep(found, packet, now);
	}
	if (!rewrite(skb, packet, &found->becomes))
		return 0;
	packet->tuple = found->becomes;
	packet->port = bpf_ntohs(packet->tuple.destination_port);
	return 1;
}

/* Gives an answer the service's address again, if it is one; 0 if that is not possible here. */
static __noinline int restore(struct __sk_buff *skb, struct packet *packet)
{
	__u64 now = bpf_ktime_get_coarse_ns();
	struct translation *found = translation_of(&packet->tuple, now);

	if (!found || !(found->flags & TRANSLATION_ANSWER))
		return 1;
	keep(found, packet, now);
	if (!rewrite(skb, packet, &found->becomes))
		return 0;
	packet->tuple = found->becomes;
	return 1;
}

/* Reads the packet that an ICMP error quotes; 0 if that is not possible. */
__noinline int read_quoted(struct __sk_buff *skb, const struct packet *error, struct packet *quoted)
{
	struct bpf_dynptr data;

	if (!error || !quoted || bpf_dynptr_from_skb(skb, 0, &data))
		return 0;
	if (is_v4(&error->tuple.source))
		read_v4(&data, error->inner, 1, quoted);
	else
		read_v6(&data, error->inner, 1, quoted);
	return !(quoted->flags & BROKEN);
}

/*
 * An ICMP error quotes a packet as it was sent or as it arrived, and its receiver knows only the other one. `to_pod`:
 * about a request, for the pod that sent it; else about an answer, from the pod that received it.
 */
static __noinline void translate_error(struct __sk_buff *skb, const struct packet *error, int to_pod)
{
	struct tuple outer = error->tuple, inner;
	const struct translation *found;
	struct packet quoted = {};

	if (!read_quoted(skb, error, &quoted))
		return;
	inner = quoted.tuple;
	turn(&inner);
	found = translation_of(&inner, bpf_ktime_get_coarse_ns());
	if (!found || to_pod != !!(found->flags & TRANSLATION_ANSWER))
		return;
	inner = found->becomes;
	turn(&inner);
	if (to_pod && same(&outer.source, &quoted.tuple.destination))
		outer.source = inner.destination;
	if (!to_pod && same(&outer.destination, &quoted.tuple.source))
		outer.destination = inner.source;
	rewrite_error(skb, error, &quoted, &outer, &inner);
}

/* Translates a packet whose headers are not the usual ones. */
static __always_inline void translate_other(struct __sk_buff *skb, struct packet *packet, __u32 epoch, int to_pod)
{
	if (!read_other(skb, packet))
		return;
	if (packet->flags & ERROR)
		translate_error(skb, packet, to_pod);
	else if (packet->tuple.protocol != IPPROTO_UDP && (packet->tuple.protocol != IPPROTO_TCP || packet->flags & PART))
		return;
	else if (!packet->transport)
		rewrite_part(skb, packet);
	else if (to_pod)
		restore(skb, packet);
	else
		translate(skb, packet, epoch);
}

#endif
