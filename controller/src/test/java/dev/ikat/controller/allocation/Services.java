package dev.ikat.controller.allocation;

import dev.ikat.cluster.AddressBlock;
import dev.ikat.cluster.AddressPool;
import dev.ikat.cluster.LabelSelector;
import dev.ikat.cluster.Labels;
import dev.ikat.cluster.LoadBalancerService;
import dev.ikat.cluster.LoadBalancerService.Demand;
import dev.ikat.cluster.LoadBalancerService.Port;
import dev.ikat.cluster.LoadBalancerService.Traffic;
import dev.ikat.cluster.Protocol;
import dev.ikat.cluster.Reported;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Services and pools in the words of tests. */
final class Services {
    static final Demand ANY = new Demand(
            Optional.of("ikat.dev/lb"), List.of(IpFamily.IPV4), false, List.of(), Optional.empty(), Optional.empty());

    private Services() {}

    static Demand dual(boolean all) {
        return new Demand(
                ANY.loadBalancerClass(),
                List.of(IpFamily.IPV4, IpFamily.IPV6),
                all,
                List.of(),
                Optional.empty(),
                Optional.empty());
    }

    static Demand asking(String... addresses) {
        List<IpAddress> asked = Arrays.stream(addresses).map(IpAddress::parse).toList();
        return new Demand(
                ANY.loadBalancerClass(),
                asked.stream().map(IpAddress::family).toList(),
                false,
                asked,
                Optional.empty(),
                Optional.empty());
    }

    static Demand from(String pool) {
        return new Demand(
                ANY.loadBalancerClass(), ANY.families(), false, List.of(), Optional.of(pool), Optional.empty());
    }

    /** A service that was created so many seconds after the epoch. */
    static LoadBalancerService service(String name, int age, Demand demand, String... ingress) {
        return new LoadBalancerService(
                "shop",
                name,
                Labels.NONE,
                Optional.of(demand),
                new Traffic(Optional.empty(), Set.of(new Port(Protocol.TCP, 80)), false, Labels.NONE),
                addresses(ingress),
                Optional.of(Instant.ofEpochSecond(age)),
                "",
                "1");
    }

    static LoadBalancerService sharing(LoadBalancerService service, String key, int port) {
        return new LoadBalancerService(
                service.namespace(),
                service.name(),
                service.labels(),
                service.demand(),
                new Traffic(Optional.of(key), Set.of(new Port(Protocol.TCP, port)), false, Labels.NONE),
                service.ingress(),
                service.created(),
                service.uid(),
                service.resourceVersion());
    }

    static List<IpAddress> addresses(String... texts) {
        return Arrays.stream(texts).map(IpAddress::parse).toList();
    }

    static AddressPool pool(String name, String... blocks) {
        return pool(name, 0, Reported.NOTHING, blocks);
    }

    static AddressPool pool(String name, int age, Reported reported, String... blocks) {
        return new AddressPool(
                name,
                Arrays.stream(blocks).map(AddressBlock::parse).toList(),
                true,
                LabelSelector.EVERYTHING,
                LabelSelector.EVERYTHING,
                Optional.of(Instant.ofEpochSecond(age)),
                reported);
    }
}
