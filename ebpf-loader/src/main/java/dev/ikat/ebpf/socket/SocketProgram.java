package dev.ikat.ebpf.socket;

/**
 * The programs of sockets.bpf.c, in the order in which they are attached: what says with whom a socket speaks is there
 * before anything is translated.
 */
enum SocketProgram {
    RECVMSG4("recvmsg4", 19),
    RECVMSG6("recvmsg6", 20),
    GETPEERNAME4("getpeername4", 29),
    GETPEERNAME6("getpeername6", 30),
    SOCK_RELEASE("sock_release", 34),
    SENDMSG4("sendmsg4", 14),
    SENDMSG6("sendmsg6", 15),
    CONNECT4("connect4", 10),
    CONNECT6("connect6", 11);

    private final String program;
    private final int type;

    SocketProgram(String program, int type) {
        this.program = program;
        this.type = type;
    }

    /** Its name in the eBPF object. */
    String program() {
        return program;
    }

    /** {@code enum bpf_attach_type}. */
    int type() {
        return type;
    }
}
