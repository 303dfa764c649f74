package dev.ikat.agent.overlay;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Whether the tunnel device leaves checksums to what is below it. Only then can the kernel hand it segments of up to 64
 * KiB, which is several times as fast.
 */
public enum ChecksumOffload {
    /** {@link #ON}, except on kernels that are known to get the outer checksum wrong. */
    AUTO,
    /** The device leaves them. */
    ON,
    /** The kernel computes them before: for network cards and hypervisors that spoil them. */
    OFF;

    private static final Pattern RELEASE = Pattern.compile("(\\d{1,4})\\.(\\d{1,4})");

    /**
     * What is to be done on a kernel. Until Linux 5.7 (commit ea64d8d6c675) translating the address of a UDP packet
     * without checksum, as a tunnel's outer ones are, gave it a wrong one.
     *
     * @param kernelRelease as {@code uname -r} tells it, such as {@code 6.1.0-18-amd64}
     * @return {@link #ON} or {@link #OFF}; {@code OFF} where the release can't be read and it is to be derived
     */
    public ChecksumOffload on(String kernelRelease) {
        if (this != AUTO) {
            return this;
        }
        Matcher release = RELEASE.matcher(kernelRelease);
        if (!release.lookingAt()) {
            return OFF;
        }
        int major = Integer.parseInt(release.group(1));
        int minor = Integer.parseInt(release.group(2));
        return major > 5 || (major == 5 && minor >= 7) ? ON : OFF;
    }
}
