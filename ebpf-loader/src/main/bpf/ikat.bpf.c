// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/*
 * Ikat's policies, in the kernel.
 *
 * `forward` sees every packet that the node forwards, at the place of netfilter's own filters: reassembled if it came
 * in fragments, its destination already translated, its source not yet. It decides. `from_pod` is attached to the host
 * end of a pod's veth pair. What it can also decide, TCP, UDP and SCTP between two pods, it delivers directly to the
 * other pod or into the overlay, where `from_overlay` does the rest at the other end. Whatever these two can't decide
 * goes on to `forward`.
 *
 * What a pod sends to a service gets the address of a backend in `from_pod`, before anything else sees it. The answers
 * get the service's address again where they leave for the pod: on the fast path, or in `to_pod`. `from_uplink` does the
 * same for what arrives from outside the cluster, and `to_pod` at the uplink for the answers.
 */
#include <linux/pkt_cls.h>
#include "uplink.h"

#define NF_DROP 0
#define NF_ACCEPT 1
#define PF_INET 2
#define PF_INET6 10

/* Only those of the kernel's types that are read; libbpf finds their offsets in the running kernel. */
struct net_device {
	char name[NAME_LENGTH];
} __attribute__((preserve_access_index));

struct nf_hook_state {
	__u8 hook;
	__u8 pf;
	struct net_device *in;
	struct net_device *out;
} __attribute__((preserve_access_index));

struct bpf_nf_ctx {
	const struct nf_hook_state *state;
	struct sk_buff *skb;
} __attribute__((preserve_access_index));

/* Whether this is the host end of a pod's link, by its name: "ik" and eleven hexadecimal digits, not "ikat-vxlan". */
static __always_inline int is_ours(const struct net_device *device, struct name *name)
{
	if (device->name[0] != POD_LINK_PREFIX[0] || device->name[1] != POD_LINK_PREFIX[1] ||
	    device->name[3] == OVERLAY_LINK[3])
		return 0;
	/* The bytes after the terminator may be the rest of a longer name. */
	return bpf_probe_read_kernel_str(name, sizeof(*name), device->name) > 0;
}

/*
 * An ICMP error passes with the connection that it is about, if it goes to the sender of the packet inside. A router
 * may send errors about any packet, a pod only about packets that were sent to it.
 */
static __noinline int is_related(const struct bpf_dynptr *data, int v4, int from_ours, const struct packet *packet,
				 const struct settings *set)
{
	const struct connection *connection;
	struct packet inner = {};
	struct tuple key;
	__u32 offset = packet->inner;

	if (v4)
		read_v4(data, offset, 1, &inner);
	else
		read_v6(data, offset, 1, &inner);
	if (inner.flags & BROKEN)
		return 0;
	if (!same(&inner.tuple.source, &packet->tuple.destination))
		return 0;
	if (from_ours && !same(&inner.tuple.destination, &packet->tuple.source))
		return 0;
	key_of(&inner.tuple, &key);
	connection = find(&key, bpf_ktime_get_ns());
	return connection && again(connection, &key, set) == ACCEPTED;
}

static __always_inline int drop(const struct tuple *tuple, int why, const struct settings *set)
{
	count(COUNT_DENIED);
	if (set->flags & SETTING_EVENTS && why != DENIED_STRAY)
		tell(tuple, why);
	return NF_DROP;
}

SEC("netfilter")
int forward(struct bpf_nf_ctx *ctx)
{
	struct __sk_buff *skb = (struct __sk_buff *)ctx->skb;
	const struct nf_hook_state *state = ctx->state;
	struct name in = {}, out = {};
	int v4 = state->pf == PF_INET;
	__u32 zero = 0, flags = 0, from = 0, to = 0;
	const struct endpoint *endpoint;
	struct packet packet = {};
	struct settings *set, now;
	struct bpf_dynptr data;
	int from_ours, to_ours, verdict;

	from_ours = is_ours(state->in, &in);
	to_ours = is_ours(state->out, &out);
	if (!from_ours && !to_ours)
		return NF_ACCEPT;
	set = bpf_map_lookup_elem(&settings, &zero);
	if (!set || bpf_dynptr_from_skb(skb, 0, &data))
		return NF_DROP;
	now = *set;
	if (v4)
		read_v4(&data, 0, 0, &packet);
	else
		read_v6(&data, 0, 0, &packet);

	if (from_ours) {
		from = version(bpf_map_lookup_elem(&interfaces, &in), now.epoch);
		if (!from)
			return drop(&packet.tuple, DENIED_CLOSED, &now);
		endpoint = endpoint_of(&packet.tuple.source, now.epoch);
		if (!endpoint || endpoint->id != from)
			return drop(&packet.tuple, DENIED_SPOOFED, &now);
	}
	if (to_ours) {
		to = version(bpf_map_lookup_elem(&interfaces, &out), now.epoch);
		endpoint = endpoint_of(&packet.tuple.destination, now.epoch);
		if (!to || !endpoint || endpoint->id != to)
			return drop(&packet.tuple, DENIED_CLOSED, &now);
	}
	if (same(&packet.tuple.source, &packet.tuple.destination))
		return NF_ACCEPT;

	verdict = by_connection(&packet, &now, &flags, bpf_ktime_get_ns());
	if (verdict == UNKNOWN && packet.flags & ERROR) {
		if (is_related(&data, v4, from_ours, &packet, &now))
			verdict = ACCEPTED;
		else if (from_ours)
			verdict = DENIED_SPOOFED;
	}
	if (verdict == UNKNOWN)
		verdict = by_policy(&packet, &now, 0, bpf_ktime_get_ns());
	if (verdict != ACCEPTED)
		return drop(&packet.tuple, verdict, &now);
	count(COUNT_ACCEPTED);
	return NF_ACCEPT;
}

/* Shows that a program can be attached to the hook; it accepts every packet. */
SEC("netfilter")
int attempt(struct bpf_nf_ctx *ctx)
{
	return NF_ACCEPT;
}

/* The endpoints of a packet whose connection took the fast path at this epoch, and that connection's flags. */
struct ends {
	__u32 from;
	__u32 to;
	__u32 flags;
};

/*
 * Looks up a packet's connection: TC_ACT_OK if `ends` is still right and the packet may pass, TC_ACT_UNSPEC if the
 * packet can't take the fast path, and TC_ACT_PIPE if everything has to be looked up.
 */
static __noinline int remembered(const struct packet *packet, const struct settings *set, struct ends *ends)
{
	__u64 now = bpf_ktime_get_coarse_ns(), from, to;
	struct connection *connection;
	struct tuple key;
	int turned;

	if (packet->flags & SYN)
		return TC_ACT_PIPE;
	turned = key_of(&packet->tuple, &key);
	connection = find(&key, now);
	if (!connection)
		return TC_ACT_PIPE;
	/* If netfilter has translated the destination, it has to translate the answer back. */
	if (!(connection->flags & CONNECTION_SHORTCUT))
		return TC_ACT_UNSPEC;
	from = turned ? connection->end[1] : connection->end[0];
	to = turned ? connection->end[0] : connection->end[1];
	if (from >> 32 != set->epoch || to >> 32 != set->epoch)
		return TC_ACT_PIPE;
	ends->from = from;
	ends->to = to;
	ends->flags = connection->flags;
	touch(connection, packet, turned, now);
	return TC_ACT_OK;
}

/* Stores the endpoints of a packet that has passed on the fast path. */
static __noinline void remember(const struct packet *packet, const struct settings *set, const struct ends *ends)
{
	struct connection *connection;
	struct tuple key;
	int turned = key_of(&packet->tuple, &key);

	connection = bpf_map_lookup_elem(&connections, &key);
	if (!connection)
		return;
	connection->end[0] = (__u64)set->epoch << 32 | (turned ? ends->to : ends->from);
	connection->end[1] = (__u64)set->epoch << 32 | (turned ? ends->from : ends->to);
}

/* Decides about a packet that could take the fast path: TC_ACT_OK to take it, or the other action to return. */
static __always_inline int decide(const struct packet *packet, const struct settings *set, int request,
				  struct ends *ends)
{
	__u64 now = bpf_ktime_get_coarse_ns();
	__u32 flags = 0;
	int verdict = by_connection(packet, set, &flags, now);

	if (verdict == UNKNOWN) {
		/* A packet that can't begin a connection belongs to one that may have begun elsewhere. */
		if (!(set->flags & SETTING_SHORTCUTS) || !(packet->flags & FRESH))
			return TC_ACT_UNSPEC;
		flags = request ? CONNECTION_SHORTCUT | CONNECTION_TRANSLATED : CONNECTION_SHORTCUT;
		verdict = by_policy(packet, set, flags, now);
	}
	if (verdict != ACCEPTED) {
		drop(&packet->tuple, verdict, set);
		return TC_ACT_SHOT;
	}
	if (!(flags & CONNECTION_SHORTCUT))
		return TC_ACT_UNSPEC;
	ends->flags = flags;
	remember(packet, set, ends);
	return TC_ACT_OK;
}

/* Sender and receiver of a packet, for `ends`; 0 if neither is an endpoint, or both are the same pod. */
static __always_inline int find_ends(const struct packet *packet, const struct settings *set, struct ends *ends)
{
	const struct endpoint *endpoint = endpoint_of(&packet->tuple.source, set->epoch);

	ends->from = endpoint ? endpoint->id : AWAY;
	endpoint = endpoint_of(&packet->tuple.destination, set->epoch);
	ends->to = endpoint ? endpoint->id : AWAY;
	return ends->from != ends->to;
}

SEC("tc")
int from_pod(struct __sk_buff *skb)
{
	struct packet packet = {};
	struct settings *set, now;
	struct wire *here, *there;
	struct ends ends = {};
	struct wire way = {};
	__u32 zero = 0;
	int action, request = 0;

	set = bpf_map_lookup_elem(&settings, &zero);
	if (!set)
		return TC_ACT_UNSPEC;
	now = *set;
	if (!read_simple(skb, &packet)) {
		if (now.flags & SETTING_SERVICES)
			translate_other(skb, &packet, now.epoch, 0);
		return TC_ACT_UNSPEC;
	}
	action = remembered(&packet, &now, &ends);
	if (now.flags & SETTING_SERVICES && (action == TC_ACT_PIPE || ends.flags & CONNECTION_TRANSLATED)) {
		request = translate(skb, &packet, now.epoch);
		if (request)
			action = remembered(&packet, &now, &ends);
	}
	if (action == TC_ACT_UNSPEC || packet.flags & LAST_HOP ||
	    (action == TC_ACT_PIPE && !find_ends(&packet, &now, &ends)))
		return TC_ACT_UNSPEC;
	here = wire_of(ends.from);
	if (!here || here->ifindex != skb->ifindex)
		return TC_ACT_UNSPEC;
	if (ends.to != AWAY) {
		there = wire_of(ends.to);
		if (!there || here->mtu != there->mtu)
			return TC_ACT_UNSPEC;
		way = *there;
	} else if (!find_way(skb, &packet.tuple, &way)) {
		return TC_ACT_UNSPEC;
	}
	if (action == TC_ACT_PIPE) {
		action = decide(&packet, &now, request, &ends);
		if (action != TC_ACT_OK)
			return action;
	}
	if (ends.flags & CONNECTION_TRANSLATED && !request && !restore(skb, &packet))
		return TC_ACT_UNSPEC;
	if (!route(skb, &way))
		return TC_ACT_UNSPEC;
	count(COUNT_SHORTCUT);
	return ends.to != AWAY ? bpf_redirect_peer(way.ifindex, 0) : bpf_redirect(way.ifindex, 0);
}

/* From a pod of another node, or from that node itself. */
SEC("tc")
int from_overlay(struct __sk_buff *skb)
{
	struct wire *here, *there;
	struct packet packet = {};
	struct settings *set, now;
	struct ends ends = {};
	__u32 zero = 0, mtu = 0;
	int action;

	set = bpf_map_lookup_elem(&settings, &zero);
	if (!set)
		return TC_ACT_UNSPEC;
	now = *set;
	if (!read_simple(skb, &packet))
		return now.flags & SETTING_SERVICES ? from_other_node(skb, &packet, now.epoch, 0) : TC_ACT_UNSPEC;
	action = remembered(&packet, &now, &ends);
	if (action == TC_ACT_PIPE && !find_ends(&packet, &now, &ends))
		return now.flags & SETTING_SERVICES && ends.to == AWAY ?
			       from_other_node(skb, &packet, now.epoch, 1) :
			       TC_ACT_UNSPEC;
	if (action == TC_ACT_UNSPEC || packet.flags & LAST_HOP)
		return TC_ACT_UNSPEC;
	/* No pod of this node sends from elsewhere: the kernel decides about such packets. */
	if (ends.from != AWAY)
		return TC_ACT_UNSPEC;
	here = wire_of(OVERLAY);
	there = wire_of(ends.to);
	if (!here || !there || here->ifindex != skb->ifindex ||
	    bpf_check_mtu(skb, there->ifindex, &mtu, 0, BPF_MTU_CHK_SEGS))
		return TC_ACT_UNSPEC;
	if (action == TC_ACT_PIPE) {
		action = decide(&packet, &now, 0, &ends);
		if (action != TC_ACT_OK)
			return action;
	}
	if (ends.flags & CONNECTION_TRANSLATED && !restore(skb, &packet))
		return TC_ACT_UNSPEC;
	if (!route(skb, there))
		return TC_ACT_UNSPEC;
	count(COUNT_SHORTCUT);
	return bpf_redirect_peer(there->ifindex, 0);
}

/* What the uplink receives. */
SEC("tc")
int from_uplink(struct __sk_buff *skb)
{
	struct packet packet = {};
	struct settings *set;
	__u32 zero = 0;
	int action;

	if (skb->tc_index == FROM_OVERLAY_TO_UPLINK) {
		skb->tc_index = 0;
		return TC_ACT_UNSPEC;
	}
	set = bpf_map_lookup_elem(&settings, &zero);
	if (!set || !(set->flags & SETTING_SERVICES))
		return TC_ACT_UNSPEC;
	action = read_simple(skb, &packet) ? receive(skb, &packet, set->epoch, AT_UPLINK) :
					     receive_other(skb, &packet, set->epoch, AT_UPLINK);
	return action == TC_ACT_OK ? TC_ACT_UNSPEC : action;
}

/* What the host's stack sends to a pod, or by the uplink: answers of services that have not come by the fast path. */
SEC("tc")
int to_pod(struct __sk_buff *skb)
{
	struct packet packet = {};

	if (read_simple(skb, &packet))
		restore(skb, &packet);
	else
		translate_other(skb, &packet, 0, 1);
	return TC_ACT_UNSPEC;
}

/* The kernel offers its functions only to programs under its own licence. */
char LICENSE[] SEC("license") = "GPL";
