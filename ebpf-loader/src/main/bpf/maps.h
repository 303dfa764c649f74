/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * The programs' tables. User space writes all of them except the connections and the counters; the layouts are those of
 * dev.ikat.ebpf.kernel.Layout.
 *
 * Roots (interfaces, addresses, members, named, blocks) have two versions, and the epoch in `settings` says which one
 * is valid: a transaction writes all new versions first and then the epoch, and so takes effect atomically. Everything
 * else that user space writes is never changed while a root refers to it. The capacity of a map that has none here is
 * set by dev.ikat.ebpf.program.Table when it is loaded.
 */
#ifndef IKAT_MAPS_H
#define IKAT_MAPS_H

#include "frontends.h"

#define NAME_LENGTH 16 /* IFNAMSIZ */

struct name {
	char text[NAME_LENGTH];
};

#define SETTING_SHORTCUTS 1 /* new connections may take the fast path */
#define SETTING_RECHECK 2   /* connections that a new version forbids are ended */
#define SETTING_EVENTS 4    /* user space reads events */
#define SETTING_SERVICES 8  /* connections of pods to services are translated */

struct settings {
	__u32 epoch;
	__u32 flags;
	__u32 sample; /* one of this many accepted connections is reported; 0 for none */
	__u32 unused;
};

/* Identifiers are not 0; 0 means that there is none. A version is valid from the epoch `since` on. */
struct id_versions {
	__u32 since;
	__u32 now;
	__u32 before;
};

/* egress, ingress: programs; 0 is the one that allows everything. */
struct endpoint {
	__u32 id;
	__u32 egress;
	__u32 ingress;
};

struct endpoint_versions {
	__u32 since;
	struct endpoint now;
	struct endpoint before;
};

/* A receiving port of an address. */
struct named_port {
	struct address address;
	__u8 protocol;
	__u8 zero;
	__be16 port;
};

struct block4 {
	__u32 bits;
	__u32 address;
};

struct block6 {
	__u32 bits;
	struct address address;
};

/* A program's rules for a port: the lookup matches 32 bits for any protocol, 40 for any port, up to 56. */
struct port_key {
	__u32 bits;
	__be32 program;
	__u8 protocol;
	__be16 port;
} __attribute__((packed));

#define TIERS 3

#define LIST_MEMBERS 1 /* it has rules for members of sets */
#define LIST_NAMED 2   /* for named ports of members */
#define LIST_BLOCKS 4  /* for blocks of addresses */

/* A rule's position in its list and its action, in one number: if two match, the smaller one decides. */
#define ACTION_ACCEPT 0
#define ACTION_DENY 1
#define ACTION_PASS 2
#define ACTION_MASK 3
#define NO_RULE 0xffffffff

/* One tier's rules for the port. */
struct list {
	__u32 id;
	__u32 any;      /* the first rule for any peer, or NO_RULE */
	__u16 otherwise; /* action */
	__u16 flags;    /* LIST_ */
};

struct lists {
	__u32 count;
	struct list tier[TIERS];
};

/* The first rule of a list whose peers include a class of addresses. */
struct verdict_key {
	__u32 list;
	__u32 class;
};

/*
 * How an endpoint is reached without the host's stack; for the overlay only its interface and the packets that it
 * accepts, and for the uplink its interface and its link-layer address, `host_mac`.
 */
#define OVERLAY 0 /* the overlay's key, in the place of an endpoint's identifier */
#define UPLINK 0xfffffffe /* the uplink's; its programs are all there */

struct wire {
	__u32 ifindex;
	__u8 pod_mac[6];
	__u8 host_mac[6];
	__u32 mtu;
	__u32 flags; /* WIRE_ */
};

#define WIRE_RESTORES 1 /* answers that the host's stack sends there are restored */

/* A packet's two ends. An echo's identifier is the port of the requester; the other port is 0. */
struct tuple {
	struct address source;
	struct address destination;
	__be16 source_port;
	__be16 destination_port;
	__u8 protocol;
	__u8 zero[3];
};

#define CONNECTION_SHORTCUT 1 /* all of it takes the fast path */
#define CONNECTION_REPLIED 2
#define CONNECTION_CLOSING 4
#define CONNECTION_TURNED 8 /* the second end opened it */
#define CONNECTION_FORBIDDEN 16 /* the last decision about it */
#define CONNECTION_TRANSLATED 32 /* its answers come from a service for who opened it */

#define AWAY 0xffffffff /* the identifier of an end that is reached through the overlay */

/* A connection; its key is the tuple whose first end is the lower one. */
struct connection {
	__u64 seen;  /* ns, CLOCK_MONOTONIC */
	__u32 epoch; /* of the last decision about it */
	__u32 flags;
	__u64 end[2]; /* the endpoints, and above each the epoch at which it was found and the connection checked */
};

/* A pod of this node that is one of a group's backends. */
struct own {
	__u32 group;
	struct address address;
};

#define TRANSLATION_ANSWER 0x100 /* beside CONNECTION_REPLIED and CONNECTION_CLOSING */
#define TRANSLATION_ELSEWHERE 0x200 /* the backend's node translates it; the packets go there as they are */
#define TRANSLATION_LEFT 0x400 /* connection tracking has translated it since before there were programs */

/*
 * What becomes of the packets of one direction; the key is their tuple. Each connection has two: the other one's key is
 * what this one becomes, turned. It begins as a connection does.
 */
struct translation {
	__u64 seen; /* ns, CLOCK_MONOTONIC */
	__u32 unused;
	__u32 flags;
	struct tuple becomes;
};

/* A datagram that came in fragments, of which only the first has ports; the value is what it becomes. */
struct datagram {
	struct address source;
	struct address destination;
	__u32 number;
};

/* An event for user space. */
struct event {
	__u64 time; /* ns, CLOCK_MONOTONIC */
	struct tuple tuple;
	__u8 kind; /* as in the log prefixes of the other backends: i, e, s, u; a for accepted */
	__u8 zero[7];
};

#define EVENTS_A_SECOND 1000 /* on each processor */

struct budget {
	__u64 second;
	__u64 used;
};

#define COUNT_ACCEPTED 0
#define COUNT_SHORTCUT 1
#define COUNT_DENIED 2
#define COUNT_LOST_EVENTS 3
#define COUNTERS 4

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct settings);
} settings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct name);
	__type(value, struct id_versions);
} interfaces SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct address);
	__type(value, struct endpoint_versions);
} addresses SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct address);
	__type(value, struct id_versions);
} members SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct named_port);
	__type(value, struct id_versions);
} named SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct block4);
	__type(value, struct id_versions);
} blocks4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct block6);
	__type(value, struct id_versions);
} blocks6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct port_key);
	__type(value, struct lists);
} ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct verdict_key);
	__type(value, __u32);
} verdicts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct wire);
} wires SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct tuple);
	__type(value, struct connection);
} connections SEC(".maps");

/* The maps for services, with those of frontends.h, are created by dev.ikat.ebpf.service.ServiceMap; all generations share them. */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct own);
	__type(value, __u32);
} own_backends SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct tuple);
	__type(value, struct translation);
} translations SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct datagram);
	__type(value, struct tuple);
} datagrams SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct budget);
} budgets SEC(".maps");

#endif
