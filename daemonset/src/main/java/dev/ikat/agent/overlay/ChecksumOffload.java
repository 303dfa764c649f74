package dev.ikat.agent.overlay;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Whether the tunnel link leaves checksums to the network card or the hypervisor. Only then can the kernel hand it
 * segments of up to 64 KiB, which is several times as fast.
 */
public enum ChecksumOffload {
    /** {@link #ON}, except on kernels that are known to compute the outer checksum wrongly. */
    AUTO,
    /** The tunnel link leaves them to what is below it. */
    ON,
    /** The kernel computes them before: for network cards and hypervisors that corrupt them. */
    OFF;

    private static final Pattern RELEASE = Pattern.compile("(\\d{1,4})\\.(\\d{1,4})");

    /**
     * The value for a kernel. Until Linux 5.7 (commit ea64d8d6c675), address translation gave a wrong checksum to a UDP
     * packet without one, as a tunnel's outer packets are.
     *
     * @param kernelRelease as {@code uname -r} prints it, such as {@code 6.1.0-18-amd64}
     * @return {@link #ON} or {@link #OFF}; {@code OFF} if it has to be derived from a release that can't be read
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
