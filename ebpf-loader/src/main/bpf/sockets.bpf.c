// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/*
 * Connections of the node's own sockets to services.
 *
 * The programs are attached to a cgroup and see system calls of all sockets that were made in it. They act only on those
 * of the node's own network namespace: what pods send is translated at their links. A connection is made to a backend in
 * the first place, so its packets need no translation; so is each datagram of a socket that is not connected. Where the
 * socket's owner asks with whom it speaks, it is told the service's address.
 *
 * What is not found among the frontends stays as it is, and netfilter translates it. So does what a socket sends that is
 * bound to an address or an interface: its packets may need another source address to come back.
 */
#include "affinity.h"
#include <linux/in.h>

#define AF_INET 2
#define AF_INET6 10

#define HOST_ENDS 1 /* connected UDP sockets are ended when their backend has gone, so they may be translated */

struct host {
	__u64 namespace; /* its cookie */
	__u32 flags;	 /* HOST_ */
	__u32 unused;
};

#define REQUEST 0 /* from the service's place to the backend's; only of UDP */
#define ANSWER 1  /* from the backend's place to the service's */

/* Which place another one stands for, for one socket. */
struct flow {
	__u64 socket; /* its cookie */
	struct place place;
	__u32 kind;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct host);
} host SEC(".maps");

/* Created by dev.ikat.ebpf.socket.SocketFlows, and the same for all agents. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct flow);
	__type(value, struct place);
} flows SEC(".maps");

/* Whether the socket is one of the node's own; which flags the node has. */
static __always_inline int is_own(void *ctx, __u32 *flags)
{
	__u32 zero = 0;
	const struct host *node = bpf_map_lookup_elem(&host, &zero);

	if (!node || bpf_get_netns_cookie(ctx) != node->namespace)
		return 0;
	*flags = node->flags;
	return 1;
}

/* What the kernel is about to send to, or has received from. */
static __always_inline int read_v4(struct bpf_sock_addr *ctx, struct place *place)
{
	__u32 protocol = ctx->protocol;

	set_v4(&place->address, ctx->user_ip4);
	place->protocol = protocol;
	place->zero = 0;
	place->port = ctx->user_port;
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP;
}

/* The same for a socket of IPv6, which may speak with ::ffff:a.b.c.d. */
static __always_inline int read_v6(struct bpf_sock_addr *ctx, struct place *place)
{
	__u32 protocol = ctx->protocol;

	place->address.word[0] = ctx->user_ip6[0];
	place->address.word[1] = ctx->user_ip6[1];
	place->address.word[2] = ctx->user_ip6[2];
	place->address.word[3] = ctx->user_ip6[3];
	place->protocol = protocol;
	place->zero = 0;
	place->port = ctx->user_port;
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP;
}

static __always_inline void write_v4(struct bpf_sock_addr *ctx, const struct place *place)
{
	ctx->user_ip4 = place->address.word[3];
	ctx->user_port = place->port;
}

static __always_inline void write_v6(struct bpf_sock_addr *ctx, const struct place *place)
{
	ctx->user_ip6[0] = place->address.word[0];
	ctx->user_ip6[1] = place->address.word[1];
	ctx->user_ip6[2] = place->address.word[2];
	ctx->user_ip6[3] = place->address.word[3];
	ctx->user_port = place->port;
}

static __always_inline int is_bound_v4(const struct bpf_sock *socket)
{
	return socket->src_ip4 || socket->bound_dev_if;
}

static __always_inline int is_bound_v6(const struct bpf_sock *socket)
{
	return socket->src_ip6[0] || socket->src_ip6[1] || socket->src_ip6[2] || socket->src_ip6[3] ||
	       socket->bound_dev_if;
}

/*
 * Where what a socket sends to this place has to go; 0 if it is not to be translated. A socket of UDP keeps its backend
 * of a service: user space deletes the flow when the backend has gone. `begins`: it may have no backend yet.
 */
static __noinline int choose(__u64 socket, const struct place *place, struct place *backend, int begins)
{
	struct flow request = {.socket = socket, .kind = REQUEST};
	struct flow answer = {.socket = socket, .kind = ANSWER};
	struct sticky_client node = {};
	const struct frontend *frontend;
	const struct place *former;
	struct backend chosen = {};

	if (!place || !backend)
		return 0;
	frontend = bpf_map_lookup_elem(&frontends, place);
	if (!frontend) {
		/*
		 * From now on the socket speaks with this place itself; if it is not connected: one of IPv6 that is
		 * connected to an IPv4 address comes here with its peer.
		 */
		answer.place = *place;
		if (begins && bpf_map_lookup_elem(&flows, &answer))
			bpf_map_delete_elem(&flows, &answer);
		return 0;
	}
	request.place = *place;
	former = place->protocol == IPPROTO_UDP ? bpf_map_lookup_elem(&flows, &request) : 0;
	if (former) {
		*backend = *former;
	} else {
		node.place = *place;
		if (!begins || !assign(frontend, &node, bpf_ktime_get_ns(), &chosen))
			return 0;
		backend->address = chosen.address;
		backend->protocol = place->protocol;
		backend->zero = 0;
		backend->port = chosen.port;
		if (place->protocol == IPPROTO_UDP && bpf_map_update_elem(&flows, &request, backend, BPF_ANY))
			return 0;
	}
	answer.place = *backend;
	former = bpf_map_lookup_elem(&flows, &answer);
	if (former && same(&former->address, &place->address) && former->port == place->port)
		return 1;
	return !bpf_map_update_elem(&flows, &answer, place, BPF_ANY);
}

/* The service as which a socket knows this place; 0 if it is none. */
static __noinline int restore(__u64 socket, const struct place *place, struct place *service)
{
	struct flow answer = {.socket = socket, .kind = ANSWER};
	const struct place *found;

	if (!place || !service)
		return 0;
	answer.place = *place;
	found = bpf_map_lookup_elem(&flows, &answer);
	if (!found)
		return 0;
	*service = *found;
	return 1;
}

/* Without being able to end it, a connected socket of UDP would keep a backend that is gone. */
static __always_inline int may_connect(const struct place *place, __u32 flags)
{
	return place->protocol == IPPROTO_TCP || flags & HOST_ENDS;
}

SEC("cgroup/connect4")
int connect4(struct bpf_sock_addr *ctx)
{
	struct place place, backend = {};
	struct bpf_sock *socket = ctx->sk;
	__u32 flags;

	if (!socket || !is_own(ctx, &flags) || !read_v4(ctx, &place) || is_bound_v4(socket) || !may_connect(&place, flags))
		return 1;
	if (choose(bpf_get_socket_cookie(ctx), &place, &backend, 1))
		write_v4(ctx, &backend);
	return 1;
}

SEC("cgroup/connect6")
int connect6(struct bpf_sock_addr *ctx)
{
	struct place place, backend = {};
	struct bpf_sock *socket = ctx->sk;
	__u32 flags;

	if (!socket || !is_own(ctx, &flags) || !read_v6(ctx, &place) || is_bound_v6(socket) || !may_connect(&place, flags))
		return 1;
	if (choose(bpf_get_socket_cookie(ctx), &place, &backend, 1))
		write_v6(ctx, &backend);
	return 1;
}

/*
 * A datagram with a destination of its own. A socket that is connected elsewhere would not receive the answers; one that
 * is connected to a service's backend has it already.
 */
SEC("cgroup/sendmsg4")
int sendmsg4(struct bpf_sock_addr *ctx)
{
	struct place place, backend = {};
	struct bpf_sock *socket = ctx->sk;
	__u32 flags;

	if (!socket || !is_own(ctx, &flags) || !read_v4(ctx, &place))
		return 1;
	if (!socket->dst_port && (ctx->msg_src_ip4 || socket->bound_dev_if))
		return 1;
	if (choose(bpf_get_socket_cookie(ctx), &place, &backend, !socket->dst_port))
		write_v4(ctx, &backend);
	return 1;
}

SEC("cgroup/sendmsg6")
int sendmsg6(struct bpf_sock_addr *ctx)
{
	struct place place, backend = {};
	struct bpf_sock *socket = ctx->sk;
	__u32 flags;

	if (!socket || !is_own(ctx, &flags) || !read_v6(ctx, &place))
		return 1;
	if (!socket->dst_port && (ctx->msg_src_ip6[0] || ctx->msg_src_ip6[1] || ctx->msg_src_ip6[2] ||
				  ctx->msg_src_ip6[3] || socket->bound_dev_if))
		return 1;
	if (choose(bpf_get_socket_cookie(ctx), &place, &backend, !socket->dst_port))
		write_v6(ctx, &backend);
	return 1;
}

static __always_inline int restore_v4(struct bpf_sock_addr *ctx)
{
	struct place place, service = {};
	__u32 flags;

	if (is_own(ctx, &flags) && read_v4(ctx, &place) && restore(bpf_get_socket_cookie(ctx), &place, &service))
		write_v4(ctx, &service);
	return 1;
}

static __always_inline int restore_v6(struct bpf_sock_addr *ctx)
{
	struct place place, service = {};
	__u32 flags;

	if (is_own(ctx, &flags) && read_v6(ctx, &place) && restore(bpf_get_socket_cookie(ctx), &place, &service))
		write_v6(ctx, &service);
	return 1;
}

SEC("cgroup/recvmsg4")
int recvmsg4(struct bpf_sock_addr *ctx)
{
	return restore_v4(ctx);
}

SEC("cgroup/recvmsg6")
int recvmsg6(struct bpf_sock_addr *ctx)
{
	return restore_v6(ctx);
}

SEC("cgroup/getpeername4")
int getpeername4(struct bpf_sock_addr *ctx)
{
	return restore_v4(ctx);
}

SEC("cgroup/getpeername6")
int getpeername6(struct bpf_sock_addr *ctx)
{
	return restore_v6(ctx);
}

/* A socket is closed: what is known of its connection goes with it. The rest goes when there is no more room. */
SEC("cgroup/sock_release")
int sock_release(struct bpf_sock *ctx)
{
	struct flow answer = {.kind = ANSWER}, request = {.kind = REQUEST};
	const struct place *service;
	__u32 flags;

	if (!ctx->dst_port || !is_own(ctx, &flags))
		return 1;
	if (ctx->family == AF_INET) {
		set_v4(&answer.place.address, ctx->dst_ip4);
	} else if (ctx->family == AF_INET6) {
		answer.place.address.word[0] = ctx->dst_ip6[0];
		answer.place.address.word[1] = ctx->dst_ip6[1];
		answer.place.address.word[2] = ctx->dst_ip6[2];
		answer.place.address.word[3] = ctx->dst_ip6[3];
	} else {
		return 1;
	}
	answer.socket = bpf_get_socket_cookie(ctx);
	answer.place.protocol = ctx->protocol;
	answer.place.port = ctx->dst_port;
	service = bpf_map_lookup_elem(&flows, &answer);
	if (!service)
		return 1;
	request.socket = answer.socket;
	request.place = *service;
	if (request.place.protocol == IPPROTO_UDP)
		bpf_map_delete_elem(&flows, &request);
	bpf_map_delete_elem(&flows, &answer);
	return 1;
}

/* The kernel offers some of its functions only to programs under its own licence. */
char LICENSE[] SEC("license") = "GPL";
