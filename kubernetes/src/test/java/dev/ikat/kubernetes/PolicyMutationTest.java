package dev.ikat.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ikat.cluster.ClusterChange;
import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.NetworkPolicy;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.model.Attachment;
import dev.ikat.model.ContainerId;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.policy.compiler.PolicyCompiler;
import dev.ikat.policy.compiler.PolicyInput;
import dev.ikat.policy.compiler.RandomCluster;
import dev.ikat.policy.program.Endpoint;
import dev.ikat.policy.program.Evaluator;
import dev.ikat.policy.program.Flow;
import dev.ikat.testbed.random.Generator;
import dev.ikat.testbed.random.Seeds;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/**
 * A policy of which something can't be read never allows what the whole policy would not: whatever part of it is
 * spoilt, each flow that passes then passes with the whole one too.
 */
final class PolicyMutationTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int ADDRESSES = 12;

    private final AtomicInteger denied = new AtomicInteger();
    private final AtomicInteger closed = new AtomicInteger();

    @Test
    void spoiltPolicyAllowsNothingThatTheWholeOneWouldNot() {
        Seeds.forEach(500, this::check);

        if (System.getProperty(Seeds.PROPERTY) == null) {
            assertThat(closed.get())
                    .as("flows that only the whole policy allows")
                    .isGreaterThan(2_000);
            assertThat(denied.get()).as("flows that the whole one denies").isGreaterThan(20_000);
        }
    }

    private void check(Generator random) {
        RandomCluster cluster = new RandomCluster(random);
        Map<ObjectKey, ClusterObject> objects = new TreeMap<>();
        random.listOf(10, 40, _ -> cluster.object()).forEach(object -> objects.put(object.key(), object));
        List<NetworkPolicy> policies = objects.values().stream()
                .filter(NetworkPolicy.class::isInstance)
                .map(NetworkPolicy.class::cast)
                .toList();
        if (policies.isEmpty()) {
            return;
        }
        NetworkPolicy whole = random.oneOf(policies);
        JsonNode spoilt = spoilt(json(whole), random);
        ManifestFile file = ManifestFileTest.parse(spoilt.toString());
        assertThat(file.faults()).as(() -> "faults of " + spoilt).isNotEmpty().allSatisfy(fault -> {
            assertThat(fault.object()).contains(whole.key());
            assertThat(fault.reason()).startsWith(whole.key() + ": ");
        });
        NetworkPolicy part = (NetworkPolicy) Optional.ofNullable(file.policies().get(whole.key()))
                .orElseThrow()
                .object();
        assertThat(part.complete()).isFalse();

        List<Endpoint> endpoints = endpoints(cluster, random);
        Evaluator before = evaluator(objects, endpoints);
        objects.put(part.key(), part);
        Evaluator after = evaluator(objects, endpoints);
        for (int i = 0; i < 300; i++) {
            Flow flow = cluster.flow(random.chance(0.3));
            boolean allowed = before.evaluate(flow).accepted();
            boolean allowedStill = after.evaluate(flow).accepted();
            assertThat(allowed || !allowedStill)
                    .as(() -> flow + " passes with " + spoilt + " and not with " + whole + "; all: " + objects.values())
                    .isTrue();
            (allowed ? closed : denied).addAndGet(allowed && allowedStill ? 0 : 1);
        }
    }

    private static List<Endpoint> endpoints(RandomCluster cluster, Generator random) {
        List<Endpoint> endpoints = new ArrayList<>();
        for (int i = 1; i <= ADDRESSES; i++) {
            if (random.chance(0.6)) {
                endpoints.add(new Endpoint(
                        new Attachment(new ContainerId("c" + i), new InterfaceName("eth0")),
                        new InterfaceName("ik" + i),
                        List.of(IpAddress.parse("10.0.0." + i), IpAddress.parse("fd00::" + i)),
                        Optional.of(cluster.podKey())));
            }
        }
        return endpoints;
    }

    private static Evaluator evaluator(Map<ObjectKey, ClusterObject> objects, List<Endpoint> endpoints) {
        PolicyCompiler compiler = new PolicyCompiler("node");
        endpoints.forEach(endpoint -> compiler.update(List.of(new PolicyInput.Wired(endpoint))));
        compiler.update(ClusterChange.between(Map.of(), objects));
        return new Evaluator(compiler.program());
    }

    private static ObjectNode json(NetworkPolicy policy) {
        StringWriter text = new StringWriter();
        try (JsonGenerator json = JSON.createGenerator(text)) {
            ManifestWriter.write(json, ApiKinds.NETWORK_POLICIES, policy);
            json.flush();
            return (ObjectNode) JSON.readTree(text.toString());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The policy with one part or several that nobody can read. */
    private static JsonNode spoilt(ObjectNode policy, Generator random) {
        if (random.chance(0.05)) {
            policy.put("kind", random.oneOf("networkPolicy", "NetworkPolicies", "NetworkPolcy", "NETWORKPOLICY"));
            return policy;
        }
        if (random.chance(0.05)) {
            policy.put(
                    "apiVersion",
                    random.oneOf(
                            "extensions/v1beta1",
                            "v1",
                            "networking.k8s.io/v2",
                            "networking.k8s.io",
                            "Networking.k8s.io/v1"));
            return policy;
        }
        int times = random.chance(0.7) ? 1 : random.between(2, 4);
        for (int i = 0; i < times; i++) {
            List<Runnable> ways = new ArrayList<>();
            collect(policy, "spec", random, ways);
            random.oneOf(ways).run();
        }
        return policy;
    }

    /** Every way to spoil the field or something in it. */
    private static void collect(ObjectNode holder, String field, Generator random, List<Runnable> ways) {
        JsonNode value = holder.get(field);
        ways.add(() -> holder.set(field, garbage(random)));
        switch (value) {
            case ObjectNode labels
            when field.equals("matchLabels") ->
                // A label may have any name.
                labels.fieldNames().forEachRemaining(name -> collect(labels, name, random, ways));
            case ObjectNode object -> collectFields(object, random, ways);
            case ArrayNode array -> {
                for (int i = 0; i < array.size(); i++) {
                    int at = i;
                    ways.add(() -> array.set(at, garbage(random)));
                    if (array.get(i) instanceof ObjectNode element) {
                        collectFields(element, random, ways);
                    }
                }
                ways.add(() -> array.add(garbage(random)));
            }
            default -> {}
        }
    }

    private static void collectFields(ObjectNode object, Generator random, List<Runnable> ways) {
        object.fieldNames().forEachRemaining(name -> {
            collect(object, name, random, ways);
            ways.add(() -> {
                JsonNode renamed = object.remove(name);
                object.set(random.oneOf(name + "s", name.toUpperCase(Locale.ROOT)), renamed);
            });
        });
    }

    /** What is right nowhere. */
    private static JsonNode garbage(Generator random) {
        return switch (random.between(0, 3)) {
            case 0 -> JSON.getNodeFactory().numberNode(3.5);
            case 1 -> JSON.createObjectNode().put("§", 1);
            case 2 -> JSON.createArrayNode().add(JSON.createArrayNode().add(1));
            default -> JSON.getNodeFactory().textNode("§ no such thing");
        };
    }
}
