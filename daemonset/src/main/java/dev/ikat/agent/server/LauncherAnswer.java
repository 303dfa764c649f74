package dev.ikat.agent.server;

/**
 * What the launcher gives back to the runtime.
 *
 * @param exitCode its exit code
 * @param stdout the result, or the error object
 */
@SuppressWarnings("ArrayRecordComponent") // never compared, and copying each request would be waste
public record LauncherAnswer(int exitCode, byte[] stdout) {}
