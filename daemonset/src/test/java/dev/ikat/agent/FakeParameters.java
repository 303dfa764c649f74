package dev.ikat.agent;

import dev.ikat.netlink.Errno;
import dev.ikat.netlink.NetlinkException;
import dev.ikat.netlink.namespace.Sysctl;
import java.util.Map;
import java.util.TreeMap;

/** The parameters of a network namespace in memory: those that the test has set, and no others. */
public final class FakeParameters implements Sysctl.Parameters {
    private final Map<String, String> values = new TreeMap<>();

    /** Has this, too. */
    public FakeParameters with(String key, String value) {
        values.put(key, value);
        return this;
    }

    @Override
    public String read(String key) {
        String value = values.get(key);
        if (value == null) {
            throw new NetlinkException("read sysctl " + key, Errno.ENOENT);
        }
        return value;
    }

    @Override
    public void write(String key, String value) {
        read(key);
        values.put(key, value);
    }
}
