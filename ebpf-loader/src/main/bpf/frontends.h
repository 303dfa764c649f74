/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * Addresses, and the tables of services that the programs at pods' links and those for sockets share. User space writes
 * them; the layouts are those of dev.ikat.ebpf.kernel.Layout.
 */
#ifndef IKAT_FRONTENDS_H
#define IKAT_FRONTENDS_H

#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define SECOND 1000000000ULL

/* IPv4 as ::ffff:a.b.c.d; network byte order. */
struct address {
	__u32 word[4];
};

static __always_inline void set_v4(struct address *address, __be32 v4)
{
	address->word[0] = 0;
	address->word[1] = 0;
	address->word[2] = bpf_htonl(0xffff);
	address->word[3] = v4;
}

static __always_inline int is_v4(const struct address *address)
{
	return !address->word[0] && !address->word[1] && address->word[2] == bpf_htonl(0xffff);
}

static __always_inline int same(const struct address *one, const struct address *other)
{
	return one->word[0] == other->word[0] && one->word[1] == other->word[1] && one->word[2] == other->word[2] &&
	       one->word[3] == other->word[3];
}

/* Where connections to a service arrive. */
struct place {
	struct address address;
	__u8 protocol;
	__u8 zero;
	__be16 port;
};

/* The group of backends that a place has now. A group never changes; a place gets another one. */
struct frontend {
	__u32 group;
	__u32 count;
	__u32 affinity; /* for how many seconds after its last new connection a client keeps its backend; 0 for none */
};

/* One of a group's backends, counted from 0. */
struct slot {
	__u32 group;
	__u32 index;
};

struct backend {
	struct address address;
	__be16 port;
	__u16 zero;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct place);
	__type(value, struct frontend);
} frontends SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct slot);
	__type(value, struct backend);
} backends SEC(".maps");

/* Draws one of a frontend's backends; 0 if there is none. */
static __always_inline const struct backend *draw(const struct frontend *frontend)
{
	struct slot slot = {.group = frontend->group};

	if (!frontend->count)
		return 0;
	slot.index = bpf_get_prandom_u32() % frontend->count;
	return bpf_map_lookup_elem(&backends, &slot);
}

#endif
