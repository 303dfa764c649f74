package dev.ikat.kubernetes;

import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.ObjectKind;
import java.io.IOException;

/** An object of a kind of which nothing but the tests knows, as a CustomResourceDefinition may define one. */
record Widget(String name, String size, String resourceVersion) implements ClusterObject {
    static final ObjectKind OBJECT_KIND = new ObjectKind("example.com", "Widget", false, ObjectKind.Naming.SUBDOMAIN);
    static final String PATH = "/apis/example.com/v1/widgets";

    /** As a cluster has it that need not have it. */
    static final ApiKind<Widget> KIND = ApiKind.of(OBJECT_KIND, Widget.class, "v1", "widgets", new Form(), "spec.size")
            .optional();

    static final ApiKind<Widget> WRITTEN = KIND.keepingVersion(Widget::at);

    Widget at(String version) {
        return new Widget(name, size, version);
    }

    /** As the API has it. */
    static String json(String name, String size) {
        return "{\"metadata\":{\"name\":\"" + name + "\"},\"spec\":{\"size\":\"" + size + "\"}}";
    }

    @Override
    public ObjectKey key() {
        return new ObjectKey(OBJECT_KIND, "", name);
    }

    private static final class Form implements ObjectForm<Widget> {
        @Override
        public Reading<Widget> read(YamlValue object) {
            return Reading.of(() -> new Widget(
                    ObjectFields.name(object),
                    object.require("spec").require("size").text(),
                    ""));
        }

        @Override
        public void write(ManifestWriter out, Widget widget) throws IOException {
            out.metadata(widget.key(), () -> {});
            out.object("spec", () -> out.field("size", widget.size()));
        }
    }
}
