package dev.ikat.cni;

import dev.ikat.model.Attachment;
import dev.ikat.model.ContainerId;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.model.LinkNames;
import dev.ikat.model.MacAddress;
import dev.ikat.netlink.route.Link;
import dev.ikat.netlink.route.LinkChange;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Optional;

/**
 * The names and addresses of the two ends of a pod's veth pair. All of them are derived from the attachment, so that
 * whoever knows the lease knows the wiring.
 *
 * @param attachment the attachment
 * @param hostName the host end's name: {@code ik} and 11 hexadecimal digits
 * @param alias the host end's alias, by which Ikat recognizes its own links
 * @param podMac the pod end's link-layer address, locally administered
 */
public record PodLink(Attachment attachment, InterfaceName hostName, String alias, MacAddress podMac) {
    /** The link-layer address of every host end. The pods' neighbour entries for their gateways contain it. */
    public static final MacAddress HOST_MAC = MacAddress.parse("ee:ee:ee:ee:ee:ee");

    private static final IpAddress GATEWAY_V4 = IpAddress.parse("169.254.1.1");
    private static final IpAddress GATEWAY_V6 = IpAddress.parse("fe80::1");
    /** How many characters the name of a host end has. */
    static final int NAME_LENGTH = LinkNames.POD_PREFIX.length() + LinkNames.POD_DIGITS;

    private static final String ALIAS_PREFIX = "ikat:";
    /** The first byte of every pod end: unicast and locally administered (IEEE 802, section 8.2). */
    private static final byte POD_MAC_FIRST_BYTE = 0x2e;

    /** The link of this attachment. */
    public static PodLink of(Attachment attachment) {
        byte[] digest = sha256(attachment.containerId() + "\0" + attachment.interfaceName());
        byte[] mac = Arrays.copyOfRange(digest, 8, 14);
        mac[0] = POD_MAC_FIRST_BYTE;
        return new PodLink(
                attachment,
                new InterfaceName(LinkNames.POD_PREFIX
                        + HexFormat.of().formatHex(digest, 0, 6).substring(0, LinkNames.POD_DIGITS)),
                cut(ALIAS_PREFIX + attachment),
                MacAddress.of(mac));
    }

    static byte[] sha256(String text) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("SHA-256, which every Java platform has, is missing", e);
        }
    }

    /** Container IDs and interface names are ASCII or short, so a cut at the byte limit is one at a character's end. */
    private static String cut(String alias) {
        return alias.length() <= LinkChange.MAX_ALIAS_BYTES ? alias : alias.substring(0, LinkChange.MAX_ALIAS_BYTES);
    }

    /** The gateway of every pod. No interface has this address: it exists only as a neighbour entry. */
    public static IpAddress gateway(IpFamily family) {
        return switch (family) {
            case IPV4 -> GATEWAY_V4;
            case IPV6 -> GATEWAY_V6;
        };
    }

    /** Whether Ikat created this link as the host end of a pod. */
    public static boolean isHostEnd(Link link) {
        return link.isKind("veth")
                && link.name().value().length() == NAME_LENGTH
                && link.name().value().startsWith(LinkNames.POD_PREFIX)
                && link.alias().filter(alias -> alias.startsWith(ALIAS_PREFIX)).isPresent();
    }

    /** Whether a host end has the link-layer address that its pod sends to. */
    public static boolean isAddressed(Link hostEnd) {
        return hostEnd.mac().filter(HOST_MAC::equals).isPresent();
    }

    /**
     * The attachment of this host end, according to its alias; empty if the alias was cut off, or is not one of Ikat's.
     */
    public static Optional<Attachment> attachmentOf(Link hostEnd) {
        String alias = hostEnd.alias().orElse("");
        int slash = alias.lastIndexOf('/');
        if (!isHostEnd(hostEnd) || slash < 0) {
            return Optional.empty();
        }
        try {
            Attachment attachment = new Attachment(
                    new ContainerId(alias.substring(ALIAS_PREFIX.length(), slash)),
                    new InterfaceName(alias.substring(slash + 1)));
            return Optional.of(attachment).filter(read -> of(read).isHostEndOfThis(hostEnd));
        } catch (IllegalArgumentException e) {
            return Optional.empty();
        }
    }

    /** Whether this link is the host end of this attachment. */
    public boolean isHostEndOfThis(Link link) {
        return isHostEnd(link)
                && link.name().equals(hostName)
                && link.alias().filter(alias::equals).isPresent();
    }
}
