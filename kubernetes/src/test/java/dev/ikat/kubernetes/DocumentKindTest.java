package dev.ikat.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Which kinds are read, which are taken for mistakes, and which are nobody's business. */
final class DocumentKindTest {
    static Stream<Arguments> mistakenKinds() {
        String policy = "write kind: NetworkPolicy, apiVersion: networking.k8s.io/v1";
        return Stream.of(
                Arguments.of("extensions/v1beta1", "NetworkPolicy", "write apiVersion: networking.k8s.io/v1"),
                Arguments.of("extensions/v1beta1", "NetworkPolicyList", "write apiVersion: networking.k8s.io/v1"),
                Arguments.of("networking.k8s.io/v1beta1", "NetworkPolicy", "write apiVersion: networking.k8s.io/v1"),
                Arguments.of("networking.k8.io/v1", "NetworkPolicy", "write apiVersion: networking.k8s.io/v1"),
                Arguments.of("v1", "NetworkPolicy", "write apiVersion: networking.k8s.io/v1"),
                Arguments.of("networking.k8s.io/v1", "networkpolicy", policy),
                Arguments.of("networking.k8s.io/v1", "NetworkPolicies", policy),
                Arguments.of("networking.k8s.io/v1", "NetworkPolcy", policy),
                Arguments.of("networking.k8s.io/v1", "Network-Policy", policy),
                Arguments.of("v1", "pod", "write kind: Pod, apiVersion: v1"),
                Arguments.of("v1", "Pods", "write kind: Pod, apiVersion: v1"),
                Arguments.of("V1", "Node", "write apiVersion: v1"),
                Arguments.of("v1", "NameSpace", "write kind: Namespace, apiVersion: v1"),
                Arguments.of("v1", "list", "write kind: List, apiVersion: v1"));
    }

    @ParameterizedTest
    @MethodSource("mistakenKinds")
    void knownKindInAnotherVersionOrNearlyAKnownKindIsAFault(String version, String kind, String advice) {
        ManifestFile file = ManifestFileTest.parse("apiVersion: " + version + "\nkind: " + kind
                + "\nmetadata: {name: front}\nitems: [{metadata: {name: front}}]\n");

        assertThat(file.faults())
                .singleElement()
                .satisfies(fault -> assertThat(fault.reason()).contains(advice));
        assertThat(file.ignored()).isEmpty();
    }

    @Test
    void otherKindsOfKubernetesAreNoMistakes() {
        List<String> kinds = List.of(
                "v1 Secret",
                "v1 Service",
                "v1 PodTemplate",
                "v1 Endpoints",
                "v1 Event",
                "networking.k8s.io/v1 Ingress",
                "apps/v1 Deployment",
                "batch/v1 Job",
                "rbac.authorization.k8s.io/v1 Role",
                "example.com/v1 pod");
        for (String kind : kinds) {
            ManifestFile file = ManifestFileTest.parse("apiVersion: " + kind.replace(" ", "\nkind: ") + "\n");

            assertThat(file.faults()).isEmpty();
            assertThat(file.warnings()).isEmpty();
            assertThat(file.ignored()).containsExactly(kind);
        }
    }
}
