package dev.ikat.iptables;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.cluster.Protocol;
import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.services.program.Frontend;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

final class ServiceTreeTest {
    private static final List<Protocol> PROTOCOLS = List.of(Protocol.values());

    private static final Pattern RULE =
            Pattern.compile("-d (\\S+)(?: -p (\\S+))?(?: -m \\S+ --dport (\\d+)(?::(\\d+))?)? -g (\\S+)");

    /** The way of a packet through the chains. */
    private static final class Walk {
        private final Map<String, List<String>> chains;
        private int rules;

        Walk(Map<String, List<String>> chains) {
            this.chains = chains;
        }

        /** Where it ends, if any rule matches. */
        Optional<String> from(String chain, Frontend destination) {
            for (String rule : chains.getOrDefault(chain, List.of())) {
                rules++;
                Matcher match = RULE.matcher(rule);
                assertThat(match.matches()).as(rule).isTrue();
                if (matches(match, destination)) {
                    String next = match.group(5);
                    return chains.containsKey(next) ? from(next, destination) : Optional.of(next);
                }
            }
            return Optional.empty();
        }

        private static boolean matches(Matcher match, Frontend destination) {
            boolean address = Cidr.parse(match.group(1)).contains(destination.address());
            boolean protocol = match.group(2) == null || match.group(2).equals(protocol(destination));
            boolean port = match.group(3) == null;
            if (!port) {
                int low = Integer.parseInt(match.group(3));
                int high = match.group(4) == null ? low : Integer.parseInt(match.group(4));
                port = low <= destination.port() && destination.port() <= high;
            }
            return address && protocol && port;
        }
    }

    private static String protocol(Frontend frontend) {
        return frontend.protocol().name().toLowerCase(Locale.ROOT);
    }

    private static SortedMap<Frontend, String> rules(Iterable<Frontend> frontends) {
        SortedMap<Frontend, String> rules = new TreeMap<>();
        frontends.forEach(frontend -> rules.put(
                frontend,
                "-d %s -p %s -m %s --dport %d -g %s"
                        .formatted(
                                Cidr.host(frontend.address()),
                                protocol(frontend),
                                protocol(frontend),
                                frontend.port(),
                                ServiceNames.chain(frontend))));
        return rules;
    }

    /** Services' addresses from one block, and many ports of one address, as a node's. */
    private static SortedMap<Frontend, String> some(Random random, IpFamily family, int count) {
        IpAddress block = IpAddress.parse(family == IpFamily.IPV4 ? "10.96.0.0" : "fd96::");
        IpAddress node = IpAddress.parse(family == IpFamily.IPV4 ? "192.0.2.1" : "2001:db8::1");
        return rules(random.ints(count)
                .mapToObj(_ -> new Frontend(
                        random.nextBoolean() ? node : block.plus(random.nextInt(1 << 16)),
                        PROTOCOLS.get(random.nextInt(PROTOCOLS.size())),
                        1 + random.nextInt(65_535)))
                .toList());
    }

    @ParameterizedTest
    @EnumSource
    void packetComesToTheChainOfItsFrontendAndToNoOther(IpFamily family) {
        for (int i = 0; i < 50; i++) {
            int seed = i;
            Random random = new Random(seed);
            SortedMap<Frontend, String> rules = some(random, family, 1 << random.nextInt(11));
            Map<String, List<String>> tree = ServiceTree.of(rules);

            rules.keySet().forEach(frontend -> {
                assertThat(new Walk(tree).from(ServiceTree.ROOT, frontend))
                        .as("%s, seed %d", frontend, seed)
                        .contains(ServiceNames.chain(frontend));
                Frontend other = new Frontend(frontend.address(), frontend.protocol(), 65_536 - frontend.port());
                if (!rules.containsKey(other)) {
                    assertThat(new Walk(tree).from(ServiceTree.ROOT, other)).isEmpty();
                }
            });
        }
    }

    @ParameterizedTest
    @EnumSource
    void wayGrowsWithTheLogarithmOfTheNumberOfFrontends(IpFamily family) {
        Map<Frontend, String> rules = some(new Random(1), family, 20_000);
        Map<String, List<String>> tree = ServiceTree.of(new TreeMap<>(rules));

        for (Frontend frontend : rules.keySet()) {
            Walk walk = new Walk(tree);
            walk.from(ServiceTree.ROOT, frontend);
            assertThat(walk.rules).isLessThanOrEqualTo(6 * 16);
        }
        assertThat(tree.values()).allMatch(chain -> chain.size() <= 16);
        assertThat(tree.keySet()).allMatch(ServiceTree::owns).allMatch(chain -> chain.length() <= 28);
    }

    @Test
    void chainOfABranchIsTheSameWhateverElseThereIs() {
        Random random = new Random(2);
        SortedMap<Frontend, String> rules = some(random, IpFamily.IPV4, 2_000);
        Map<String, List<String>> before = ServiceTree.of(rules);
        rules.putAll(rules(List.of(new Frontend(IpAddress.parse("10.96.77.77"), Protocol.TCP, 80))));

        Map<String, List<String>> after = ServiceTree.of(rules);

        assertThat(after.entrySet().stream().filter(chain -> !chain.getValue().equals(before.get(chain.getKey()))))
                .hasSizeLessThanOrEqualTo(4);
    }
}
