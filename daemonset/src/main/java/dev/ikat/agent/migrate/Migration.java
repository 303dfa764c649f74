package dev.ikat.agent.migrate;

import dev.ikat.netlink.NetlinkException;
import dev.ikat.netlink.route.Rtnetlink;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.function.Consumer;

/**
 * Finds all that a plugin has left, in the order in which it can be removed: first what would start new pods with it,
 * last the record of what it did. Each removal stands by itself, so that one that was interrupted is completed by the
 * next run.
 *
 * @param netlink of the host's network namespace
 * @param commands run in the same
 * @param root of the host's file system
 * @param configurations the directory that runtimes read network configurations from
 */
public record Migration(
        FormerNetwork former, Rtnetlink netlink, HostCommands commands, Path root, Path configurations) {
    /** The process of the plugin's agent, if it runs in the calling thread's network namespace. */
    public OptionalLong running() throws IOException {
        return FormerProcesses.running(former);
    }

    /**
     * All that is left.
     *
     * @param notes is told what could not be looked at
     */
    public List<Leftover> find(Consumer<String> notes) throws IOException {
        LeftFiles files = new LeftFiles(root, configurations);
        LeftLinks links = new LeftLinks(netlink, former);
        List<Leftover> found = new ArrayList<>(files.configurations(former));
        found.addAll(new LeftRules(commands, notes).find(former));
        found.addAll(new LeftRoutes(netlink, root).find(former));
        found.addAll(links.find());
        found.addAll(files.state(former, links.servesPods()));
        return found;
    }

    /**
     * Removes what can be removed.
     *
     * @param removed is told each object that is gone
     * @return what could not be removed, a line each; the rest is gone nevertheless
     */
    public static List<String> remove(List<Leftover> leftovers, Consumer<String> removed) {
        List<String> failures = new ArrayList<>();
        for (Leftover leftover : leftovers) {
            if (leftover.stays().isPresent()) {
                continue;
            }
            try {
                leftover.removal().run();
                leftover.objects().forEach(removed);
            } catch (IOException | NetlinkException e) {
                failures.add(String.join(", ", leftover.objects()) + ": " + e.getMessage());
            }
        }
        return failures;
    }
}
