/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* Whether a packet may pass: by its connection, or by the policies of the endpoints at both of its ends. */
#ifndef IKAT_JUDGE_H
#define IKAT_JUDGE_H

#include "packet.h"
#include "shared.h"

#define ACCEPTED 0
/* The other causes are in shared.h, which the build generates. */
#define DENIED_STRAY 't' /* no policy's: only a counter reports it */

static __always_inline void count(__u32 counter)
{
	__u64 *value = bpf_map_lookup_elem(&counters, &counter);

	if (value)
		(*value)++;
}

/* Whether one more event may be reported in this second. */
static __always_inline int affordable(__u64 now)
{
	__u32 zero = 0;
	struct budget *budget = bpf_map_lookup_elem(&budgets, &zero);

	if (!budget)
		return 0;
	if (budget->second != now / SECOND) {
		budget->second = now / SECOND;
		budget->used = 0;
	}
	return budget->used++ < EVENTS_A_SECOND;
}

static __always_inline void tell(const struct tuple *tuple, char kind)
{
	__u64 now = bpf_ktime_get_ns();
	struct event *event = affordable(now) ? bpf_ringbuf_reserve(&events, sizeof(*event), 0) : 0;

	if (!event) {
		count(COUNT_LOST_EVENTS);
		return;
	}
	event->time = now;
	event->tuple = *tuple;
	event->kind = kind;
	__builtin_memset(event->zero, 0, sizeof(event->zero));
	bpf_ringbuf_submit(event, 0);
}

/* Signed, so that the epoch may wrap around. */
static __always_inline int in_force(__u32 since, __u32 epoch)
{
	return (__s32)(epoch - since) >= 0;
}

static __always_inline __u32 version(const struct id_versions *versions, __u32 epoch)
{
	if (!versions)
		return 0;
	return in_force(versions->since, epoch) ? versions->now : versions->before;
}

/* The endpoint that has an address; null if there is none. */
static __always_inline const struct endpoint *endpoint_of(const struct address *address, __u32 epoch)
{
	struct endpoint_versions *versions = bpf_map_lookup_elem(&addresses, address);
	const struct endpoint *endpoint;

	if (!versions)
		return 0;
	endpoint = in_force(versions->since, epoch) ? &versions->now : &versions->before;
	return endpoint->id ? endpoint : 0;
}

static __always_inline __u32 block_class(const struct address *address, __u32 epoch)
{
	if (is_v4(address)) {
		struct block4 key = {.bits = 32, .address = address->word[3]};

		return version(bpf_map_lookup_elem(&blocks4, &key), epoch);
	}
	struct block6 key = {.bits = 128, .address = *address};

	return version(bpf_map_lookup_elem(&blocks6, &key), epoch);
}

static __always_inline __u32 first(__u32 best, __u32 list, __u32 class)
{
	struct verdict_key key = {.list = list, .class = class};
	__u32 *rule;

	if (!class)
		return best;
	rule = bpf_map_lookup_elem(&verdicts, &key);
	return rule && *rule < best ? *rule : best;
}

/*
 * Whether a program denies traffic from or to this peer. Not static, so that the verifier checks it once and not at
 * every call.
 */
__noinline int denies(__u32 program, const struct address *peer, __u32 protocol_port, __u32 epoch)
{
	struct port_key key = {.bits = 56};
	struct lists *lists;
	int i;

	if (!peer)
		return 1;
	key.program = bpf_htonl(program);
	key.protocol = protocol_port >> 16;
	key.port = bpf_htons(protocol_port & 0xffff);
	lists = bpf_map_lookup_elem(&ports, &key);
	if (!lists)
		return 1;
	for (i = 0; i < TIERS; i++) {
		const struct list *list = &lists->tier[i];
		__u32 best = list->any;
		__u32 action;

		if (i >= lists->count)
			break;
		if (list->flags & LIST_MEMBERS)
			best = first(best, list->id, version(bpf_map_lookup_elem(&members, peer), epoch));
		if (list->flags & LIST_NAMED) {
			struct named_port port = {.address = *peer, .protocol = key.protocol, .port = key.port};

			best = first(best, list->id, version(bpf_map_lookup_elem(&named, &port), epoch));
		}
		if (list->flags & LIST_BLOCKS)
			best = first(best, list->id, block_class(peer, epoch));
		action = best == NO_RULE ? list->otherwise : best & ACTION_MASK;
		if (action != ACTION_PASS)
			return action == ACTION_DENY;
	}
	return 0;
}

/* The decision of both ends' policies about a connection's first packet. */
__noinline int judge(const struct tuple *tuple, __u32 port, __u32 epoch)
{
	const struct endpoint *sender, *receiver;
	__u32 protocol_port;

	if (!tuple)
		return DENIED_CLOSED;
	protocol_port = (__u32)tuple->protocol << 16 | port;
	sender = endpoint_of(&tuple->source, epoch);
	receiver = endpoint_of(&tuple->destination, epoch);
	if (sender && sender->egress && denies(sender->egress, &tuple->destination, protocol_port, epoch))
		return DENIED_EGRESS;
	if (receiver && receiver->ingress && denies(receiver->ingress, &tuple->source, protocol_port, epoch))
		return DENIED_INGRESS;
	return ACCEPTED;
}

/* Whether either end is isolated in either direction. */
__noinline int isolated(const struct tuple *tuple, __u32 epoch)
{
	const struct endpoint *sender, *receiver;

	if (!tuple)
		return 1;
	sender = endpoint_of(&tuple->source, epoch);
	receiver = endpoint_of(&tuple->destination, epoch);
	return (sender && (sender->egress || sender->ingress)) || (receiver && (receiver->egress || receiver->ingress));
}

static __always_inline __s64 lifetime(__u8 protocol, __u32 flags)
{
	switch (protocol) {
	case IPPROTO_TCP:
		if (flags & CONNECTION_CLOSING)
			return 120 * SECOND;
		return flags & CONNECTION_REPLIED ? 432000 * SECOND : 120 * SECOND;
	case IPPROTO_SCTP:
		return 432000 * SECOND;
	case IPPROTO_UDP:
		return 180 * SECOND;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return 30 * SECOND;
	default:
		return 600 * SECOND;
	}
}

/* Turns a tuple into that of the other direction. */
static __always_inline void turn(struct tuple *tuple)
{
	__be16 port = tuple->source_port;
	int i;

	for (i = 0; i < 4; i++) {
		__u32 word = tuple->source.word[i];

		tuple->source.word[i] = tuple->destination.word[i];
		tuple->destination.word[i] = word;
	}
	tuple->source_port = tuple->destination_port;
	tuple->destination_port = port;
}

/* Whether a tuple's second end is the lower one, compared as numbers in network byte order. */
static __always_inline int is_turned(const struct tuple *tuple)
{
	int i;

	for (i = 0; i < 4; i++) {
		__u32 source = bpf_ntohl(tuple->source.word[i]), destination = bpf_ntohl(tuple->destination.word[i]);

		if (source != destination)
			return source > destination;
	}
	return bpf_ntohs(tuple->source_port) > bpf_ntohs(tuple->destination_port);
}

static __always_inline __u16 receiving_port(const struct tuple *tuple)
{
	switch (tuple->protocol) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_SCTP:
		return bpf_ntohs(tuple->destination_port);
	default:
		return 0;
	}
}

/* The key of the connection of which a tuple is one direction; returns whether the tuple was swapped. */
static __always_inline int key_of(const struct tuple *tuple, struct tuple *key)
{
	*key = *tuple;
	if (!is_turned(key))
		return 0;
	turn(key);
	return 1;
}

/* How long ago it was seen, in ns; negative if a finer clock than that of `now` was read. */
static __always_inline __s64 age(const struct connection *connection, __u64 now)
{
	return now - connection->seen;
}

/* An open connection; null if there is none. */
static __always_inline struct connection *find(const struct tuple *key, __u64 now)
{
	struct connection *connection = bpf_map_lookup_elem(&connections, key);

	return connection && age(connection, now) <= lifetime(key->protocol, connection->flags) ? connection : 0;
}

/* Stores what a packet says about its connection. */
static __always_inline void touch(struct connection *connection, const struct packet *packet, int turned, __u64 now)
{
	__u32 was = connection->flags, is = was;

	if (turned != !!(was & CONNECTION_TURNED))
		is |= CONNECTION_REPLIED;
	if (packet->flags & CLOSES)
		is |= CONNECTION_CLOSING;
	/* Written only if it differs, because several processors read it. */
	if (is != was)
		connection->flags = is;
	if (age(connection, now) > (__s64)SECOND)
		connection->seen = now;
}

#define UNKNOWN 1

/*
 * The policies' decision about an open connection, if it is due and has not been made yet: ACCEPTED, or the cause of
 * the drop. The key may become the tuple of the first packet: there is no room for both.
 */
static __always_inline int again(const struct connection *connection, struct tuple *key, const struct settings *set)
{
	if (connection->epoch == set->epoch || !(set->flags & SETTING_RECHECK))
		return ACCEPTED;
	if (connection->flags & CONNECTION_TURNED)
		turn(key);
	return judge(key, receiving_port(key), set->epoch);
}

/*
 * Whether an open connection allows the packet to pass: ACCEPTED, UNKNOWN or the cause of the drop; its flags are
 * stored in `flags`.
 */
__noinline int by_connection(const struct packet *packet, const struct settings *set, __u32 *flags, __u64 now)
{
	struct connection *connection;
	struct tuple key;
	int turned;

	if (!packet || !set || !flags)
		return DENIED_CLOSED;
	if (packet->flags & (SYN | BROKEN))
		return UNKNOWN;
	turned = key_of(&packet->tuple, &key);
	connection = find(&key, now);
	if (!connection)
		return UNKNOWN;
	*flags = connection->flags;
	if (connection->epoch != set->epoch) {
		int verdict = again(connection, &key, set);

		if (verdict != ACCEPTED) {
			/*
			 * It is kept as long as its packets arrive: otherwise a packet of the other end would establish
			 * it again.
			 */
			touch(connection, packet, turned, now);
			connection->flags |= CONNECTION_FORBIDDEN;
			return turned == !!(*flags & CONNECTION_TURNED) ? verdict : DENIED_STRAY;
		}
		connection->epoch = set->epoch;
		connection->flags &= ~CONNECTION_FORBIDDEN;
	}
	touch(connection, packet, turned, now);
	return ACCEPTED;
}

/* Whether a packet that belongs to no connection may pass; it then begins one, with these flags. */
__noinline int by_policy(const struct packet *packet, const struct settings *set, __u32 flags, __u64 now)
{
	struct connection connection = {.seen = now, .flags = flags};
	struct tuple key;
	int verdict;

	if (!packet || !set)
		return DENIED_CLOSED;
	connection.epoch = set->epoch;
	if (packet->flags & (STRAY | BROKEN)) {
		if (isolated(&packet->tuple, set->epoch))
			return DENIED_STRAY;
	} else {
		verdict = judge(&packet->tuple, packet->port, set->epoch);
		if (verdict != ACCEPTED)
			return verdict;
	}
	if (packet->flags & (FRESH | STRAY)) {
		if (key_of(&packet->tuple, &key))
			connection.flags |= CONNECTION_TURNED;
		bpf_map_update_elem(&connections, &key, &connection, BPF_ANY);
		if (set->sample && bpf_get_prandom_u32() % set->sample == 0)
			tell(&packet->tuple, TOLD_ACCEPTED);
	}
	return ACCEPTED;
}

static __always_inline struct wire *wire_of(__u32 id)
{
	return bpf_map_lookup_elem(&wires, &id);
}

#endif
