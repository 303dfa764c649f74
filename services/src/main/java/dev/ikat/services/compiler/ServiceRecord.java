package dev.ikat.services.compiler;

import dev.ikat.cluster.EndpointSlice;
import dev.ikat.cluster.Service;
import java.util.Collection;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/** What the compiler knows of one service: the object, its endpoints, and what became of them. */
final class ServiceRecord {
    private Optional<Service> service = Optional.empty();
    private final SortedMap<String, EndpointSlice> slices = new TreeMap<>();
    private ServiceTranslation.Result result = ServiceTranslation.Result.NOTHING;

    Optional<Service> service() {
        return service;
    }

    void become(Optional<Service> object) {
        service = object;
    }

    void put(EndpointSlice slice) {
        slices.put(slice.name(), slice);
    }

    void remove(EndpointSlice slice) {
        slices.remove(slice.name());
    }

    /** Its slices, by their names. */
    Collection<EndpointSlice> slices() {
        return slices.values();
    }

    /** Whether nothing is known of it. */
    boolean isEmpty() {
        return service.isEmpty() && slices.isEmpty();
    }

    /** What became of it when it was last translated. */
    ServiceTranslation.Result result() {
        return result;
    }

    void become(ServiceTranslation.Result other) {
        result = other;
    }
}
