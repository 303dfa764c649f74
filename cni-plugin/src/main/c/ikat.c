// SPDX-License-Identifier: Apache-2.0
/*
 * ikat - the executable that a container runtime calls for each CNI request.
 *
 * It sends the CNI_* variables and standard input to the node agent over a Unix socket, and prints the agent's answer.
 * With them it passes the open file at CNI_NETNS: the agent, in a container of its own, may not see that path, or may not
 * open it (/proc/PID/ns/net of a process with more capabilities, ptrace(2), which is what Docker's nodes name).
 * If no agent is running, it starts the same plugin in a JVM of its own, from ikat-runtime beside this file. It reads
 * no JSON and knows no network.
 *
 * Only root may listen at the socket, just as only root may send requests. If the agent does not answer within
 * IKAT_TIMEOUT, the request fails.
 *
 * A frame is a 32-bit big-endian length and that many bytes. Request: NAME=value and a zero byte for each variable, one
 * more zero byte, standard input. The open file comes with the first byte (SCM_RIGHTS, unix(7)). Answer: the exit code
 * (32 bits, big-endian), standard output.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define MAX_PAYLOAD (1 << 20) /* LauncherProtocol.MAX_PAYLOAD */
#define MAX_ANSWER (16 << 20)
#define DEFAULT_TIMEOUT 120 /* seconds */
#define MAX_TIMEOUT 86400
#define MAIN_MODULE "dev.ikat.cni/dev.ikat.cni.cold.ColdMain"

extern char **environ;

struct buffer {
	char *data;
	size_t length;
};

struct agent {
	struct sockaddr_un address;
	int timeout;      /* seconds for connecting, sending and receiving together */
	int64_t deadline; /* milliseconds of CLOCK_MONOTONIC */
	int fd;
};

/*
 * A path may contain any bytes: those that are not printable ASCII could be broken UTF-8, or control the reader's
 * terminal.
 */
static void print_text(const char *text)
{
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putchar('\\');
		putchar(*text >= ' ' && *text <= '~' ? *text : '?');
	}
}

/* Section 5 "Error" of the CNI specification. */
static int fail(int code, const char *message, const char *details)
{
	printf("{\"cniVersion\":\"1.0.0\",\"code\":%d,\"msg\":\"", code);
	print_text(message);
	printf("\",\"details\":\"");
	print_text(details);
	printf("\"}\n");
	return 1;
}

static void append(struct buffer *buffer, const void *data, size_t length)
{
	if (length > MAX_PAYLOAD - buffer->length)
		exit(fail(6, "the network configuration is too long", "environment and standard input exceed 1 MiB"));
	memcpy(buffer->data + buffer->length, data, length);
	buffer->length += length;
}

static void append_environment(struct buffer *buffer)
{
	char **variable;

	for (variable = environ; *variable; variable++)
		if (strncmp(*variable, "CNI_", 4) == 0)
			append(buffer, *variable, strlen(*variable) + 1);
	append(buffer, "", 1);
}

static void append_stdin(struct buffer *buffer)
{
	char chunk[16384];
	ssize_t count;

	while ((count = read(STDIN_FILENO, chunk, sizeof(chunk))) != 0) {
		if (count > 0)
			append(buffer, chunk, count);
		else if (errno != EINTR)
			exit(fail(5, "the network configuration can't be read", "standard input failed"));
	}
}

static void find_socket(struct agent *agent)
{
	const char *directory = getenv("IKAT_RUN_DIR");
	int length;

	if (!directory || !*directory)
		directory = "/run/ikat";
	if (*directory != '/')
		exit(fail(4, "IKAT_RUN_DIR is not an absolute path",
			  "runtimes have working directories of their own; give the full path of the agent's run directory"));
	agent->address.sun_family = AF_UNIX;
	length = snprintf(agent->address.sun_path, sizeof(agent->address.sun_path), "%s/agent.sock", directory);
	if (length >= (int)sizeof(agent->address.sun_path))
		exit(fail(4, "IKAT_RUN_DIR is too long", "the path of a socket has at most 107 bytes"));
}

static void read_timeout(struct agent *agent)
{
	const char *text = getenv("IKAT_TIMEOUT");

	agent->timeout = DEFAULT_TIMEOUT;
	if (!text || !*text)
		return;
	/* Signs and white space are invalid here, although strtol would accept them; five digits fit into an int. */
	agent->timeout = text[strspn(text, "0123456789")] || strlen(text) > 5 ? 0 : atoi(text);
	if (agent->timeout < 1 || agent->timeout > MAX_TIMEOUT)
		exit(fail(4, "IKAT_TIMEOUT is invalid",
			  "it is the time in which the agent has to answer: whole seconds from 1 to 86400; unset for 120"));
}

static int64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* The agent may still do what was requested, so neither a second attempt nor another plugin is right here. */
static int fail_late(const struct agent *agent)
{
	char message[64], details[512];

	snprintf(message, sizeof(message), "the Ikat agent did not answer within %d s", agent->timeout);
	snprintf(details, sizeof(details),
		 "the process that listens at %s hangs or is overloaded; see the agent's log, restart the agent if this "
		 "persists, and try again (IKAT_TIMEOUT sets how many seconds the agent has)",
		 agent->address.sun_path);
	return fail(11, message, details);
}

/* The milliseconds that are left, never 0: when none are left, this program has already ended. */
static int remaining(const struct agent *agent)
{
	int64_t left = agent->deadline - now();

	if (left <= 0)
		exit(fail_late(agent));
	return left;
}

/* Whether a process listens at the socket; if so, the connection is established. */
static int connect_agent(struct agent *agent)
{
	struct timeval limit;
	int left;

	agent->deadline = now() + (int64_t)agent->timeout * 1000;
	agent->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (agent->fd < 0)
		return 0;
	for (;;) {
		/*
		 * If the backlog is full, connect waits as long as SO_SNDTIMEO says (unix_stream_connect,
		 * net/unix/af_unix.c).
		 */
		left = remaining(agent);
		limit = (struct timeval){ .tv_sec = left / 1000, .tv_usec = left % 1000 * 1000 };
		if (setsockopt(agent->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) == 0 &&
		    connect(agent->fd, (struct sockaddr *)&agent->address, sizeof(agent->address)) == 0)
			return 1;
		if (errno == EAGAIN)
			exit(fail_late(agent));
		if (errno != EINTR) {
			close(agent->fd);
			return 0;
		}
	}
}

/*
 * If a process other than root's listens in the run directory, nothing else in that directory can be trusted either:
 * without an agent the plugin would believe the leases there, for DEL as well as for ADD. So this answers every verb.
 */
static void require_root(const struct agent *agent)
{
	struct ucred peer = { .uid = -1 };
	socklen_t length = sizeof(peer);
	char details[640];

	if (getsockopt(agent->fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 && peer.uid == 0)
		return;
	snprintf(details, sizeof(details),
		 "process %d of uid %u listens at %s, where only root may listen, so it was sent nothing; end that process, give "
		 "the directory to root (chown root, chmod go-w), and restart the agent",
		 (int)peer.pid, (unsigned int)peer.uid, agent->address.sun_path);
	exit(fail(11, "the process behind the agent's socket does not belong to root", details));
}

/* Returns when a call that would have blocked can continue, or a signal arrived. */
static void wait_for(const struct agent *agent, short events)
{
	struct pollfd socket = { .fd = agent->fd, .events = events };

	poll(&socket, 1, remaining(agent));
}

static int send_all(const struct agent *agent, const char *data, size_t length)
{
	ssize_t count;

	for (; length > 0; data += count, length -= count) {
		/* An agent that dies must not kill this process, which still has to answer. */
		count = send(agent->fd, data, length, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (count < 0) {
			if (errno != EINTR && errno != EAGAIN)
				return -1;
			count = 0;
			wait_for(agent, POLLOUT);
		}
	}
	return 0;
}

/* The file goes with the first byte that is sent; if the kernel refuses that, the agent opens the path itself. */
static int send_header(const struct agent *agent, const uint32_t *header, int file)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec data = { .iov_base = (void *)header, .iov_len = sizeof(*header) };
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
	};
	ssize_t count = 0;

	if (file >= 0) {
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		memcpy(CMSG_DATA(&control.header), &file, sizeof(int));
		while ((count = sendmsg(agent->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT)) < 0) {
			if (errno != EINTR && errno != EAGAIN) {
				count = 0;
				break;
			}
			wait_for(agent, POLLOUT);
		}
	}
	return send_all(agent, (const char *)header + count, sizeof(*header) - count);
}

static int receive_all(const struct agent *agent, char *data, size_t length)
{
	ssize_t count;

	for (; length > 0; data += count, length -= count) {
		count = recv(agent->fd, data, length, MSG_DONTWAIT);
		if (count < 0) {
			if (errno != EINTR && errno != EAGAIN)
				return -1;
			count = 0;
			wait_for(agent, POLLIN);
		} else if (count == 0) {
			return -1;
		}
	}
	return 0;
}

static int print_all(const char *data, size_t length)
{
	ssize_t count;

	for (; length > 0; data += count, length -= count) {
		count = write(STDOUT_FILENO, data, length);
		if (count < 0) {
			if (errno != EINTR)
				return -1;
			count = 0;
		}
	}
	return 0;
}

/* Prints the agent's answer and returns its exit code; -1 if the connection ended before there was one. */
static int ask_agent(const struct agent *agent, const struct buffer *request, int namespace)
{
	uint32_t header = htonl(request->length), exit_code;
	uint32_t length;
	char *answer;

	if (send_header(agent, &header, namespace) < 0 || send_all(agent, request->data, request->length) < 0)
		return -1;
	if (receive_all(agent, (char *)&header, sizeof(header)) < 0)
		return -1;
	length = ntohl(header);
	if (length < sizeof(exit_code) || length > MAX_ANSWER)
		return -1;
	answer = malloc(length);
	if (!answer || receive_all(agent, answer, length) < 0) {
		free(answer);
		return -1;
	}
	memcpy(&exit_code, answer, sizeof(exit_code));
	if (print_all(answer + sizeof(exit_code), length - sizeof(exit_code)) < 0)
		exit_code = htonl(1);
	free(answer);
	return ntohl(exit_code) & 0xff;
}

/* -1 if there is none: the agent says what is wrong with the path. Not blocking, lest it is a pipe without writer. */
static int open_namespace(void)
{
	const char *path = getenv("CNI_NETNS");

	return path && *path ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) : -1;
}

/* Puts back what was read from standard input, for the program that this process becomes. */
static int restore_stdin(const char *data, size_t length)
{
	int fd = memfd_create("stdin", MFD_CLOEXEC);
	ssize_t count;

	if (fd < 0)
		return -1;
	for (; length > 0; data += count, length -= count) {
		count = write(fd, data, length);
		if (count < 0)
			return -1;
	}
	if (lseek(fd, 0, SEEK_SET) < 0 || dup2(fd, STDIN_FILENO) < 0)
		return -1;
	return close(fd);
}

/* Becomes the plugin in a JVM of its own; returns only if that fails. */
static void become_plugin(const struct buffer *request, size_t stdin_offset)
{
	char self[PATH_MAX], java[PATH_MAX + 64], cache[PATH_MAX + 96];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (length < 0)
		return;
	self[length] = '\0';
	slash = strrchr(self, '/');
	if (!slash)
		return;
	*slash = '\0';
	snprintf(java, sizeof(java), "%s/ikat-runtime/bin/java", self);
	snprintf(cache, sizeof(cache), "-XX:AOTCache=%s/ikat-runtime/ikat.aot", self);
	if (restore_stdin(request->data + stdin_offset, request->length - stdin_offset) < 0)
		return;
	/* Options meant for other JVMs on this host; some make a JVM print to standard output. */
	unsetenv("JAVA_TOOL_OPTIONS");
	unsetenv("JDK_JAVA_OPTIONS");
	unsetenv("_JAVA_OPTIONS");
	execl(java, java, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx64m", "-XX:-UsePerfData", cache,
	      "-XX:AOTMode=auto", "-Xlog:disable", "-Xlog:all=error:stderr", "--enable-native-access=dev.ikat.netlink",
	      "-m", MAIN_MODULE, (char *)NULL);
}

static int usage(FILE *stream, int exit_code)
{
	fputs("ikat - a CNI plugin (specification 0.3.1, 0.4.0, 1.0.0 and 1.1.0), called by container runtimes.\n"
	      "\n"
	      "It reads its request from CNI_COMMAND and the other CNI_* variables, and the network configuration from\n"
	      "standard input, and prints the result. It asks the node agent, whose socket is agent.sock in IKAT_RUN_DIR\n"
	      "(default /run/ikat). If no agent is running, it starts the plugin in ikat-runtime beside this file.\n"
	      "\n"
	      "The agent must run as root, and answer within IKAT_TIMEOUT (whole seconds from 1 to 86400, default 120);\n"
	      "otherwise the request fails with code 11, which makes the runtime try again.\n",
	      stream);
	return exit_code;
}

int main(int argc, char **argv)
{
	const char *command = getenv("CNI_COMMAND");
	struct buffer request = { .data = malloc(MAX_PAYLOAD) };
	struct agent agent = { 0 };
	size_t stdin_offset;
	int exit_code;

	if (argc > 1)
		return strcmp(argv[1], "--help") == 0 ? usage(stdout, 0) : usage(stderr, 1);
	if (!command && isatty(STDIN_FILENO))
		return usage(stderr, 1);
	if (!request.data)
		return fail(5, "out of memory", "");
	append_environment(&request);
	stdin_offset = request.length;
	append_stdin(&request);
	find_socket(&agent);
	read_timeout(&agent);
	if (connect_agent(&agent)) {
		require_root(&agent);
		exit_code = ask_agent(&agent, &request, open_namespace());
		if (exit_code >= 0)
			return exit_code;
		close(agent.fd);
		/*
		 * What the agent had begun, its successor undoes or completes; a second attempt here would race with
		 * it.
		 */
		if (command && strcmp(command, "ADD") == 0)
			return fail(11, "the Ikat agent ended before it answered",
				    "the runtime should try again when the agent is running again");
	}
	become_plugin(&request, stdin_offset);
	return fail(11, "the Ikat agent is not running, and the plugin can't start without it",
		    "start the agent, or install ikat-runtime beside this executable");
}
