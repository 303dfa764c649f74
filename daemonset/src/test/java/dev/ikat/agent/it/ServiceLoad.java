package dev.ikat.agent.it;

import dev.ikat.model.IpAddress;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.testbed.cluster.ClusterPod;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** Connections to an echo server, each of which is used all the time until it fails or this is closed. Thread-safe. */
final class ServiceLoad implements AutoCloseable {
    private static final int LIMIT_MILLIS = 3000;
    private static final int PAUSE_MILLIS = 20;

    private final List<Socket> sockets = new ArrayList<>();
    private final Set<Socket> living = ConcurrentHashMap.newKeySet();

    private ServiceLoad() {}

    /** Opens so many connections. */
    static ServiceLoad start(NetworkNamespace from, IpAddress address, int port, int count) {
        ServiceLoad load = new ServiceLoad();
        for (int i = 0; i < count; i++) {
            Socket socket = from.call(() -> connect(address, port));
            load.sockets.add(socket);
            load.living.add(socket);
            Thread.ofVirtual().start(() -> load.use(socket));
        }
        return load;
    }

    /** Connects, and waits for answers for a limited time. */
    static Socket connect(IpAddress address, int port) {
        try {
            Socket socket = new Socket(address.toInetAddress(), port);
            socket.setSoTimeout(LIMIT_MILLIS);
            return socket;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Whether a byte comes back. */
    static boolean isEchoed(Socket socket) {
        try {
            socket.getOutputStream().write(1);
            return socket.getInputStream().read() == 1;
        } catch (IOException e) {
            return false;
        }
    }

    /** How many connections a server has. */
    static long connectionsTo(ClusterPod server) {
        return server.namespace()
                .exec("ss", "-Htn", "state", "established", "sport = :" + ClusterPod.PORT)
                .lines()
                .count();
    }

    private void use(Socket socket) {
        try {
            while (isEchoed(socket)) {
                Thread.sleep(PAUSE_MILLIS);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        living.remove(socket);
    }

    /** How many have not failed. */
    int living() {
        return living.size();
    }

    @Override
    public void close() throws IOException {
        for (Socket socket : sockets) {
            socket.close();
        }
    }
}
