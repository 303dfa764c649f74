package dev.ikat.ipam;

/**
 * How full a range is at one moment.
 *
 * @param range the range
 * @param size how many addresses it can assign; {@link Long#MAX_VALUE} stands for that many or more
 * @param leased how many of them are leased
 * @param cooling how many of the free ones were used before
 */
public record RangeUsage(AddressRange range, long size, long leased, long cooling) {
    /** How many addresses are not leased. */
    public long free() {
        return size - leased;
    }

    /** The range and its counts, as in {@code 10.1.0.0/24: 12 of 254 leased}. */
    @Override
    public String toString() {
        return range + ": " + leased + " of " + size + " leased";
    }
}
