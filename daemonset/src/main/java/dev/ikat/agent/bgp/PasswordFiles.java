package dev.ikat.agent.bgp;

import dev.ikat.bgp.Password;
import dev.ikat.bgp.Passwords;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Passwords in the files of a directory, as the kubelet mounts a Secret. One that can't be read any more stays in use
 * as long as this process lives. Not thread-safe.
 */
final class PasswordFiles implements Passwords {
    private static final long MOST_BYTES = 1024;

    private final Path directory;
    private final Map<String, Password> known = new HashMap<>();

    PasswordFiles(Path directory) {
        this.directory = directory;
    }

    @Override
    public Entry find(String key) {
        Path file = directory.resolve(key);
        try {
            if (Files.size(file) > MOST_BYTES) {
                return formerly(key, "in " + file + " is longer than " + MOST_BYTES + " bytes; shorten it");
            }
            String text = Files.readString(file, StandardCharsets.UTF_8);
            // Editors and 'echo' end a file with a new line.
            Password password = new Password(text.endsWith("\n") ? text.substring(0, text.length() - 1) : text);
            known.put(key, password);
            return new Entry(Optional.of(password), Optional.empty());
        } catch (NoSuchFileException e) {
            return formerly(
                    key,
                    "is missing: there is no file " + file + "; add the key to the Secret ikat-bgp in the agent's"
                            + " namespace, or the file");
        } catch (IllegalArgumentException e) {
            return formerly(key, "in " + file + " can't be used: it " + e.getMessage());
        } catch (IOException e) {
            return formerly(key, "in " + file + " can't be read: " + e);
        }
    }

    private Entry formerly(String key, String fault) {
        return new Entry(Optional.ofNullable(known.get(key)), Optional.of(fault));
    }
}
