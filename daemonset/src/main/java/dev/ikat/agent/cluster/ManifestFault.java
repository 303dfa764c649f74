package dev.ikat.agent.cluster;

/**
 * What is wrong with a manifest, and where.
 *
 * @param line the line in the file, from 1
 * @param column the column in the line, from 1
 * @param reason what is wrong
 */
record ManifestFault(int line, int column, String reason) {
    SourceFault in(String file) {
        return new SourceFault(file + ":" + line + ":" + column, reason);
    }
}
