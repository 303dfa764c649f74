package dev.ikat.kubernetes;

import dev.ikat.testbed.host.Await;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPairGenerator;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Optional;

/**
 * An API server of Kubernetes' own with etcd behind it, of the programs that the cluster for tests has built. It has
 * two users: one that may do everything, and a service account with the rights that roles give it.
 */
public final class RealApiServer implements AutoCloseable {
    private static final Path PROGRAMS = Path.of(Optional.ofNullable(System.getenv("IKAT_CLUSTER_CACHE"))
            .orElse(System.getProperty("user.home") + "/.cache/ikat-cluster"));
    private static final Path ETCD = PROGRAMS.resolve("etcd/etcd");
    private static final Path SERVER = PROGRAMS.resolve("kubernetes-1.37/kube-apiserver");
    private static final Duration PATIENCE = Duration.ofMinutes(3);

    private final Path directory;
    private final int port;
    private final List<Process> processes = new ArrayList<>();

    private RealApiServer(Path directory, int port) {
        this.directory = directory;
        this.port = port;
    }

    /** Whether the programs are there; ./dev cluster builds them. */
    public static boolean isThere() {
        return Files.isExecutable(ETCD) && Files.isExecutable(SERVER);
    }

    /**
     * Starts it, and waits until it answers.
     *
     * @param directory for its files
     * @param account the service account that {@link #kubeconfig} is for, as in {@code kube-system/ikat-controller}
     */
    public static RealApiServer start(Path directory, String account) {
        try {
            RealApiServer server = new RealApiServer(directory, freePort());
            server.run(account);
            return server;
        } catch (IOException | NoSuchAlgorithmException e) {
            throw new IllegalStateException("can't start " + SERVER, e);
        }
    }

    private void run(String account) throws IOException, NoSuchAlgorithmException {
        KeyPairGenerator keys = KeyPairGenerator.getInstance("RSA");
        keys.initialize(2048);
        String key = "-----BEGIN PRIVATE KEY-----\n"
                + Base64.getMimeEncoder(64, new byte[] {'\n'})
                        .encodeToString(keys.generateKeyPair().getPrivate().getEncoded())
                + "\n-----END PRIVATE KEY-----\n";
        Path keyFile = Files.writeString(directory.resolve("account.key"), key);
        Path tokens = Files.writeString(
                directory.resolve("tokens.csv"),
                "admin,admin,1,\"system:masters\"\naccount,system:serviceaccount:" + account.replace('/', ':')
                        + ",2,\"system:serviceaccounts\"\n");
        String etcd = "http://127.0.0.1:" + freePort();
        start(
                "etcd",
                ETCD.toString(),
                "--data-dir=" + directory.resolve("etcd"),
                "--listen-client-urls=" + etcd,
                "--advertise-client-urls=" + etcd,
                "--listen-peer-urls=http://127.0.0.1:" + freePort(),
                "--unsafe-no-fsync");
        start(
                "kube-apiserver",
                SERVER.toString(),
                "--etcd-servers=" + etcd,
                "--bind-address=127.0.0.1",
                "--secure-port=" + port,
                "--cert-dir=" + directory.resolve("certificates"),
                "--service-account-issuer=test",
                "--service-account-signing-key-file=" + keyFile,
                "--service-account-key-file=" + keyFile,
                "--service-cluster-ip-range=10.96.0.0/16,fd96::/108",
                "--token-auth-file=" + tokens,
                "--authorization-mode=RBAC",
                "--disable-admission-plugins=ServiceAccount");
        Path admin = kubeconfig("admin");
        Await.until(PATIENCE, () -> "the API server answers; its log is in " + directory, () -> answers(admin));
    }

    private static boolean answers(Path admin) {
        try (ApiConnection api = ApiConnection.open(new ApiAddress.Kubeconfig(admin))) {
            api.get("/readyz").close();
            return true;
        } catch (ApiException | IOException e) {
            return false;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    private void start(String name, String... command) throws IOException {
        processes.add(new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(directory.resolve(name + ".log").toFile())
                .start());
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    /** A kubeconfig of a user: {@code admin} or {@code account}. */
    public Path kubeconfig(String user) {
        try {
            return Files.writeString(directory.resolve(user + ".conf"), """
                apiVersion: v1
                kind: Config
                current-context: test
                clusters: [{name: test, cluster: {server: "https://127.0.0.1:%d", insecure-skip-tls-verify: true}}]
                contexts: [{name: test, context: {cluster: test, user: test}}]
                users: [{name: test, user: {token: %s}}]
                """.formatted(port, user));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() {
        for (Process process : processes.reversed()) {
            process.destroyForcibly();
            process.onExit().join();
        }
    }
}
