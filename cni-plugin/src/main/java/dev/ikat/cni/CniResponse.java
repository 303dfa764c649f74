package dev.ikat.cni;

import java.util.Optional;

/**
 * What a plugin gives back.
 *
 * @param exitCode 0, or 1 with an error object
 * @param stdout the result or the error object as JSON in UTF-8; empty where the verb has no result
 * @param error what the error object says; empty with a result, and where only the text is known
 */
@SuppressWarnings("ArrayRecordComponent") // never compared, and copying each response would be waste
public record CniResponse(int exitCode, byte[] stdout, Optional<CniError> error) {
    /** One of which only the exit code and the text are known. */
    public CniResponse(int exitCode, byte[] stdout) {
        this(exitCode, stdout, Optional.empty());
    }

    /** An error, with its error object. */
    static CniResponse failure(CniError error, byte[] stdout) {
        return new CniResponse(1, stdout, Optional.of(error));
    }
}
