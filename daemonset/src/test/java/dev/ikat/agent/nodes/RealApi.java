package dev.ikat.agent.nodes;

import dev.ikat.testbed.host.Await;
import io.fabric8.kubernetes.api.model.Config;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.Namespace;
import io.fabric8.kubernetes.api.model.Node;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.ServiceAccountBuilder;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicy;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.dsl.Resource;
import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import io.fabric8.kubernetes.client.utils.Serialization;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The API server that a kubeconfig names. All that is made there is in a namespace of this run's name or, as its nodes,
 * begins with that; it is removed at the end, but not if this process is killed.
 */
final class RealApi implements ClusterApi {
    private static final Map<Kind, Class<? extends HasMetadata>> TYPES = Map.of(
            Kind.NODE,
            Node.class,
            Kind.NAMESPACE,
            Namespace.class,
            Kind.POD,
            Pod.class,
            Kind.POLICY,
            NetworkPolicy.class);
    private static final Duration LIMIT = Duration.ofSeconds(30);

    private final Path file;
    private final KubernetesClient client;
    private final String runName = "ikat-it-" + Long.toString(System.currentTimeMillis(), 36);
    private final Map<String, HasMetadata> made = new LinkedHashMap<>();

    RealApi(String file) {
        this.file = Path.of(file).toAbsolutePath();
        this.client = new KubernetesClientBuilder()
                .withConfig(io.fabric8.kubernetes.client.Config.fromKubeconfig(this.file.toFile()))
                .build();
    }

    @Override
    public String runName() {
        return runName;
    }

    @Override
    public InetSocketAddress address() {
        URI uri = URI.create(client.getConfiguration().getMasterUrl());
        int port = uri.getPort() > 0 ? uri.getPort() : uri.getScheme().equals("https") ? 443 : 80;
        return new InetSocketAddress(uri.getHost(), port);
    }

    @Override
    public String kubeconfig(InetSocketAddress relay) {
        Config config = Serialization.unmarshal(read(file), Config.class);
        String scheme = URI.create(client.getConfiguration().getMasterUrl()).getScheme();
        config.getClusters().forEach(named -> {
            named.getCluster().setServer("%s://%s:%d".formatted(scheme, relay.getHostString(), relay.getPort()));
            // Its certificate is for another address, and the way there is within this process.
            named.getCluster().setInsecureSkipTlsVerify(scheme.equals("https"));
            named.getCluster().setCertificateAuthority(null);
            named.getCluster().setCertificateAuthorityData(null);
        });
        config.getUsers().forEach(named -> {
            // Files are not seen in containers.
            var user = named.getUser();
            if (user.getClientCertificate() != null) {
                user.setClientCertificateData(encoded(user.getClientCertificate()));
                user.setClientCertificate(null);
            }
            if (user.getClientKey() != null) {
                user.setClientKeyData(encoded(user.getClientKey()));
                user.setClientKey(null);
            }
        });
        return Serialization.asYaml(config);
    }

    private String encoded(String reference) {
        try {
            return Base64.getEncoder().encodeToString(Files.readAllBytes(file.resolveSibling(reference)));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void put(Kind kind, String name, String json) {
        HasMetadata object = Serialization.unmarshal(json, Objects.requireNonNull(TYPES.get(kind)));
        Resource<HasMetadata> resource = client.resource(object);
        made.put(key(kind, name), object);
        if (resource.get() == null) {
            resource.create();
        } else if (kind == Kind.POLICY) {
            resource.update();
        }
        if (kind == Kind.NODE || kind == Kind.POD) {
            // Whatever controllers make of it meanwhile.
            resource.subresource("status").patch(PatchContext.of(PatchType.JSON_MERGE), json);
        }
        if (kind == Kind.NAMESPACE) {
            awaitServiceAccount(name);
        }
    }

    /** Pods need one, which is made a moment after the namespace, where a controller manager runs. */
    private void awaitServiceAccount(String namespace) {
        var account = client.resource(new ServiceAccountBuilder()
                .withNewMetadata()
                .withName("default")
                .withNamespace(namespace)
                .endMetadata()
                .build());
        Await.until(LIMIT, () -> "no service account in " + namespace, () -> account.get() != null);
    }

    @Override
    public void remove(Kind kind, String name) {
        @Nullable HasMetadata object = made.remove(key(kind, name));
        if (object == null) {
            throw new IllegalArgumentException("there is no " + kind + " " + name);
        }
        client.resource(object).withGracePeriod(0).delete();
    }

    private static String key(Kind kind, String name) {
        return kind + "/" + name;
    }

    @Override
    public void close() {
        made.values().stream()
                .toList()
                .reversed()
                .forEach(object -> client.resource(object).withGracePeriod(0).delete());
        client.close();
    }
}
