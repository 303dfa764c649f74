package dev.ikat.agent.observe;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

class MetricsTest {
    private final Metrics metrics = new Metrics();

    private String scrape() throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        metrics.write(out);
        return out.toString(UTF_8);
    }

    @Test
    void buildSaysItsVersions() throws IOException {
        metrics.build("worker-1");
        assertThat(scrape())
                .contains("ikat_build_info{java=\"" + System.getProperty("java.version") + "\",kernel=\""
                        + System.getProperty("os.version") + "\",node=\"worker-1\",version=\"" + BuildInfo.VERSION
                        + "\"} 1.0");
        assertThat(Files.readString(Path.of("../pom.xml")))
                .contains("<version>" + BuildInfo.VERSION + "-SNAPSHOT</version>");
    }

    @Test
    void processAndJavaRuntimeAreMeasured() throws IOException {
        scrape();
        assertThat(scrape())
                .contains(
                        "process_cpu_seconds_total ",
                        "process_resident_memory_bytes ",
                        "process_start_time_seconds ",
                        "process_open_fds ",
                        "jvm_memory_used_bytes{",
                        "jvm_gc_collection_seconds_count{",
                        "jvm_threads_current ");
    }

    @Test
    void reloadIsIncompleteAsLongAsSomethingIsNotInForce() throws IOException {
        AtomicReference<List<String>> notApplied = new AtomicReference<>(List.of("--mtu: 12 is invalid"));
        metrics.reloads(notApplied::get);
        assertThat(scrape()).contains("ikat_reload_incomplete 1.0");

        notApplied.set(List.of());

        assertThat(scrape()).contains("ikat_reload_incomplete 0.0");
    }
}
