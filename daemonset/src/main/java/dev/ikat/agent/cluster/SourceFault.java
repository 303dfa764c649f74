package dev.ikat.agent.cluster;

/**
 * Something that is wrong at a source.
 *
 * @param origin where: for a file its path, line and column (from 1), as in {@code /etc/ikat/pods.yaml:12:5}
 * @param reason what
 */
public record SourceFault(String origin, String reason) {
    /** Origin and reason, as a compiler says it. */
    @Override
    public String toString() {
        return origin + ": " + reason;
    }
}
