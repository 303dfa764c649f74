package dev.ikat.bench;

import dev.ikat.backendtests.RoutedNode;
import dev.ikat.cluster.ClusterChange;
import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.EndpointSlice;
import dev.ikat.cluster.EndpointSlice.Condition;
import dev.ikat.cluster.EndpointSlice.Hints;
import dev.ikat.cluster.Protocol;
import dev.ikat.cluster.Service;
import dev.ikat.cluster.ServiceCidr;
import dev.ikat.kubernetes.ApiTestServer;
import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.policy.program.DirectionProgram;
import dev.ikat.policy.program.Endpoint;
import dev.ikat.policy.program.PodProgram;
import dev.ikat.policy.program.PolicyProgram;
import dev.ikat.testbed.host.TestNamespace;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Services with five endpoints each, as objects and as the API's JSON. The endpoints of the first are the server of a
 * {@link BenchLane}, which gets four more addresses for that; the others' exist nowhere.
 *
 * @param count how many services
 */
record SampleServices(int count) {
    /** How many endpoints each has. */
    static final int ENDPOINTS = 5;

    private static final String NAMESPACE = "bench";
    private static final int PORT = 80;

    /** 10.96.0.10, 10.128.0.0 and 10.244.1.100. */
    private static final int FIRST_ADDRESS = 10 << 24 | 96 << 16 | 10;

    private static final int FIRST_ENDPOINT = 10 << 24 | 128 << 16;
    private static final int FIRST_OF_SERVER = 10 << 24 | 244 << 16 | 1 << 8 | 100;

    /** The paths of the API's lists. */
    static final String SERVICES_PATH = "/api/v1/services";

    static final String SLICES_PATH = "/apis/discovery.k8s.io/v1/endpointslices";

    /** Where a service is reached. */
    static InetSocketAddress address(int number) {
        return new InetSocketAddress(ip(number).toInetAddress(), PORT);
    }

    private static IpAddress ip(int number) {
        return IpAddress.v4(FIRST_ADDRESS + number);
    }

    /** Gives the server the addresses of the first service's endpoints. */
    static void addEndpoints(BenchLane lane) {
        TestNamespace node = lane.node.namespace();
        String link = RoutedNode.endpoint(1).hostInterface().value();
        // Netfilter translates only what the node has a route for.
        node.ip("route", "add", "10.96.0.0/12", "dev", link);
        for (IpAddress endpoint : endpoints(0, ENDPOINTS)) {
            lane.server.ip("addr", "add", endpoint + "/32", "dev", "eth0");
            node.ip(
                    "route",
                    "add",
                    endpoint + "/32",
                    "via",
                    BenchLane.address(1).toString(),
                    "dev",
                    link,
                    "onlink");
        }
    }

    /** The server with these addresses, and the client, both of which may do everything. */
    static PolicyProgram pods() {
        Endpoint server = RoutedNode.endpoint(1);
        List<IpAddress> addresses = new ArrayList<>(server.addresses());
        addresses.addAll(endpoints(0, ENDPOINTS));
        return new PolicyProgram(
                Map.of(),
                Stream.of(
                                new Endpoint(server.attachment(), server.hostInterface(), addresses, server.pod()),
                                RoutedNode.endpoint(2))
                        .map(pod -> new PodProgram(pod, DirectionProgram.OPEN, DirectionProgram.OPEN))
                        .collect(Collectors.toMap(pod -> pod.endpoint().hostInterface(), Function.identity())));
    }

    private static List<IpAddress> endpoints(int number, int some) {
        return IntStream.range(0, some)
                .mapToObj(
                        i -> IpAddress.v4(number == 0 ? FIRST_OF_SERVER + i : FIRST_ENDPOINT + number * ENDPOINTS + i))
                .toList();
    }

    /** All of them, and the block of their addresses. */
    ClusterChange objects() {
        List<ClusterObject> objects = new ArrayList<>();
        objects.add(new ServiceCidr("kubernetes", List.of(Cidr.parse("10.96.0.0/12"))));
        for (int i = 0; i < count; i++) {
            objects.add(service(i));
            objects.add(slice(i, ENDPOINTS));
        }
        return new ClusterChange(objects, List.of(), List.of());
    }

    private static Service service(int number) {
        return new Service(
                NAMESPACE,
                "service-" + number,
                Service.Type.CLUSTER_IP,
                List.of(ip(number)),
                List.of(new Service.Port("", Protocol.TCP, PORT, 0)),
                Service.External.NONE,
                Service.TrafficPolicy.CLUSTER,
                Optional.empty(),
                false,
                Optional.empty());
    }

    private static EndpointSlice slice(int number, int some) {
        return new EndpointSlice(
                NAMESPACE,
                "slice-" + number,
                "service-" + number,
                Optional.of(IpFamily.IPV4),
                List.of(new EndpointSlice.Port("", Protocol.TCP, BenchLane.PORT)),
                endpoints(number, some).stream()
                        .map(ip -> new EndpointSlice.Endpoint(ip, Condition.READY, Optional.empty(), Hints.NONE))
                        .toList());
    }

    /** Gives them to an API. */
    void fill(ApiTestServer api) {
        for (int i = 0; i < count; i++) {
            api.put(SERVICES_PATH, "service-" + i, serviceJson(i));
            api.put(SLICES_PATH, "slice-" + i, sliceJson(i, ENDPOINTS));
        }
    }

    /** A service gets another number of endpoints. */
    static ClusterChange scale(int number, int from, int to) {
        return new ClusterChange(
                List.of(), List.of(new ClusterChange.Update(slice(number, from), slice(number, to))), List.of());
    }

    /** A service as the API has it. */
    static String serviceJson(int number) {
        return """
                {"kind":"Service","apiVersion":"v1","metadata":{"name":"service-%d","namespace":"%s","uid":"s-%d"},
                 "spec":{"type":"ClusterIP","clusterIP":"%s","clusterIPs":["%s"],"ipFamilies":["IPv4"],
                  "ipFamilyPolicy":"SingleStack","sessionAffinity":"None","internalTrafficPolicy":"Cluster",
                  "ports":[{"protocol":"TCP","port":%d,"targetPort":%d}],"selector":{"app":"a%d"}},
                 "status":{"loadBalancer":{}}}
                """.formatted(number, NAMESPACE, number, ip(number), ip(number), PORT, BenchLane.PORT, number);
    }

    /** Its endpoint slice, with so many endpoints. */
    static String sliceJson(int number, int some) {
        return """
                {"kind":"EndpointSlice","apiVersion":"discovery.k8s.io/v1",
                 "metadata":{"name":"slice-%d","namespace":"%s","uid":"e-%d","labels":{"kubernetes.io/service-name":"service-%d"}},
                 "addressType":"IPv4","ports":[{"name":"","protocol":"TCP","port":%d}],"endpoints":[%s]}
                """.formatted(
                        number,
                        NAMESPACE,
                        number,
                        number,
                        BenchLane.PORT,
                        endpoints(number, some).stream()
                                .map(ip -> "{\"addresses\":[\"" + ip
                                        + "\"],\"conditions\":{\"ready\":true,\"serving\":true,\"terminating\":false}}")
                                .collect(Collectors.joining(",")));
    }
}
