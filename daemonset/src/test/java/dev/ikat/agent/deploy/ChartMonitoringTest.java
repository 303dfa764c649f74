package dev.ikat.agent.deploy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** How Prometheus finds the agents that the chart installs, and what it is told to watch. */
@RequiresHelm
class ChartMonitoringTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    private static List<JsonNode> rendered(String kind, String values) {
        return HelmChart.render(values).stream()
                .filter(object -> object.path("kind").asText().equals(kind))
                .toList();
    }

    private static JsonNode only(String kind, String values) {
        List<JsonNode> objects = rendered(kind, values);
        assertThat(objects).as(kind).hasSize(1);
        return objects.getFirst();
    }

    private static JsonNode template(String values) {
        return only("DaemonSet", values).path("spec").path("template");
    }

    private static JsonNode annotations(String values) {
        return template(values).path("metadata").path("annotations");
    }

    private static JsonNode ports(String values) {
        return template(values).path("spec").path("containers").path(0).path("ports");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            ''                                  | 9474
            config: {listen: 'node:9000'}       | 9000
            config: {listen: '0.0.0.0:9474'}    | 9474
            config: {listen: '[2001:db8::1]:80'}| 80
            """)
    void agentThatOthersCanAskSaysWhere(String values, String port) {
        assertThat(annotations(values).path("prometheus.io/scrape").asText()).isEqualTo("true");
        assertThat(annotations(values).path("prometheus.io/port").asText()).isEqualTo(port);
        assertThat(annotations(values).path("prometheus.io/path").asText()).isEqualTo("/metrics");
        assertThat(ports(values))
                .containsExactly(JSON.createObjectNode()
                        .put("name", "metrics")
                        .put("containerPort", Integer.parseInt(port))
                        .put("protocol", "TCP"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"'127.0.0.1:9474'", "'[::1]:9474'", "0", "'0'"})
    void agentThatOnlyTheNodeCanAskIsNotFound(String listen) {
        String values = "config: {listen: " + listen + "}";

        assertThat(annotations(values).fieldNames()).toIterable().containsExactly("checksum/config");
        assertThat(ports(values).isMissingNode()).isTrue();
        assertThatThrownBy(() -> HelmChart.render(values + "\nmonitoring: {podMonitor: {enabled: true}}"))
                .hasMessageContaining("monitoring.podMonitor needs")
                .hasMessageContaining("config.listen=node:9474");
    }

    @Test
    void annotationsCanBeLeftOutOrSaidOtherwise() {
        assertThat(annotations("monitoring: {annotations: false}").fieldNames())
                .toIterable()
                .containsExactly("checksum/config");
        assertThat(annotations("podAnnotations: {prometheus.io/scrape: \"false\"}")
                        .path("prometheus.io/scrape")
                        .asText())
                .isEqualTo("false");
    }

    @Test
    void objectsOfTheOperatorAreThereOnDemandOnly() {
        assertThat(rendered("PodMonitor", "")).isEmpty();
        assertThat(rendered("PrometheusRule", "")).isEmpty();
    }

    @Test
    void podMonitorSelectsTheAgentsAndTheirPort() throws Exception {
        JsonNode monitor = only(
                "PodMonitor",
                "monitoring: {podMonitor: {enabled: true, interval: 30s, labels: {release: prometheus}}}");

        assertThat(monitor.path("apiVersion").asText()).isEqualTo("monitoring.coreos.com/v1");
        assertThat(monitor.path("metadata").path("labels").path("release").asText())
                .isEqualTo("prometheus");
        JsonNode spec = monitor.path("spec");
        assertThat(spec.path("selector").path("matchLabels"))
                .isEqualTo(template("").path("metadata").path("labels"));
        assertThat(spec.path("namespaceSelector").path("matchNames")).hasToString("[\"kube-system\"]");
        assertThat(spec.path("podMetricsEndpoints")).isEqualTo(JSON.readTree("""
                [{"port": "metrics", "path": "/metrics", "honorLabels": true, "interval": "30s",
                  "relabelings": [{"action": "labeldrop", "regex": "namespace"}]}]
                """));
    }

    @Test
    void controllerHasAPodMonitorOfItsOwn() {
        String values = "{monitoring: {podMonitor: {enabled: true}}, controller: {enabled: true}}";

        assertThat(rendered("PodMonitor", values))
                .extracting(monitor -> monitor.path("spec").path("selector").path("matchLabels"))
                .containsExactly(
                        template(values).path("metadata").path("labels"),
                        only("Deployment", values)
                                .path("spec")
                                .path("template")
                                .path("metadata")
                                .path("labels"));
    }

    @Test
    void ruleHasTheAlertsOfTheFile() {
        JsonNode rule =
                only("PrometheusRule", "monitoring: {prometheusRule: {enabled: true, labels: {release: prometheus}}}");

        assertThat(rule.path("metadata").path("labels").path("release").asText())
                .isEqualTo("prometheus");
        assertThat(rule.path("spec"))
                .isEqualTo(KubernetesObjects.documents(Path.of("deploy/monitoring/alerts.yaml"))
                        .getFirst());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            monitoring: {podMonitor: {enabled: yes please}}     | monitoring.podMonitor.enabled
            monitoring: {podMonitor: {interval: often}}         | monitoring.podMonitor.interval
            monitoring: {serviceMonitor: {}}                    | monitoring: Additional property serviceMonitor
            monitoring: {prometheusRule: {labels: {a: 5}}}      | monitoring.prometheusRule.labels.a
            """)
    void wrongValueIsRefusedByItsName(String values, String named) {
        assertThatThrownBy(() -> HelmChart.render(values)).hasMessageContaining(named);
    }
}
