package dev.ikat.kubernetes;

import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.ConfigBuilder;
import io.fabric8.kubernetes.client.OAuthTokenProvider;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * Where the API is, how to tell that it is the one, and who asks: read from files that others replace while the agent
 * runs, as they do with certificates before they expire.
 */
sealed interface Credentials {
    /** What the files say now. */
    Config read();

    /** The files that say who is who beside those that the configuration names. */
    List<Path> files();

    /** As a kubeconfig file says. */
    record Kubeconfig(Path file) implements Credentials {
        @Override
        public Config read() {
            try {
                return Config.fromKubeconfig(file.toFile());
            } catch (RuntimeException e) {
                throw new ClusterSourceException(
                        "the kubeconfig " + file + " can't be used: " + e.getMessage()
                                + "; correct it, or choose another",
                        e);
            }
        }

        @Override
        public List<Path> files() {
            return List.of(file);
        }
    }

    /**
     * As a service account may whose token and certificate are in a directory.
     *
     * @param url where the server is
     */
    record Account(Path directory, String url) implements Credentials {
        @Override
        public Config read() {
            TokenFile token = new TokenFile(directory.resolve("token"));
            token.getToken();
            return new ConfigBuilder(Config.empty())
                    .withAutoConfigure(false)
                    .withMasterUrl(url)
                    .withCaCertFile(directory.resolve("ca.crt").toString())
                    .withOauthTokenProvider(token)
                    .build();
        }

        @Override
        public List<Path> files() {
            // The token is read for each request.
            return List.of();
        }
    }

    /**
     * What the files say now, where others replaced them: a certificate file may be empty, or half written.
     *
     * @throws ClusterSourceException if it can't be meant
     */
    default Config readReplaced() {
        Config config = read();
        authority(config).ifPresent(file -> {
            try (InputStream in = Files.newInputStream(file)) {
                if (CertificateFactory.getInstance("X.509")
                        .generateCertificates(in)
                        .isEmpty()) {
                    throw new ClusterSourceException("there is no certificate in " + file, null);
                }
            } catch (IOException | CertificateException e) {
                throw new ClusterSourceException("the certificates in " + file + " can't be read: " + e, e);
            }
        });
        return config;
    }

    /** The file that the server's certificate is checked by; empty where it is not one of its own. */
    static Optional<Path> authority(Config config) {
        return Optional.ofNullable(config.getCaCertFile()).map(Path::of);
    }

    /** All files that a connection by this configuration was made from. */
    default List<Path> files(Config config) {
        List<Path> all = new ArrayList<>(files());
        Stream.of(config.getCaCertFile(), config.getClientCertFile(), config.getClientKeyFile())
                .filter(Objects::nonNull)
                .map(Path::of)
                .forEach(all::add);
        return all;
    }

    /** What is in the files; one that is not there is nothing. */
    static Map<Path, ByteBuffer> contents(List<Path> files) throws IOException {
        Map<Path, ByteBuffer> contents = new TreeMap<>();
        for (Path file : files) {
            try {
                contents.put(file, ByteBuffer.wrap(Files.readAllBytes(file)));
            } catch (NoSuchFileException e) {
                contents.put(file, ByteBuffer.allocate(0));
            }
        }
        return contents;
    }

    /** A service account's token, which the kubelet replaces before it expires. */
    final class TokenFile implements OAuthTokenProvider {
        private final Path file;

        TokenFile(Path file) {
            this.file = file;
        }

        @Override
        public String getToken() {
            try {
                return Files.readString(file).strip();
            } catch (IOException e) {
                throw new ClusterSourceException(
                        "the service account's token " + file + " can't be read (" + e
                                + "); mount it, or use a kubeconfig",
                        e);
            }
        }
    }
}
