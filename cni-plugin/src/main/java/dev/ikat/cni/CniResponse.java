package dev.ikat.cni;

import java.util.Optional;

/**
 * The output of a plugin.
 *
 * @param exitCode 0, or 1 with an error object
 * @param stdout the result or the error object as JSON in UTF-8; empty if the verb has no result
 * @param error the content of the error object; empty with a result, and if only the text is known
 */
@SuppressWarnings("ArrayRecordComponent") // never compared, and copying each response would be waste
public record CniResponse(int exitCode, byte[] stdout, Optional<CniError> error) {
    /** A response of which only the exit code and the text are known. */
    public CniResponse(int exitCode, byte[] stdout) {
        this(exitCode, stdout, Optional.empty());
    }

    /** An error, with its error object. */
    static CniResponse failure(CniError error, byte[] stdout) {
        return new CniResponse(1, stdout, Optional.of(error));
    }
}
