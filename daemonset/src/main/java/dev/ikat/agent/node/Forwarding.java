package dev.ikat.agent.node;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.ikat.files.OwnFile;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpFamily;
import dev.ikat.netlink.namespace.Sysctl;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The kernel settings without which no packet from a pod is forwarded: IP forwarding, for the address families that
 * pods have. The value of a setting before Ikat first changed it is kept in a file, so that uninstalling can restore
 * it; the file lives as long as the settings do, until the next boot. The calling thread is in the node's network
 * namespace.
 */
public final class Forwarding {
    /** In the run directory: {@code key=value} lines. */
    public static final String RECORD = "sysctl.before";

    private static final Logger LOG = LoggerFactory.getLogger(Forwarding.class);

    private final Path record;
    private final Sysctl.Parameters parameters;
    /** What the record says, as somebody may remove it while the agent runs. */
    private final Map<String, String> remembered = new LinkedHashMap<>();

    Forwarding(Path runDirectory, Sysctl.Parameters parameters) {
        this.record = runDirectory.resolve(RECORD);
        this.parameters = parameters;
    }

    /**
     * Sets what is not set.
     *
     * @param families those that pods have addresses of
     * @param uplink the interface to the other nodes
     * @return how many settings had to be changed
     */
    int reconcile(Set<IpFamily> families, InterfaceName uplink) {
        keepRecord();
        int changes = 0;
        if (families.contains(IpFamily.IPV4)) {
            changes += set("net/ipv4/ip_forward", "1");
        }
        if (families.contains(IpFamily.IPV6)) {
            // A router takes no router advertisements unless told so (Documentation/networking/ip-sysctl.rst,
            // accept_ra): without this, forwarding would cost the node a default route that it got from one.
            String acceptAdvertisements = "net/ipv6/conf/" + uplink + "/accept_ra";
            if (parameters.read(acceptAdvertisements).equals("1")) {
                changes += set(acceptAdvertisements, "2");
            }
            changes += set("net/ipv6/conf/all/forwarding", "1");
        }
        return changes;
    }

    private int set(String key, String value) {
        String before = parameters.read(key);
        if (before.equals(value)) {
            return 0;
        }
        // Recorded first: an agent that dies in between records the same once more.
        if (!remembered.containsKey(key)) {
            append(key, before);
            remembered.put(key, before);
        }
        parameters.write(key, value);
        LOG.atInfo()
                .addKeyValue("key", key)
                .addKeyValue("value", value)
                .addKeyValue("before", before)
                .log("sysctl-set");
        return 1;
    }

    private void keepRecord() {
        try {
            Map<String, String> recorded = before(record);
            recorded.forEach(remembered::putIfAbsent);
            remembered.forEach((key, before) -> {
                if (!recorded.containsKey(key)) {
                    append(key, before);
                }
            });
        } catch (IOException e) {
            throw new UncheckedIOException("can't read " + record + ": " + e, e);
        }
    }

    private void append(String key, String before) {
        try (FileChannel channel = OwnFile.open(record)) {
            channel.write(ByteBuffer.wrap((key + "=" + before + "\n").getBytes(UTF_8)), channel.size());
        } catch (IOException e) {
            throw new UncheckedIOException("can't record the former value of " + key + " in " + record + ": " + e, e);
        }
    }

    /** The values that the settings in a record had before Ikat changed them. */
    public static Map<String, String> before(Path record) throws IOException {
        Map<String, String> before = new LinkedHashMap<>();
        if (Files.isRegularFile(record, LinkOption.NOFOLLOW_LINKS)) {
            for (String line : Files.readAllLines(record, UTF_8)) {
                int equals = line.indexOf('=');
                if (equals > 0) {
                    before.putIfAbsent(line.substring(0, equals), line.substring(equals + 1));
                }
            }
        }
        return before;
    }
}
