package dev.ikat.agent.host;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.ikat.files.OwnFile;
import dev.ikat.model.LinkNames;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;

/**
 * Files that have the host's network managers leave Ikat's links alone: NetworkManager (NetworkManager.conf(5)),
 * systemd-networkd (systemd.network(5)) and systemd-udevd (systemd.link(5)). Each is written only where its program's
 * directory exists. What somebody else has written or changed is kept.
 *
 * @param root the host's root directory
 */
public record DropIns(Path root) {
    private static final String OWNER = "# Made by ikat-agent install, removed by ikat-agent uninstall.\n";

    /** Of pods' links and the overlay's, in the shell's patterns, which all of these programs know. */
    private static final List<String> LINKS =
            List.of(LinkNames.OVERLAY + "*", LinkNames.POD_PREFIX + "?".repeat(LinkNames.POD_DIGITS));

    private static final List<DropIn> ALL = List.of(
            new DropIn(
                    "NetworkManager",
                    "etc/NetworkManager",
                    "conf.d/90-ikat.conf",
                    "[keyfile]\nunmanaged-devices+=interface-name:" + String.join(";interface-name:", LINKS) + "\n",
                    "nmcli general reload"),
            new DropIn(
                    "systemd-networkd",
                    "etc/systemd/network",
                    "10-ikat.network",
                    "[Match]\nName=" + String.join(" ", LINKS) + "\n\n[Link]\nUnmanaged=yes\n",
                    "networkctl reload"),
            new DropIn(
                    "systemd-udevd",
                    "etc/systemd/network",
                    "10-ikat.link",
                    "[Match]\nOriginalName=" + String.join(" ", LINKS)
                            + "\n\n[Link]\nNamePolicy=keep\nMACAddressPolicy=none\n",
                    "udevadm control --reload"));

    /**
     * One file.
     *
     * @param program reads it
     * @param directory exists where the program is installed
     * @param file below the directory
     * @param settings without the comment before them
     * @param reload has a running program read it
     */
    private record DropIn(String program, String directory, String file, String settings, String reload) {
        String text() {
            return OWNER + settings;
        }

        Path path(Path root) {
            return root.resolve(directory).resolve(file);
        }
    }

    /**
     * Writes them. Idempotent.
     *
     * @param report is told what was written, and what is kept, a line each
     * @throws IOException if one can't be written; earlier ones stay
     */
    public void install(Consumer<String> report) throws IOException {
        for (DropIn dropIn : ALL) {
            Path path = dropIn.path(root);
            if (!Files.isDirectory(root.resolve(dropIn.directory()))) {
                continue;
            }
            if (!Files.exists(path)) {
                write(path, dropIn.text());
                report.accept(dropIn.program() + " is told by " + path + " to leave Ikat's links alone; "
                        + "if it runs, have it read that: " + dropIn.reload());
            } else if (!isOwn(path, dropIn)) {
                report.accept("kept: " + path + " is not as Ikat writes it; " + dropIn.program()
                        + " should leave the links " + String.join(" and ", LINKS) + " alone");
            }
        }
    }

    /**
     * Removes those that are as they were written. Idempotent.
     *
     * @param report is told what was removed, and what is kept, a line each
     */
    public void remove(Consumer<String> report) throws IOException {
        for (DropIn dropIn : ALL) {
            Path path = dropIn.path(root);
            if (!Files.exists(path)) {
                continue;
            }
            if (isOwn(path, dropIn)) {
                Files.delete(path);
                report.accept("removed: " + path);
            } else {
                report.accept("kept: " + path + " is not as Ikat writes it");
            }
        }
    }

    private static boolean isOwn(Path path, DropIn dropIn) throws IOException {
        return new String(Files.readAllBytes(path), UTF_8).equals(dropIn.text());
    }

    private static void write(Path path, String text) throws IOException {
        Files.createDirectories(path.resolveSibling(""));
        OwnFile.replace(path, "rw-r--r--", text.getBytes(UTF_8));
    }
}
