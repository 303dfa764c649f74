package dev.ikat.dataplane;

import dev.ikat.model.LinkNames;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/**
 * Writes the header that gives the programs in C the names that are defined in Java, so that each name is defined only
 * once. The build calls it before it compiles them.
 */
public final class SharedHeader {
    private SharedHeader() {}

    /**
     * Writes the header, unless it is up to date.
     *
     * @param arguments the file
     */
    public static void main(String[] arguments) throws IOException {
        Path file = Path.of(arguments[0]);
        Path directory = file.toAbsolutePath().getParent();
        if (directory != null) {
            Files.createDirectories(directory);
        }
        if (!Files.exists(file) || !Files.readString(file).equals(text())) {
            Files.writeString(file, text());
        }
    }

    static String text() {
        StringBuilder text = new StringBuilder("""
                /* Generated from dev.ikat.dataplane.SharedHeader; do not edit. */
                #ifndef IKAT_SHARED_H
                #define IKAT_SHARED_H

                """);
        for (DropCause cause : DropCause.values()) {
            define(text, "DENIED_" + cause.name(), "'" + cause.code() + "'");
        }
        define(text, "TOLD_ACCEPTED", "'" + DropCause.ACCEPTED_CODE + "'");
        define(text, "POD_LINK_PREFIX", '"' + LinkNames.POD_PREFIX + '"');
        define(text, "OVERLAY_LINK", '"' + LinkNames.OVERLAY + '"');
        return text.append("\n#endif\n").toString();
    }

    private static void define(StringBuilder text, String name, String value) {
        text.append("#define ")
                .append(name.toUpperCase(Locale.ROOT))
                .append(' ')
                .append(value)
                .append('\n');
    }
}
