package dev.ikat.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.ObjectKind;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Kinds that are registered beside those that the agent asks for. */
class KindSetTest {
    private static final KindSet KINDS = new KindSet(
            Stream.concat(ApiKinds.NETWORKING.stream(), Stream.of(Widget.KIND)).toList());

    private static ManifestFile parse(String text) {
        return ManifestFile.parse(text.getBytes(StandardCharsets.UTF_8), new ManifestReader(KINDS));
    }

    @Test
    void kindsThatCanNotBeToldApartAreRefused() {
        ApiKind<Widget> namesake = ApiKind.of(
                new ObjectKind("example.org", "Gadget", false, ObjectKind.Naming.LABEL),
                Widget.class,
                "v1",
                "widgets",
                new ObjectForm<>() {
                    @Override
                    public Reading<Widget> read(YamlValue object) {
                        return Reading.of(() -> new Widget("a", "1", ""));
                    }

                    @Override
                    public void write(ManifestWriter out, Widget object) {}
                });

        assertThatThrownBy(() -> new KindSet(List.of(Widget.KIND, Widget.WRITTEN)))
                .hasMessageContaining("Widget.example.com");
        assertThatThrownBy(() -> new KindSet(List.of(Widget.KIND, namesake))).hasMessageContaining("title widgets");
    }

    @Test
    void pathsAreThoseOfTheApi() {
        assertThat(KINDS.all())
                .flatExtracting(ApiKind::paths)
                .containsExactly(
                        "/api/v1/nodes",
                        "/api/v1/namespaces",
                        "/api/v1/pods",
                        "/apis/networking.k8s.io/v1/networkpolicies",
                        Widget.PATH);
    }

    @Test
    void registeredKindIsReadFromManifests() {
        ManifestFile file = parse("""
                apiVersion: example.com/v1
                kind: Widget
                metadata: {name: one}
                spec: {size: large}
                ---
                apiVersion: example.com/v1
                kind: WidgetList
                items: [{metadata: {name: two}, spec: {size: small}}]
                """);

        assertThat(file.faults()).isEmpty();
        assertThat(file.objects().values())
                .extracting(ManifestFile.Placed::object)
                .containsExactly(new Widget("one", "large", ""), new Widget("two", "small", ""));
        assertThat(file.policies()).as("what closes").isEmpty();
    }

    @Test
    void faultOfARegisteredKindIsNamed() {
        ManifestFile file = parse("""
                apiVersion: example.com/v1
                kind: Widget
                metadata: {name: one}
                spec: {}
                """);

        assertThat(file.objects()).isEmpty();
        assertThat(file.faults()).singleElement().satisfies(fault -> {
            assertThat(fault.object()).contains(new ObjectKey(Widget.OBJECT_KIND, "", "one"));
            assertThat(fault.reason()).isEqualTo("Widget one: spec: its size is missing");
        });
    }

    @Test
    void registeredKindInAnotherVersionOrMisspeltIsAFault() {
        assertThat(parse("apiVersion: example.com/v2\nkind: Widget\nmetadata: {name: one}\n")
                        .faults())
                .singleElement()
                .satisfies(fault -> assertThat(fault.reason()).contains("write apiVersion: example.com/v1"));
        assertThat(parse("apiVersion: example.com/v1\nkind: Widgte\nmetadata: {name: one}\n")
                        .faults())
                .singleElement()
                .satisfies(fault -> assertThat(fault.reason()).contains("write kind: Widget"));
        assertThat(parse("apiVersion: other.io/v1\nkind: Widget\nmetadata: {name: one}\n")
                        .warnings())
                .hasSize(1);
    }

    @Test
    void kindThatIsNotRegisteredIsIgnored() {
        ManifestFile file = ManifestFileTest.parse("apiVersion: example.com/v1\nkind: Widget\n");

        assertThat(file.faults()).isEmpty();
        assertThat(file.ignored()).containsExactly("example.com/v1 Widget");
    }

    @Test
    void onlyAKindThatIsWrittenKeepsTheVersion() {
        YamlValue document = ManifestFileTest.yaml("""
                {"metadata": {"name": "one", "resourceVersion": "7"}, "spec": {"size": "large"}}
                """);

        assertThat(Widget.KIND.read(document).object()).contains(new Widget("one", "large", ""));
        assertThat(Widget.WRITTEN.read(document).object()).contains(new Widget("one", "large", "7"));
    }
}
