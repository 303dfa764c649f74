/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * Session affinity: a client's connections to a frontend go to the same backend, until the frontend's time has passed
 * since its last new connection. The programs write who has which backend, and user space hands it over from and to
 * other dataplanes.
 */
#ifndef IKAT_AFFINITY_H
#define IKAT_AFFINITY_H

#include "frontends.h"

/* A client of a frontend. The node itself, whose sockets have no address yet where they connect, is the client `::`. */
struct sticky_client {
	struct address address;
	struct place place;
};

struct sticky_choice {
	__u64 seen; /* its last new connection, ns, CLOCK_MONOTONIC */
	struct backend backend;
	__u32 zero;
};

/* One of the backends of a group that frontends with affinity have. */
struct sticky_backend {
	__u32 group;
	struct backend backend;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct sticky_client);
	__type(value, struct sticky_choice);
} sticky_clients SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct sticky_backend);
	__type(value, __u32);
} sticky_backends SEC(".maps");

/* The backend that a client has already; 0 if it has none, or one that is gone. */
static __always_inline int recall(const struct frontend *frontend, struct sticky_choice *choice, __u64 now,
				  struct backend *backend)
{
	struct sticky_backend key = {.group = frontend->group};

	if ((__s64)(now - choice->seen) > (__s64)(frontend->affinity * SECOND))
		return 0;
	/* Copied first: where the kernel makes room, the row may become another client's at any time. */
	key.backend = choice->backend;
	if (!bpf_map_lookup_elem(&sticky_backends, &key))
		return 0;
	choice->seen = now;
	*backend = key.backend;
	return 1;
}

/* Chooses the backend of a new connection; 0 if there is none. */
static __noinline int assign(const struct frontend *frontend, const struct sticky_client *client, __u64 now,
			     struct backend *backend)
{
	struct sticky_choice made = {.seen = now};
	const struct backend *drawn;
	struct sticky_choice *known;

	if (!frontend || !client || !backend)
		return 0;
	known = frontend->affinity ? bpf_map_lookup_elem(&sticky_clients, client) : 0;
	if (known && recall(frontend, known, now, backend))
		return 1;
	drawn = draw(frontend);
	if (!drawn)
		return 0;
	*backend = *drawn;
	if (!frontend->affinity)
		return 1;
	made.backend = *drawn;
	if (!bpf_map_update_elem(&sticky_clients, client, &made, known ? BPF_ANY : BPF_NOEXIST))
		return 1;
	/* Another connection of the client has just been the first. */
	known = bpf_map_lookup_elem(&sticky_clients, client);
	if (known)
		recall(frontend, known, now, backend);
	return 1;
}

#endif
