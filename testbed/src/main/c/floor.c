/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's own time for wiring a pod: a veth pair, dual-stack addresses, neighbours and routes, with nothing around
 * the netlink messages. Nothing that wires pods the same way can be faster.
 */
#include "probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define INDEX 4000

static char batch[16384];
static size_t used;
static int messages;

static struct nlmsghdr *message(int type, int flags, const void *body, size_t length)
{
	struct nlmsghdr *header = (void *)(batch + used);

	memset(header, 0, sizeof(*header));
	header->nlmsg_type = type;
	header->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	header->nlmsg_len = NLMSG_LENGTH(length);
	header->nlmsg_seq = ++messages;
	memcpy(NLMSG_DATA(header), body, length);
	used += NLMSG_ALIGN(header->nlmsg_len);
	return header;
}

static struct rtattr *attribute(struct nlmsghdr *header, int type, const void *data, size_t length)
{
	struct rtattr *attribute = (void *)(batch + used);

	attribute->rta_type = type;
	attribute->rta_len = RTA_LENGTH(length);
	if (length)
		memcpy(RTA_DATA(attribute), data, length);
	used += RTA_ALIGN(attribute->rta_len);
	header->nlmsg_len = (char *)batch + used - (char *)header;
	return attribute;
}

static void close_nest(struct rtattr *nest)
{
	nest->rta_len = batch + used - (char *)nest;
}

/* Sends all messages at once and waits for each one's answer. */
static int transact(int fd)
{
	char answer[16384];
	int open_messages = messages;

	if (send(fd, batch, used, 0) < 0)
		return -1;
	while (open_messages > 0) {
		ssize_t n = recv(fd, answer, sizeof(answer), 0);

		if (n < 0)
			return -1;
		for (struct nlmsghdr *h = (void *)answer; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
			struct nlmsgerr *error = NLMSG_DATA(h);

			if (h->nlmsg_type != NLMSG_ERROR)
				continue;
			if (error->error) {
				fprintf(stderr, "ikat-probe: netlink message %u of %d: %s\n",
					h->nlmsg_seq, messages, strerror(-error->error));
				return -1;
			}
			open_messages--;
		}
	}
	used = 0;
	messages = 0;
	return 0;
}

static int netlink_socket(void)
{
	return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
}

static void up(int index)
{
	struct ifinfomsg link = { .ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP };

	message(RTM_NEWLINK, 0, &link, sizeof(link));
}

static void veth(int namespace)
{
	struct ifinfomsg link = { .ifi_index = INDEX }, peer = { .ifi_index = INDEX };
	struct nlmsghdr *m = message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &link, sizeof(link));
	struct rtattr *info, *data, *end;

	attribute(m, IFLA_IFNAME, "floor0", 7);
	info = attribute(m, IFLA_LINKINFO, NULL, 0);
	attribute(m, IFLA_INFO_KIND, "veth", 4);
	data = attribute(m, IFLA_INFO_DATA, NULL, 0);
	end = attribute(m, VETH_INFO_PEER, &peer, sizeof(peer));
	attribute(m, IFLA_IFNAME, "eth0", 5);
	attribute(m, IFLA_NET_NS_FD, &namespace, sizeof(namespace));
	close_nest(end);
	close_nest(data);
	close_nest(info);
}

static void address(int family, const char *text)
{
	uint8_t bytes[16];
	size_t length = family == AF_INET ? 4 : 16;
	struct ifaddrmsg body = { .ifa_family = family, .ifa_prefixlen = length * 8, .ifa_index = INDEX,
				  .ifa_flags = IFA_F_NODAD };
	struct nlmsghdr *m;

	inet_pton(family, text, bytes);
	m = message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &body, sizeof(body));
	attribute(m, IFA_LOCAL, bytes, length);
	attribute(m, IFA_ADDRESS, bytes, length);
}

static void neighbour(int family, const char *text)
{
	uint8_t bytes[16], mac[6] = { 0xee, 0xee, 0xee, 0xee, 0xee, 0xee };
	struct ndmsg body = { .ndm_family = family, .ndm_ifindex = INDEX, .ndm_state = NUD_PERMANENT };
	struct nlmsghdr *m;

	inet_pton(family, text, bytes);
	m = message(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, &body, sizeof(body));
	attribute(m, NDA_DST, bytes, family == AF_INET ? 4 : 16);
	attribute(m, NDA_LLADDR, mac, sizeof(mac));
}

/* A host route, or with a gateway the default route. */
static void route(int family, const char *text, int is_gateway)
{
	uint8_t bytes[16];
	int index = INDEX;
	size_t length = family == AF_INET ? 4 : 16;
	struct rtmsg body = { .rtm_family = family, .rtm_dst_len = is_gateway ? 0 : length * 8,
			      .rtm_table = RT_TABLE_MAIN, .rtm_protocol = RTPROT_STATIC, .rtm_type = RTN_UNICAST,
			      .rtm_scope = is_gateway ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK,
			      .rtm_flags = is_gateway ? RTNH_F_ONLINK : 0 };
	struct nlmsghdr *m;

	inet_pton(family, text, bytes);
	m = message(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &body, sizeof(body));
	attribute(m, is_gateway ? RTA_GATEWAY : RTA_DST, bytes, length);
	attribute(m, RTA_OIF, &index, sizeof(index));
}

static int wire(int host, int pod_namespace, int self)
{
	int pod;

	veth(pod_namespace);
	if (transact(host))
		return -1;
	if (setns(pod_namespace, CLONE_NEWNET))
		return -1;
	pod = netlink_socket();
	if (setns(self, CLONE_NEWNET) || pod < 0)
		return -1;
	up(INDEX);
	address(AF_INET, "10.99.0.2");
	address(AF_INET6, "fd00:99::2");
	neighbour(AF_INET, "169.254.1.1");
	neighbour(AF_INET6, "fe80::1");
	route(AF_INET, "169.254.1.1", 1);
	route(AF_INET6, "fe80::1", 1);
	if (transact(pod))
		return -1;
	close(pod);
	up(INDEX);
	neighbour(AF_INET, "10.99.0.2");
	neighbour(AF_INET6, "fd00:99::2");
	route(AF_INET, "10.99.0.2", 0);
	route(AF_INET6, "fd00:99::2", 0);
	return transact(host);
}

/* Runs in the host's namespace; prints the nanoseconds of each run. */
int floor_time(int argc, char **argv)
{
	int host = netlink_socket(), self = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int namespace = argc == 3 ? open(argv[2], O_RDONLY | O_CLOEXEC) : -1;

	if (host < 0 || self < 0 || namespace < 0) {
		fputs("usage: ikat-probe floor TIMES NETNS\n", stderr);
		return 2;
	}
	for (int i = atoi(argv[1]); i > 0; i--) {
		struct ifinfomsg link = { .ifi_index = INDEX };
		int64_t start = now_ns();

		if (wire(host, namespace, self))
			return 1;
		printf("%lld\n", (long long)(now_ns() - start));
		message(RTM_DELLINK, 0, &link, sizeof(link));
		if (transact(host))
			return 1;
	}
	return 0;
}
