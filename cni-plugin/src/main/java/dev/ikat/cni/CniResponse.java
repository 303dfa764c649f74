package dev.ikat.cni;

/**
 * What a plugin gives back.
 *
 * @param exitCode 0, or 1 with an error object
 * @param stdout the result or the error object as JSON in UTF-8; empty where the verb has no result
 */
@SuppressWarnings("ArrayRecordComponent") // never compared, and copying each response would be waste
public record CniResponse(int exitCode, byte[] stdout) {}
