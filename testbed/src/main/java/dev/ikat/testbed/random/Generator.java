package dev.ikat.testbed.random;

import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.model.MacAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Function;

/**
 * Random values from a seed: the same seed gives the same values in the same order. Whole numbers and lengths favour
 * the ends of their range, where defects are more likely. Not thread-safe.
 */
public final class Generator {
    private final long seed;
    private final SplittableRandom random;

    /** A generator that {@code seed} determines. */
    public Generator(long seed) {
        this.seed = seed;
        this.random = new SplittableRandom(seed);
    }

    /** The seed that gives the same values again. */
    public long seed() {
        return seed;
    }

    /** A whole number from {@code low} to {@code high}, both included; each end with a probability of at least 1/10. */
    public int between(int low, int high) {
        return switch (random.nextInt(10)) {
            case 0 -> low;
            case 1 -> high;
            default -> (int) random.nextLong(low, (long) high + 1);
        };
    }

    /** Any 64 bits. */
    public long bits() {
        return random.nextLong();
    }

    /** True with this probability, 0 to 1. */
    public boolean chance(double probability) {
        return random.nextDouble() < probability;
    }

    /** One of the choices. */
    @SafeVarargs
    public final <T> T oneOf(T... choices) {
        return choices[random.nextInt(choices.length)];
    }

    /** One of the choices, of which there must be one. */
    public <T> T oneOf(List<T> choices) {
        return choices.get(random.nextInt(choices.size()));
    }

    /** A list of {@code low} to {@code high} elements. */
    public <T> List<T> listOf(int low, int high, Function<Generator, T> element) {
        int size = between(low, high);
        List<T> list = new ArrayList<>(size);
        for (int i = 0; i < size; i++) {
            list.add(element.apply(this));
        }
        return list;
    }

    /** A copy in another order. */
    public <T> List<T> shuffled(List<T> list) {
        List<T> copy = new ArrayList<>(list);
        for (int i = copy.size() - 1; i > 0; i--) {
            int j = random.nextInt(i + 1);
            T swapped = copy.get(i);
            copy.set(i, copy.get(j));
            copy.set(j, swapped);
        }
        return copy;
    }

    /** {@code low} to {@code high} bytes. */
    public byte[] bytes(int low, int high) {
        byte[] bytes = new byte[between(low, high)];
        random.nextBytes(bytes);
        return bytes;
    }

    /** A text of {@code low} to {@code high} characters of the alphabet. */
    public String text(String alphabet, int low, int high) {
        StringBuilder builder = new StringBuilder();
        int length = between(low, high);
        for (int i = 0; i < length; i++) {
            builder.append(alphabet.charAt(random.nextInt(alphabet.length())));
        }
        return builder.toString();
    }

    /** Any address of the family. */
    public IpAddress address(IpFamily family) {
        return family == IpFamily.IPV4
                ? new IpAddress(family, 0, random.nextLong(1L << 32))
                : new IpAddress(family, random.nextLong(), random.nextLong());
    }

    /** Any address of the block. */
    public IpAddress addressIn(Cidr cidr) {
        int hostBits = Math.min(cidr.family().bits() - cidr.prefixLength(), 62);
        return cidr.first().plus(random.nextLong(1L << hostBits));
    }

    /** A block of the family whose prefix length is {@code shortest} to {@code longest}. */
    public Cidr cidr(IpFamily family, int shortest, int longest) {
        return Cidr.containing(address(family), between(shortest, longest));
    }

    /** A link-layer address of one station, locally administered. */
    public MacAddress mac() {
        byte[] bytes = new byte[6];
        random.nextBytes(bytes);
        bytes[0] = (byte) ((bytes[0] & 0xfc) | 0x02);
        return MacAddress.of(bytes);
    }
}
