/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ikat-probe: real connections for tests, and a stopwatch for programs. Static, so that it runs in any mount namespace;
 * it depends on nothing of Ikat, so that it is an independent witness.
 */
#include "probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static const char usage[] =
	"usage: ikat-probe serve [-k] PORT...   echo on TCP and UDP, IPv4 and IPv6, until stdin ends (-k: until killed);\n"
	"           SCTP associations are answered too where raw sockets are allowed\n"
	"       ikat-probe check [-t MS] [-s MS]   read targets from stdin, print one result line each; all at once\n"
	"           a target: ID NETNS|- tcp|udp|sctp|icmp ADDRESS PORT BYTES [no]; -t limits each, and for those\n"
	"           with 'no' nobody waits longer than -s after all others have come to their end\n"
	"           a result: ID ok MICROSECONDS, or ID fail REASON\n"
	"       ikat-probe run [-p N]           read jobs from stdin, run them N at a time, print how long each took\n"
	"           a job: PROGRAM <tab> STDIN-FILE <tab> NETNS|- <tab> NAME=VALUE <tab> ...\n"
	"           a result: INDEX EXIT-CODE START-NS END-NS OUTPUT\n"
	"       ikat-probe get ADDRESS PORT PATH SECONDS\n"
	"                                       print the answer to an HTTP GET, status line and headers included, unless\n"
	"                                       nothing comes for so many seconds\n"
	"       ikat-probe floor TIMES NETNS    wire a pod by bare netlink, print the nanoseconds of each time\n"
	"       ikat-probe fuzz SEED COUNT FROM-NETNS FROM-V4 FROM-V6 TO-NETNS TO-V4 TO-V6 PORT\n"
	"                                       send malformed packets, many of them to the port; print what arrives,\n"
	"                                       a line a kind: SOURCE DESTINATION PROTOCOL PORT|- COUNT FIRST-PACKET\n"
	"       ikat-probe inject FROM-NETNS TO-NETNS PACKET...\n"
	"                                       send IP packets of hexadecimal digits; print for each yes if it arrives,\n"
	"                                       or no\n"
	"       ikat-probe stream FROM-NETNS TO-NETNS ADDRESS PORT PER-SECOND\n"
	"                                       send numbered datagrams until stdin ends; for each byte of it, and in\n"
	"                                       the end, print how many were sent and how many have arrived\n"
	"       ikat-probe associate FROM-NETNS TO-NETNS ADDRESS PORT\n"
	"                                       begin an SCTP association, both ends of which go on sending until stdin\n"
	"                                       ends; print begun, or unsupported, and for each byte of stdin how many\n"
	"                                       messages the server and the client have received\n"
	"       ikat-probe frames               put frames on links and tell where their marks came in; commands on stdin:\n"
	"           watch PLACE NETNS INTERFACE|*, listen PLACE NETNS UDP-PORT, send NETNS INTERFACE FRAME,\n"
	"           await PLACE MARK MILLISECONDS; in the end a line for each mark: PLACE MARK\n"
	"       ikat-probe meet NETNS PORT THEIR-PORT\n"
	"                                       ask whoever connects for a first byte at its own port; print the time of\n"
	"                                       day in microseconds when it came, or failed\n"
	"       ikat-probe attempts NETNS ADDRESS PORT EVERY-US LIMIT-MS\n"
	"                                       begin connections, until killed; print when each began, and accepted or\n"
	"                                       refused\n"
	"       ikat-probe trips NETNS ADDRESS PORT TIMES\n"
	"                                       a byte to an echo server and back; print the microseconds of each time\n";

socklen_t read_address(const char *text, uint16_t port, struct sockaddr_storage *into)
{
	struct sockaddr_in *v4 = (void *)into;
	struct sockaddr_in6 *v6 = (void *)into;
	bool six = strchr(text, ':') != NULL;

	memset(into, 0, sizeof(*into));
	into->ss_family = six ? AF_INET6 : AF_INET;
	v4->sin_port = htons(port); /* at the same place in both */
	if (inet_pton(into->ss_family, text, six ? (void *)&v6->sin6_addr : (void *)&v4->sin_addr) != 1)
		return 0;
	return six ? sizeof(*v6) : sizeof(*v4);
}

int socket_in_namespace(const char *netns, int family, int type, int protocol)
{
	int namespace = open(netns, O_RDONLY | O_CLOEXEC);
	int fd = -1, error;

	if (namespace >= 0 && !setns(namespace, CLONE_NEWNET))
		fd = socket(family, type | SOCK_CLOEXEC, protocol);
	error = errno;
	if (namespace >= 0)
		close(namespace);
	errno = error;
	return fd;
}

int main(int argc, char **argv)
{
	struct rlimit files;

	/* A target or a job needs one or two file descriptors. */
	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	signal(SIGPIPE, SIG_IGN);
	if (argc >= 2 && !strcmp(argv[1], "serve"))
		return serve(argc - 1, argv + 1);
	if (argc >= 2 && !strcmp(argv[1], "check"))
		return check(argc - 1, argv + 1);
	if (argc >= 2 && !strcmp(argv[1], "run"))
		return run(argc - 1, argv + 1);
	if (argc >= 2 && !strcmp(argv[1], "get"))
		return get(argc - 1, argv + 1);
	if (argc >= 2 && !strcmp(argv[1], "floor"))
		return floor_time(argc - 1, argv + 1);
	if (argc >= 2 && !strcmp(argv[1], "fuzz"))
		return fuzz(argc - 1, argv + 1);
	if (argc >= 2 && !strcmp(argv[1], "inject"))
		return inject(argc - 1, argv + 1);
	if (argc >= 2 && !strcmp(argv[1], "stream"))
		return stream(argc - 1, argv + 1);
	if (argc >= 2 && !strcmp(argv[1], "associate"))
		return associate(argc - 1, argv + 1);
	if (argc >= 2 && !strcmp(argv[1], "frames"))
		return frames(argc - 1, argv + 1);
	if (argc >= 2 && !strcmp(argv[1], "meet"))
		return meet(argc - 1, argv + 1);
	if (argc >= 2 && !strcmp(argv[1], "attempts"))
		return attempts(argc - 1, argv + 1);
	if (argc >= 2 && !strcmp(argv[1], "trips"))
		return trips(argc - 1, argv + 1);
	fputs(usage, stderr);
	return 2;
}
