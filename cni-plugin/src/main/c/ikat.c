// SPDX-License-Identifier: Apache-2.0
/*
 * ikat - the executable that a container runtime calls for each CNI request.
 *
 * It hands the CNI_* variables and standard input to the node agent over a Unix socket, and prints the agent's answer.
 * Where no agent answers, it starts the same plugin in a JVM of its own, from ikat-runtime beside this file. It reads no
 * JSON and knows no network.
 *
 * A frame is a 32-bit big-endian length and so many bytes. Request: NAME=value and a zero byte for each variable, one
 * more zero byte, standard input. Answer: the exit code (32 bits, big-endian), standard output.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MAX_PAYLOAD (1 << 20) /* LauncherProtocol.MAX_PAYLOAD */
#define MAX_ANSWER (16 << 20)
#define MAIN_MODULE "dev.ikat.cni/dev.ikat.cni.cold.ColdMain"

extern char **environ;

struct buffer {
	char *data;
	size_t length;
};

/* Section 5 "Error" of the CNI specification; the texts are constants of this file, so nothing needs escaping. */
static int fail(int code, const char *message, const char *details)
{
	printf("{\"cniVersion\":\"1.0.0\",\"code\":%d,\"msg\":\"%s\",\"details\":\"%s\"}\n", code, message, details);
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

/* A connected socket, or -1 where no agent listens. */
static int connect_agent(void)
{
	const char *directory = getenv("IKAT_RUN_DIR");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int length, fd;

	length = snprintf(address.sun_path, sizeof(address.sun_path), "%s/agent.sock",
			  directory && *directory ? directory : "/run/ikat");
	if (length >= (int)sizeof(address.sun_path))
		exit(fail(4, "IKAT_RUN_DIR is too long", "the path of a socket has at most 107 bytes"));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	while (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		/* With SO_SNDTIMEO unset a full backlog makes connect wait, so EAGAIN never comes. */
		if (errno != EINTR) {
			close(fd);
			return -1;
		}
	}
	return fd;
}

static int send_all(int fd, const char *data, size_t length)
{
	ssize_t count;

	for (; length > 0; data += count, length -= count) {
		/* An agent that dies must not kill this process: there is an answer to give. */
		count = send(fd, data, length, MSG_NOSIGNAL);
		if (count < 0) {
			if (errno != EINTR)
				return -1;
			count = 0;
		}
	}
	return 0;
}

static int receive_all(int fd, char *data, size_t length)
{
	ssize_t count;

	for (; length > 0; data += count, length -= count) {
		count = recv(fd, data, length, MSG_WAITALL);
		if (count < 0) {
			if (errno != EINTR)
				return -1;
			count = 0;
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

/* The agent's exit code, its answer printed; -1 if the connection ended before there was one. */
static int ask_agent(int fd, const struct buffer *request)
{
	uint32_t header = htonl(request->length), exit_code;
	uint32_t length;
	char *answer;

	if (send_all(fd, (char *)&header, sizeof(header)) < 0 || send_all(fd, request->data, request->length) < 0)
		return -1;
	if (receive_all(fd, (char *)&header, sizeof(header)) < 0)
		return -1;
	length = ntohl(header);
	if (length < sizeof(exit_code) || length > MAX_ANSWER)
		return -1;
	answer = malloc(length);
	if (!answer || receive_all(fd, answer, length) < 0) {
		free(answer);
		return -1;
	}
	memcpy(&exit_code, answer, sizeof(exit_code));
	if (print_all(answer + sizeof(exit_code), length - sizeof(exit_code)) < 0)
		exit_code = htonl(1);
	free(answer);
	return ntohl(exit_code) & 0xff;
}

/* What was read from standard input is put back, for the program that this one becomes. */
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
	/* Options meant for other JVMs on this host; some make a JVM talk on standard output. */
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
	      "It takes its request from CNI_COMMAND and the other CNI_* variables and the network configuration from\n"
	      "standard input, and prints the result. It asks the node agent, whose socket is agent.sock in IKAT_RUN_DIR\n"
	      "(default /run/ikat), and starts the plugin in ikat-runtime beside this file where there is no agent.\n",
	      stream);
	return exit_code;
}

int main(int argc, char **argv)
{
	const char *command = getenv("CNI_COMMAND");
	struct buffer request = { .data = malloc(MAX_PAYLOAD) };
	size_t stdin_offset;
	int fd, exit_code;

	if (argc > 1)
		return strcmp(argv[1], "--help") == 0 ? usage(stdout, 0) : usage(stderr, 1);
	if (!command && isatty(STDIN_FILENO))
		return usage(stderr, 1);
	if (!request.data)
		return fail(5, "out of memory", "");
	append_environment(&request);
	stdin_offset = request.length;
	append_stdin(&request);
	fd = connect_agent();
	if (fd >= 0) {
		exit_code = ask_agent(fd, &request);
		if (exit_code >= 0)
			return exit_code;
		close(fd);
		/* What the agent had begun, its successor undoes or finishes; a second try here would race with it. */
		if (command && strcmp(command, "ADD") == 0)
			return fail(11, "the Ikat agent ended before it answered",
				    "the runtime should try again once it is back");
	}
	become_plugin(&request, stdin_offset);
	return fail(11, "the Ikat agent is not running, and the plugin can't start without it",
		    "start the agent, or install ikat-runtime beside this executable");
}
