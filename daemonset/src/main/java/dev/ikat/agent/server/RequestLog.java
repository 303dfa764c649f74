package dev.ikat.agent.server;

import dev.ikat.agent.server.Transfers.Answer;
import dev.ikat.cni.CniRequest;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What the log says of each request in the end. */
final class RequestLog {
    private static final Logger LOG = LoggerFactory.getLogger(CniServer.class);

    private RequestLog() {}

    /** All of the answer was sent. */
    static void answered(Answer answer) {
        CniRequest request = answer.request();
        LOG.atInfo()
                .addKeyValue("verb", request.variable("CNI_COMMAND"))
                .addKeyValue("container", request.variable("CNI_CONTAINERID"))
                .addKeyValue("interface", request.variable("CNI_IFNAME"))
                .addKeyValue("exit", answer.exitCode())
                .addKeyValue("micros", (System.nanoTime() - answer.startNanos()) / 1000)
                .log("answered");
    }

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
