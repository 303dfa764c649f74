package dev.ikat.agent;

import dev.ikat.agent.config.AgentOptions;
import dev.ikat.agent.config.AgentOptionsReader;
import java.util.Map;
import java.util.stream.Stream;

/** Options as the command line gives them, without any of the machine's own variables. */
public final class TestOptions {
    private TestOptions() {}

    /** Those of node a, with these arguments besides. */
    public static AgentOptions of(String... arguments) {
        String[] all = Stream.concat(Stream.of("--node-name=a", "--manifests=/", "--listen=0"), Stream.of(arguments))
                .toArray(String[]::new);
        return AgentOptionsReader.read(
                AgentMain.configuration(AgentMain.commandLine().parseArgs(all), Map.of()));
    }
}
