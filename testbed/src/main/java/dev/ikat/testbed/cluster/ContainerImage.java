package dev.ikat.testbed.cluster;

import dev.ikat.testbed.host.ProcessRunner;
import dev.ikat.testbed.traffic.Probe;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;

/**
 * A container image of two static programs, busybox and ikat-probe, as the archive that {@code docker save} would write
 * (and containerd and podman import): no registry is needed. Its command is an echo server on {@link ClusterPod#PORT}.
 */
public final class ContainerImage {
    /** The name of the image once it is imported. */
    public static final String NAME = "localhost/ikat-box:1";

    /** The command of its containers. */
    public static final List<String> COMMAND =
            List.of("/bin/ikat-probe", "serve", "-k", Integer.toString(ClusterPod.PORT));

    private ContainerImage() {}

    /** Writes the archive into a directory and returns its file. Needs Debian's busybox-static. */
    public static Path write(Path directory) {
        try {
            Path bin = Files.createDirectories(directory.resolve("root/bin"));
            Files.copy(Path.of("/bin/busybox"), bin.resolve("busybox"), StandardCopyOption.COPY_ATTRIBUTES);
            Files.copy(Probe.program(), bin.resolve("ikat-probe"), StandardCopyOption.COPY_ATTRIBUTES);
            for (String applet : List.of("sh", "ip", "ping", "cat", "echo")) {
                Files.createSymbolicLink(bin.resolve(applet), Path.of("busybox"));
            }
            Path layer = directory.resolve("layer.tar");
            tar(layer, directory.resolve("root"), ".");
            Files.writeString(directory.resolve("config.json"), """
                    {"architecture":"amd64","os":"linux","config":{"Env":["PATH=/bin"]},\
                    "rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}""".formatted(sha256(layer)));
            Files.writeString(directory.resolve("manifest.json"), """
                    [{"Config":"config.json","RepoTags":["%s"],"Layers":["layer.tar"]}]""".formatted(NAME));
            Path archive = directory.resolve("image.tar");
            tar(archive, directory, "manifest.json", "config.json", "layer.tar");
            return archive;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void tar(Path archive, Path from, String... names) {
        ProcessRunner.of(java.util.stream.Stream.concat(
                                java.util.stream.Stream.of(
                                        "tar",
                                        "--owner=0",
                                        "--group=0",
                                        "-C",
                                        from.toString(),
                                        "-cf",
                                        archive.toString()),
                                java.util.stream.Stream.of(names))
                        .toList())
                .run()
                .orThrow();
    }

    private static String sha256(Path file) throws IOException {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }
}
