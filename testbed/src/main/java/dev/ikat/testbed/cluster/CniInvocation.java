package dev.ikat.testbed.cluster;

import dev.ikat.testbed.host.ProcessResult;
import dev.ikat.testbed.host.ProcessRunner;
import dev.ikat.testbed.host.TestNamespace;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * One plugin executable, started as a runtime starts it: with an environment of CNI variables and a network
 * configuration on standard input; it returns an exit code and standard output. It accepts any text as configuration,
 * including malformed text.
 *
 * @param prefix a command that the executable is run through ({@code nsenter ...}), or nothing
 * @param executable the plugin
 * @param environment variables in addition to the CNI's own
 */
public record CniInvocation(List<String> prefix, Path executable, Map<String, String> environment) {
    public CniInvocation {
        prefix = List.copyOf(prefix);
        environment = Map.copyOf(environment);
    }

    /** A plugin that is run inside of a node's namespace. */
    public static CniInvocation inside(TestNamespace node, Path executable, Map<String, String> environment) {
        return new CniInvocation(node.entering(List.of()), executable, environment);
    }

    /**
     * Runs the plugin once.
     *
     * @param variables the CNI variables, including CNI_COMMAND if it is to be set; an empty value is passed on as such
     * @param stdin the network configuration, unchanged
     */
    public ProcessResult run(Map<String, String> variables, String stdin) {
        Map<String, String> all = new LinkedHashMap<>(environment);
        all.put("CNI_PATH", directory(executable));
        all.put("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        all.putAll(variables);
        List<String> line = new ArrayList<>(prefix);
        line.add(executable.toString());
        return ProcessRunner.of(line)
                .withCleanEnvironment()
                .withEnvironment(all)
                .withInput(stdin)
                .run();
    }

    private static String directory(Path executable) {
        return Objects.requireNonNull(executable.toAbsolutePath().getParent(), "a file is in a directory")
                .toString();
    }
}
