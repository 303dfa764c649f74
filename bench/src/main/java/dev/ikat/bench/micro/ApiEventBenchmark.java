package dev.ikat.bench.micro;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.Labels;
import dev.ikat.cluster.Pod;
import dev.ikat.kubernetes.ApiObjects;
import io.fabric8.kubernetes.client.utils.KubernetesSerialization;
import java.io.ByteArrayInputStream;
import java.util.List;
import java.util.Optional;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/** The cost of an event of the API: a pod of some 3 KiB is read, and added to the table of all pods. */
@State(Scope.Benchmark)
public class ApiEventBenchmark {
    private static final int PODS = 1 << 12;

    /** Half of what an API server sends is about who wrote which field. */
    private static final byte[] POD = """
            {"apiVersion":"v1","kind":"Pod","metadata":{"name":"cart-7c9f8d5b6c-x2x7p","generateName":"cart-7c9f8d5b6c-",
             "namespace":"shop","uid":"5a0c9a2e-2b1f-4a3e-9d36-0f6b6a0c7c11","resourceVersion":"8812345",
             "creationTimestamp":"2026-01-02T03:04:05Z","labels":{"app":"cart","app.kubernetes.io/part-of":"shop",
             "pod-template-hash":"7c9f8d5b6c"},"ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet",
             "name":"cart-7c9f8d5b6c","uid":"0b1c","controller":true,"blockOwnerDeletion":true}],
             "managedFields":[{"manager":"kube-controller-manager","operation":"Update","apiVersion":"v1",
             "time":"2026-01-02T03:04:05Z","fieldsType":"FieldsV1","fieldsV1":{"f:metadata":{"f:generateName":{},
             "f:labels":{".":{},"f:app":{},"f:pod-template-hash":{}},"f:ownerReferences":{".":{},"k:{\\"uid\\":\\"0b1c\\"}":
             {}}},"f:spec":{"f:containers":{"k:{\\"name\\":\\"cart\\"}":{".":{},"f:image":{},"f:imagePullPolicy":{},
             "f:name":{},"f:ports":{".":{},"k:{\\"containerPort\\":8080,\\"protocol\\":\\"TCP\\"}":{".":{},
             "f:containerPort":{},"f:name":{},"f:protocol":{}}},"f:resources":{".":{},"f:limits":{".":{},"f:cpu":{},
             "f:memory":{}}}}},"f:dnsPolicy":{},"f:restartPolicy":{},"f:schedulerName":{}}}},{"manager":"kubelet",
             "operation":"Update","apiVersion":"v1","time":"2026-01-02T03:04:09Z","fieldsType":"FieldsV1","fieldsV1":
             {"f:status":{"f:conditions":{"k:{\\"type\\":\\"Ready\\"}":{".":{},"f:lastTransitionTime":{},"f:status":{},
             "f:type":{}}},"f:containerStatuses":{},"f:hostIP":{},"f:phase":{},"f:podIP":{},"f:podIPs":{".":{},
             "k:{\\"ip\\":\\"10.244.1.7\\"}":{".":{},"f:ip":{}}},"f:startTime":{}}},"subresource":"status"}]},
             "spec":{"volumes":[{"name":"kube-api-access-abcde","projected":{"sources":[{"serviceAccountToken":
             {"expirationSeconds":3607,"path":"token"}}],"defaultMode":420}}],"containers":[{"name":"cart",
             "image":"registry.example/shop/cart:1.2.3","ports":[{"name":"http","containerPort":8080,"protocol":"TCP"}],
             "resources":{"limits":{"cpu":"500m","memory":"256Mi"}},"volumeMounts":[{"name":"kube-api-access-abcde",
             "readOnly":true,"mountPath":"/var/run/secrets/kubernetes.io/serviceaccount"}],
             "imagePullPolicy":"IfNotPresent"}],"restartPolicy":"Always","dnsPolicy":"ClusterFirst","nodeName":"node-7",
             "schedulerName":"default-scheduler","tolerations":[{"key":"node.kubernetes.io/not-ready",
             "operator":"Exists","effect":"NoExecute","tolerationSeconds":300}]},
             "status":{"phase":"Running","conditions":[{"type":"Ready","status":"True",
             "lastTransitionTime":"2026-01-02T03:04:09Z"}],"hostIP":"192.168.1.7","podIP":"10.244.1.7",
             "podIPs":[{"ip":"10.244.1.7"},{"ip":"fd00:10:244:1::7"}],"startTime":"2026-01-02T03:04:05Z",
             "containerStatuses":[{"name":"cart","ready":true,"restartCount":0,"image":"registry.example/shop/cart:1.2.3",
             "imageID":"sha256:0123456789abcdef","containerID":"containerd://0123456789abcdef",
             "state":{"running":{"startedAt":"2026-01-02T03:04:08Z"}}}]}}
            """.getBytes(UTF_8);

    private final KubernetesSerialization fabric8 = new KubernetesSerialization();
    private List<Pod> colliding = List.of();
    private List<Pod> ordinary = List.of();

    private static List<Pod> pods(IntFunction<String> name) {
        return IntStream.range(0, PODS)
                .mapToObj(i -> new Pod(
                        "shop",
                        name.apply(i),
                        Labels.of("app", "cart"),
                        Optional.empty(),
                        List.of(),
                        false,
                        Pod.Phase.RUNNING,
                        List.of()))
                .toList();
    }

    /** Twelve times one of two parts that have the same hash. */
    private static String collidingName(int number) {
        StringBuilder name = new StringBuilder();
        for (int bit = 0; bit < 12; bit++) {
            name.append((number >> bit & 1) == 0 ? "an" : "c0");
        }
        return name.toString();
    }

    /** Creates the pods, and checks that both readers give the same result. */
    @Setup
    public void prepare() {
        colliding = pods(ApiEventBenchmark::collidingName);
        ordinary = pods(i -> "cart-" + Integer.toString(36 * 36 * 36 + i, 36));
        if (!read().name().equals(readByFabric8().getMetadata().getName())) {
            throw new IllegalStateException("the pod is read differently");
        }
    }

    @Benchmark
    @Row(value = "API event: a pod is read", beside = "fabric8's model, by Jackson databind", peer = "readByFabric8")
    public ClusterObject read() {
        return ApiObjects.pod(POD);
    }

    @Benchmark
    public io.fabric8.kubernetes.api.model.Pod readByFabric8() {
        return fabric8.unmarshal(new ByteArrayInputStream(POD), io.fabric8.kubernetes.api.model.Pod.class);
    }

    /** Anybody who can create pods can choose their names. */
    @Benchmark
    @Row(
            value = "API list: 4,096 pods whose names have one hash are put into a table",
            beside = "other names",
            peer = "ordinaryNames",
            atMostMicroseconds = 500_000)
    public int collidingNames() {
        return ApiObjects.inTable(colliding);
    }

    @Benchmark
    public int ordinaryNames() {
        return ApiObjects.inTable(ordinary);
    }
}
