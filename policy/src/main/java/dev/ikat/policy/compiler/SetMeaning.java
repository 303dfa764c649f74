package dev.ikat.policy.compiler;

import dev.ikat.cluster.Pod;
import dev.ikat.cluster.Protocol;
import dev.ikat.policy.program.AddressSet.Form;
import dev.ikat.policy.program.SetId;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Optional;

/**
 * What an address set stands for: which pods, and of them all ports or those of one name. Equal meanings share one set.
 *
 * @param reach the namespaces of the pods
 * @param pods the labels of the pods
 * @param port the name that a port of the pods must have; empty for all ports
 */
record SetMeaning(Reach reach, Requirements pods, Optional<PortOfName> port) {
    /** The alphabet of base 32, RFC 4648, in lower case. */
    private static final String ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";

    private static final int ID_LENGTH = 16;

    /** A port's name and the protocol that it is for. */
    record PortOfName(String name, Protocol protocol) {
        @Override
        public String toString() {
            return "port " + name + "/" + protocol;
        }
    }

    Form form() {
        return port.isPresent() ? Form.PORTS : Form.ADDRESSES;
    }

    /** Whether its set has anything of a pod with these labels, in a namespace that it reaches. */
    boolean selects(Pod pod) {
        return pods.matches(pod.labels())
                && (port.isEmpty()
                        || pod.port(port.get().name(), port.get().protocol()).isPresent());
    }

    /**
     * The name of its set.
     *
     * <p>75 bits of a hash: whoever may write policies in one namespace must not be able to make one whose set has the
     * name of another namespace's set.
     *
     * @param attempt 0, or how many names were taken by other meanings
     */
    SetId id(int attempt) {
        byte[] hash = sha256(attempt == 0 ? toString() : this + "#" + attempt);
        StringBuilder id = new StringBuilder(ID_LENGTH).append(form() == Form.PORTS ? 'p' : 'a');
        for (int bit = 0; id.length() < ID_LENGTH; bit += 5) {
            int word = (hash[bit / 8] & 0xff) << 8 | (hash[bit / 8 + 1] & 0xff);
            id.append(ALPHABET.charAt(word >>> (11 - bit % 8) & 31));
        }
        return new SetId(id.toString());
    }

    private static byte[] sha256(String text) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("SHA-256, which every Java platform has, is missing", e);
        }
    }

    /** In words, and different for different meanings: names and labels can't contain spaces. */
    @Override
    public String toString() {
        String which = pods.isEmpty() ? "all pods " : "pods with " + pods + " ";
        return port.map(named -> named + " of ").orElse("") + which + reach;
    }
}
