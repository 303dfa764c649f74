package dev.ikat.testbed.cluster;

import dev.ikat.testbed.host.Json;
import dev.ikat.testbed.host.ProcessResult;

/** A CNI plugin answered with an error. */
public final class CniFailedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final long code;

    /** The answer of a plugin of this type to a command. */
    public CniFailedException(String command, String type, ProcessResult result) {
        super("%s of plugin %s ended with exit code %d: %s%s"
                .formatted(
                        command,
                        type,
                        result.exitCode(),
                        result.stdout().strip(),
                        result.stderr().strip()));
        this.code = codeOf(result.stdout());
    }

    private static long codeOf(String stdout) {
        try {
            return Json.parse(stdout).get("code").number();
        } catch (IllegalArgumentException e) {
            return -1;
        }
    }

    /** The error code of the answer (CNI specification, "Error"); -1 if there was none. */
    public long code() {
        return code;
    }
}
