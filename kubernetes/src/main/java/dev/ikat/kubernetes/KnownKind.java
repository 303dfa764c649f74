package dev.ikat.kubernetes;

import dev.ikat.cluster.ClusterChange;
import dev.ikat.cluster.ClusterObject;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * What is known of one kind. In force is what the API's last whole list said and its events since then, or, before the
 * first list, what was {@linkplain #take taken} from elsewhere; a list that is under way, or breaks off, changes
 * nothing. Not thread-safe.
 */
final class KnownKind {
    private final ApiKind<?> kind;
    private final Interner interner;
    private final ApiMetrics metrics;
    private ObjectTable objects = new ObjectTable();
    private ApiFaults faults = new ApiFaults();
    private ObjectTable incomingObjects = new ObjectTable();
    private ApiFaults incomingFaults = new ApiFaults();
    private boolean listed;
    private boolean settled;
    private boolean absent;
    private Optional<SourceFault> outage = Optional.empty();

    KnownKind(ApiKind<?> kind, Interner interner, ApiMetrics metrics) {
        this.kind = kind;
        this.interner = interner;
        this.metrics = metrics;
    }

    ApiKind<?> kind() {
        return kind;
    }

    /** What the API says from now on is all that there is, when the list ends. */
    void listBegins() {
        incomingObjects = new ObjectTable();
        incomingFaults = new ApiFaults();
    }

    /** An object of the list. */
    void listed(ApiObject said) {
        incomingFaults.key(said, faults).ifPresent(key -> {
            ClusterObject before = objects.get(key);
            incomingFaults
                    .read(said, key, before, faults)
                    .map(object -> interner.intern(kind, object))
                    .or(() -> Optional.ofNullable(before))
                    .ifPresent(
                            object -> incomingObjects.put(before != null && before.equals(object) ? before : object));
        });
    }

    /** The list is in force. */
    ClusterChange listEnds() {
        ObjectTable now = incomingObjects;
        ApiFaults wrong = incomingFaults;
        listBegins();
        return become(now, wrong);
    }

    /** The API does not have the kind: it has no objects. */
    ClusterChange absent() {
        absent = true;
        outage = Optional.empty();
        return become(new ObjectTable(), new ApiFaults());
    }

    private ClusterChange become(ObjectTable now, ApiFaults wrong) {
        ObjectTable before = objects;
        objects = now;
        faults = wrong;
        listed = true;
        boolean toldBefore = settled;
        settled = true;
        // All that there is goes to who has heard of none; a change of it would be made for nobody.
        return toldBefore ? before.changeTo(now) : ClusterChange.NONE;
    }

    /** There is a new object, or it is otherwise. */
    ClusterChange changed(ApiObject said) {
        return faults.key(said, faults)
                .flatMap(key -> {
                    ClusterObject before = objects.get(key);
                    said.written(before == null).ifPresent(written -> metrics.heard(kind, written));
                    return faults.read(said, key, before, faults)
                            .map(object -> interner.intern(kind, object))
                            .filter(object -> !object.equals(before))
                            .map(object -> {
                                objects.put(object);
                                return before == null
                                        ? new ClusterChange(List.of(object), List.of(), List.of())
                                        : new ClusterChange(
                                                List.of(),
                                                List.of(new ClusterChange.Update(before, object)),
                                                List.of());
                            });
                })
                .orElse(ClusterChange.NONE);
    }

    /** An object is gone. */
    ClusterChange deleted(ApiObject said) {
        return faults.forget(said)
                .flatMap(key -> Optional.ofNullable(objects.remove(key)))
                .map(before -> new ClusterChange(List.of(), List.of(), List.of(before)))
                .orElse(ClusterChange.NONE);
    }

    /** Takes an object from an earlier run, of a kind that the API has said nothing of. */
    void take(ClusterObject object) {
        objects.put(interner.intern(kind, object));
        faults.take(object);
    }

    /** What is there has to do as all that there is, although the API has not listed it. */
    void settle() {
        settled = true;
    }

    /** Whether what is in force is all that there is, as far as anybody can say. */
    boolean isSettled() {
        return settled;
    }

    /** Whether the API itself has said what there is. */
    boolean isListed() {
        return listed;
    }

    /** Changes are heard as they happen from now on; returns whether they were not before. */
    boolean connected() {
        boolean before = outage.isPresent() || absent;
        outage = Optional.empty();
        absent = false;
        return before;
    }

    /** Changes are not heard any more; returns whether that is news. */
    boolean disconnected(String reason) {
        Optional<SourceFault> before = outage;
        outage = Optional.of(new SourceFault(kind.title(), reason));
        return !outage.equals(before);
    }

    /** Why changes are not heard, if they are not. */
    Optional<SourceFault> outage() {
        return outage;
    }

    /** What is wrong with objects of it. */
    List<SourceFault> faults() {
        return faults.all(kind);
    }

    /** How many objects are in force. */
    int size() {
        return objects.size();
    }

    /** Visits each object in force, in no order. */
    void forEach(Consumer<ClusterObject> visitor) {
        objects.forEach(visitor);
    }

    /** Whether the API was last heard to have no such kind. */
    boolean isAbsent() {
        return absent;
    }
}
