package dev.ikat.kubernetes;

import com.fasterxml.jackson.core.JsonEncoding;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.util.MinimalPrettyPrinter;
import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.Restricting;
import dev.ikat.files.OwnDirectory;
import dev.ikat.files.OwnFile;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.Channels;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What the cluster was, in a file of this node: for a start while nobody can be asked. It is gzip of JSON, an object a
 * line in the form of the Kubernetes API, so {@code zcat} shows it.
 */
final class Snapshot {
    /** The file's name in the directory that outlives a reboot. */
    static final String FILE = "cluster.json.gz";

    private static final Logger LOG = LoggerFactory.getLogger(Snapshot.class);

    private final Path directory;
    private final Path file;
    private final KindSet kinds;
    private final ManifestReader reader;

    /**
     * @param directory made when something is written
     * @param kinds of the objects that are written and read
     */
    Snapshot(Path directory, KindSet kinds) {
        this.kinds = kinds;
        this.reader = new ManifestReader(kinds);
        this.directory = directory;
        this.file = directory.resolve(FILE);
    }

    /**
     * What the cluster was.
     *
     * @param objects in no order
     * @param taken when
     */
    record Content(List<ClusterObject> objects, Instant taken) {}

    /** Writes it, whole or not at all, and on the disk when this returns. */
    void write(Collection<ClusterObject> objects) throws IOException {
        OwnDirectory.prepare(directory);
        OwnFile.replace(file, "rw-------", true, channel -> {
            GZIPOutputStream compressed = new GZIPOutputStream(Channels.newOutputStream(channel), 65_536);
            JsonGenerator json = ApiConnection.JSON
                    .createGenerator(compressed, JsonEncoding.UTF8)
                    .disable(JsonGenerator.Feature.AUTO_CLOSE_TARGET)
                    .setPrettyPrinter(new MinimalPrettyPrinter("\n"));
            for (ClusterObject object : objects) {
                ApiKind<?> kind = kinds.find(object.key().kind()).orElseThrow();
                ManifestWriter.write(json, kind, object);
            }
            json.close();
            compressed.finish();
        });
    }

    /** Reads it; empty if there is none, or none that can be read. An object of it that can't be right is left out. */
    Optional<Content> read() {
        if (!Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
            return Optional.empty();
        }
        List<ClusterObject> objects = new ArrayList<>();
        try (InputStream in = new BufferedInputStream(
                        new GZIPInputStream(Files.newInputStream(file, LinkOption.NOFOLLOW_LINKS)), 65_536);
                JsonParser json = ApiConnection.JSON.createParser(in)) {
            while (json.nextToken() == JsonToken.START_OBJECT) {
                add(YamlValue.top(JsonNodes.read(json, FieldFilter.everything())), objects);
            }
            return Optional.of(
                    new Content(objects, Files.getLastModifiedTime(file).toInstant()));
        } catch (IOException e) {
            LOG.atError()
                    .addKeyValue("file", file)
                    .addKeyValue("error", e.toString())
                    .log("snapshot-unreadable");
            return Optional.empty();
        }
    }

    /** Removes it, and its directory if that is empty then; says whether there was one. */
    boolean delete() throws IOException {
        boolean deleted = Files.deleteIfExists(file);
        Files.deleteIfExists(OwnFile.unfinished(file));
        try {
            Files.deleteIfExists(directory);
        } catch (DirectoryNotEmptyException e) {
            LOG.atInfo()
                    .addKeyValue("directory", directory)
                    .addKeyValue("reason", "others have files there")
                    .log("state-directory-kept");
        } catch (FileSystemException e) {
            // A mount point, as in a container: it can't go, and is empty.
            LOG.atDebug()
                    .addKeyValue("directory", directory)
                    .addKeyValue("reason", e.toString())
                    .log("state-directory-kept");
        }
        return deleted;
    }

    Path file() {
        return file;
    }

    private void add(YamlValue top, List<ClusterObject> objects) {
        for (ManifestReader.Reading reading : reader.read(top)) {
            switch (reading) {
                case ManifestReader.Read(Restricting policy, YamlValue place) ->
                    objects.add(policy.lacking(unreadable(place)));
                case ManifestReader.Read(ClusterObject object, YamlValue _) -> objects.add(object);
                case ManifestReader.Refused refused -> {
                    List<String> known = unreadable(refused.place());
                    refused.part().ifPresent(part -> objects.add(known.isEmpty() ? part : part.lacking(known)));
                    if (known.isEmpty()) {
                        // Written by another version, or by somebody else.
                        LOG.atWarn()
                                .addKeyValue("file", file)
                                .addKeyValue("reason", ApiObject.reasons(refused.faults()))
                                .log("snapshot-object-refused");
                    }
                }
                case ManifestReader.Doubtful _, ManifestReader.Ignored _ -> {
                    // Nothing that is written here.
                }
            }
        }
    }

    /** What the API had said of the policy and could not be read then. */
    private static List<String> unreadable(YamlValue policy) {
        return new Faults()
                .attempt(() -> policy.require("metadata").list(ManifestWriter.UNREADABLE, YamlValue::text))
                .orElse(List.of());
    }
}
