package dev.ikat.agent.server;

import dev.ikat.cni.CniRequest;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What the log says of a request whose answer did not arrive. */
final class RequestLog {
    private static final Logger LOG = LoggerFactory.getLogger(CniServer.class);

    private RequestLog() {}

    /**
     * The runtime gave up; it will send DEL, as the specification has it.
     *
     * @param reason what kept the answer from being sent, in the system's words; null if it said nothing
     */
    static void lost(CniRequest request, @Nullable String reason) {
        LOG.atWarn()
                .addKeyValue("verb", request.variable("CNI_COMMAND"))
                .addKeyValue("container", request.variable("CNI_CONTAINERID"))
                .addKeyValue("interface", request.variable("CNI_IFNAME"))
                .addKeyValue("error", reason)
                .log("answer-lost");
    }
}
