package dev.ikat.testbed.cluster;

import dev.ikat.testbed.host.CommandFailedException;
import dev.ikat.testbed.host.Json;
import dev.ikat.testbed.host.ProcessResult;
import dev.ikat.testbed.host.ProcessRunner;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * A CNI network configuration list, executed as a runtime does it (CNI specification 1.1, section 3): the plugins in
 * order for ADD and CHECK, in reverse for DEL, each with the name and version of the list and the result before it.
 */
public final class CniNetwork {
    private final Json configuration;
    private final List<Path> pluginDirectories;
    private final List<String> prefix;
    private final Map<String, String> environment;

    /**
     * A network.
     *
     * @param configuration the list: {@code cniVersion}, {@code name}, {@code plugins}
     * @param pluginDirectories where programs are looked for, in this order; becomes CNI_PATH
     * @param prefix a command that the programs are run through ({@code nsenter ...}), or nothing
     * @param environment variables that every plugin gets in addition to the CNI's own
     */
    public CniNetwork(
            Json configuration, List<Path> pluginDirectories, List<String> prefix, Map<String, String> environment) {
        this.configuration = configuration;
        this.pluginDirectories = List.copyOf(pluginDirectories);
        this.prefix = List.copyOf(prefix);
        this.environment = Map.copyOf(environment);
    }

    /** Reads the configuration list of a file. */
    public static Json read(Path conflist) {
        try {
            return Json.parse(Files.readString(conflist));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The name of the network. */
    public String name() {
        return configuration.get("name").text();
    }

    /**
     * One interface of one container.
     *
     * @param containerId CNI_CONTAINERID
     * @param netns CNI_NETNS; empty if the namespace no longer exists
     * @param interfaceName CNI_IFNAME
     * @param arguments CNI_ARGS, may be empty
     * @param runtimeConfig an object with a member for each capability that the runtime uses (CNI conventions, "Dynamic
     *     Plugin specific fields"); a plugin gets those that it declares
     */
    public record Sandbox(
            String containerId, Optional<Path> netns, String interfaceName, String arguments, Json runtimeConfig) {
        /** Interface eth0 of a container. */
        public static Sandbox eth0(String containerId, Path netns) {
            return new Sandbox(containerId, Optional.of(netns), "eth0", "", new Json.Obj(Map.of()));
        }

        /** The same with this runtime configuration. */
        public Sandbox withRuntimeConfig(Json config) {
            return new Sandbox(containerId, netns, interfaceName, arguments, config);
        }
    }

    /**
     * ADD of every plugin; the result of the last one.
     *
     * @throws CniFailedException of the first plugin that fails; {@link #delete} has to undo those before it
     */
    public Json add(Sandbox sandbox) {
        Optional<Json> result = Optional.empty();
        for (Json plugin : plugins()) {
            result = Optional.of(Json.parse(succeed("ADD", plugin, sandbox, result)));
        }
        return result.orElseThrow();
    }

    /** CHECK of every plugin against the result of {@link #add}. */
    public void check(Sandbox sandbox, Json result) {
        plugins().forEach(plugin -> succeed("CHECK", plugin, sandbox, Optional.of(result)));
    }

    /** DEL of every plugin, the last one first. */
    public void delete(Sandbox sandbox) {
        plugins().reversed().forEach(plugin -> succeed("DEL", plugin, sandbox, Optional.empty()));
    }

    /** STATUS of every plugin. */
    public void status() {
        plugins().forEach(plugin -> succeed("STATUS", plugin, Map.of(), Optional.empty()));
    }

    /** GC of every plugin: everything except these is garbage. */
    public void collectGarbage(List<Sandbox> valid) {
        Json attachments = new Json.Arr(valid.stream()
                .map(sandbox -> (Json) new Json.Obj(Map.of(
                        "containerID", new Json.Str(sandbox.containerId),
                        "ifname", new Json.Str(sandbox.interfaceName))))
                .toList());
        plugins()
                .forEach(plugin -> succeed(
                        "GC", plugin.with("cni.dev/valid-attachments", attachments), Map.of(), Optional.empty()));
    }

    /** The first plugin's configuration. */
    public Json first() {
        return plugins().getFirst();
    }

    private List<Json> plugins() {
        return configuration.get("plugins").elements();
    }

    private String succeed(String command, Json plugin, Sandbox sandbox, Optional<Json> previous) {
        Json runtimeConfig = new Json.Obj(Map.of());
        for (String capability : sandbox.runtimeConfig.names()) {
            if (plugin.get("capabilities").get(capability).isTrue()) {
                runtimeConfig = runtimeConfig.with(capability, sandbox.runtimeConfig.get(capability));
            }
        }
        Json configured = runtimeConfig.names().isEmpty() ? plugin : plugin.with("runtimeConfig", runtimeConfig);
        return succeed(command, configured, variables(sandbox), previous);
    }

    private String succeed(String command, Json plugin, Map<String, String> variables, Optional<Json> previous) {
        Json input = input(plugin, previous);
        ProcessResult result = run(command, program(plugin), input.render(), variables);
        if (!result.succeeded()) {
            throw new CniFailedException(command, plugin.get("type").text(), result);
        }
        return result.stdout();
    }

    /** The input of a plugin of this list on standard input. */
    public Json input(Json plugin, Optional<Json> previous) {
        Json input = plugin.with("cniVersion", configuration.get("cniVersion")).with("name", configuration.get("name"));
        return previous.map(result -> input.with("prevResult", result)).orElse(input);
    }

    /** The variables that identify a sandbox to a plugin. */
    public static Map<String, String> variables(Sandbox sandbox) {
        Map<String, String> variables = new LinkedHashMap<>();
        variables.put("CNI_CONTAINERID", sandbox.containerId);
        variables.put("CNI_IFNAME", sandbox.interfaceName);
        sandbox.netns.ifPresent(path -> variables.put("CNI_NETNS", path.toString()));
        if (!sandbox.arguments.isEmpty()) {
            variables.put("CNI_ARGS", sandbox.arguments);
        }
        return variables;
    }

    /** Every variable of an execution: the sandbox', CNI_COMMAND, CNI_PATH and the network's own. */
    public Map<String, String> environment(String command, Map<String, String> variables) {
        Map<String, String> all = new LinkedHashMap<>(environment);
        all.putAll(variables);
        all.put("CNI_COMMAND", command);
        all.put("CNI_PATH", pluginDirectories.stream().map(Path::toString).collect(Collectors.joining(":")));
        // The reference plugins call iptables by its name.
        all.put("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        return all;
    }

    private ProcessResult run(String command, Path program, String input, Map<String, String> variables) {
        List<String> line = new ArrayList<>(prefix);
        line.add(program.toString());
        return ProcessRunner.of(line)
                .withCleanEnvironment()
                .withEnvironment(environment(command, variables))
                .withInput(input)
                .run();
    }

    /** The program of a plugin, by its {@code type}. */
    public Path program(Json plugin) {
        String type = plugin.get("type").text();
        return pluginDirectories.stream()
                .map(directory -> directory.resolve(type))
                .filter(Files::isExecutable)
                .findFirst()
                .orElseThrow(() ->
                        new CommandFailedException("there is no plugin '%s' in %s".formatted(type, pluginDirectories)));
    }
}
