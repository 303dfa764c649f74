package dev.ikat.nftables;

import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.policy.program.AddressSet;
import dev.ikat.policy.program.SetMember;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/** One element of a set or verdict map, in nftables' words and in the kernel's bytes. */
final class Element {
    /** IFNAMSIZ, linux/if.h. */
    private static final int INTERFACE_NAME = 16;

    private final String set;
    private final String key;
    private final byte[] keyBytes;
    private final Optional<Verdict> verdict;

    private Element(String set, String key, byte[] keyBytes, Optional<Verdict> verdict) {
        this.set = set;
        this.key = key;
        this.keyBytes = keyBytes;
        this.verdict = verdict;
    }

    /**
     * What a verdict map does with a packet.
     *
     * @param chain where it goes on instead of here, so that a return from there leaves both; empty: it returns from
     *     here
     */
    record Verdict(Optional<String> chain) {
        String text() {
            return chain.map(name -> "goto " + name).orElse("return");
        }
    }

    static String setName(String base, IpFamily family) {
        return base
                + switch (family) {
                    case IPV4 -> "_4";
                    case IPV6 -> "_6";
                };
    }

    static Element member(AddressSet.Form form, String base, SetMember member) {
        IpAddress address = member.address();
        String set = setName(base, address.family());
        return switch (member) {
            case SetMember.AddressMember _ -> new Element(set, address.toString(), address.toBytes(), Optional.empty());
            case SetMember.PortMember(IpAddress _, var protocol, int port) -> {
                byte[] bytes = address.toBytes();
                ByteBuffer key = ByteBuffer.allocate(bytes.length + 8).put(bytes);
                key.put((byte) protocol.number()).put(new byte[3]).putShort((short) port);
                yield new Element(
                        set, address + " . " + protocol.number() + " . " + port, key.array(), Optional.empty());
            }
        };
    }

    /** What one endpoint's packets of one address meet. */
    static Element dispatch(String map, InterfaceName name, IpAddress address, Verdict verdict) {
        return endpoint(map, name, address, Optional.of(verdict));
    }

    /** One address of one endpoint. */
    static Element endpoint(String set, InterfaceName name, IpAddress address) {
        return endpoint(set, name, address, Optional.empty());
    }

    private static Element endpoint(String set, InterfaceName name, IpAddress address, Optional<Verdict> verdict) {
        byte[] bytes = address.toBytes();
        byte[] nameBytes = name.value().getBytes(StandardCharsets.US_ASCII);
        ByteBuffer key = ByteBuffer.allocate(INTERFACE_NAME + bytes.length);
        key.put(nameBytes).position(INTERFACE_NAME).put(bytes);
        return new Element(setName(set, address.family()), "\"" + name + "\" . " + address, key.array(), verdict);
    }

    /** The set or map that it is in. */
    String set() {
        return set;
    }

    /** What is looked up, as the kernel compares it: each part in network order, padded to four bytes. */
    byte[] keyBytes() {
        return keyBytes.clone();
    }

    /** In a verdict map, what is done; empty in a set. */
    Optional<Verdict> verdict() {
        return verdict;
    }

    /** As nftables writes it between braces. */
    String text() {
        return verdict.map(does -> key + " : " + does.text()).orElse(key);
    }
}
