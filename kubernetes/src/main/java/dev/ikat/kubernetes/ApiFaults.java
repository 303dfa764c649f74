package dev.ikat.kubernetes;

import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.InvalidObjectException;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.Restricting;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Which objects of one kind the API said in a way that can't be read, and what is in force of them: what they were when
 * they could be read last, and of a policy that never could as much as can be, such that it fails closed. Not
 * thread-safe.
 */
final class ApiFaults {
    private static final Logger LOG = LoggerFactory.getLogger(ApiFaults.class);
    private static final String PARTLY =
            "what can be read of it is in force: the rest allows nothing, and its pods are isolated";
    private static final String FORMER = "its former state stays in force";
    private static final String NOTHING = "it is ignored";

    private final Map<ObjectKey, SourceFault> byKey = new HashMap<>();
    /** Of objects of which it can't be said which they are: the reasons. */
    private final Set<String> nameless = new TreeSet<>();

    /** Which object it is; empty if that can't be said, and then nothing can be done about it. */
    Optional<ObjectKey> key(ApiObject said, ApiFaults known) {
        try {
            return Optional.of(said.key());
        } catch (InvalidObjectException | ManifestFaultException e) {
            String reason = reason(e);
            if (nameless.add(reason) && (known == this || !known.nameless.contains(reason))) {
                LOG.atWarn()
                        .addKeyValue("kind", said.kind().title())
                        .addKeyValue("reason", reason)
                        .log("api-object-unnamed");
            }
            return Optional.empty();
        }
    }

    private static String reason(RuntimeException e) {
        return e instanceof ManifestFaultException faults
                ? ApiObject.reasons(faults.faults())
                : String.valueOf(e.getMessage());
    }

    /** The object is not there any more. Which one it was is empty if that can't be said. */
    Optional<ObjectKey> forget(ApiObject said) {
        try {
            ObjectKey key = said.key();
            byKey.remove(key);
            return Optional.of(key);
        } catch (InvalidObjectException | ManifestFaultException e) {
            nameless.remove(reason(e));
            return Optional.empty();
        }
    }

    /**
     * What the object is from now on.
     *
     * @param before what it was; null if it was not there
     * @param known what was told of before, and is not told again
     * @return empty if it stays as it was
     */
    Optional<ClusterObject> read(ApiObject said, ObjectKey key, @Nullable ClusterObject before, ApiFaults known) {
        ObjectForm.Reading<? extends ClusterObject> reading = said.read();
        if (reading.faults().isEmpty()) {
            byKey.remove(key);
            return reading.object().map(object -> object);
        }
        boolean wasGood = before != null && !isPart(before);
        Optional<ClusterObject> part =
                wasGood ? Optional.empty() : reading.object().map(object -> object);
        String reasons = ApiObject.reasons(reading.faults());
        SourceFault fault = fault(key, reasons, part.isPresent() ? PARTLY : before != null ? FORMER : NOTHING);
        if (!fault.equals(known.byKey.get(key))) {
            LOG.atWarn().addKeyValue("fault", fault).log("api-object-refused");
        }
        byKey.put(key, fault);
        return part;
    }

    private static boolean isPart(ClusterObject object) {
        return object instanceof Restricting policy && !policy.complete();
    }

    private static SourceFault fault(ObjectKey key, String reasons, String instead) {
        return new SourceFault(key.toString(), reasons + " (" + instead + ")", Optional.of(key));
    }

    /** An object comes from elsewhere, as it was read then. */
    void take(ClusterObject object) {
        if (object instanceof Restricting policy && !policy.complete()) {
            byKey.put(policy.key(), fault(policy.key(), String.join("; ", policy.unreadable()), PARTLY));
        }
    }

    /** All of them, in a stable order. */
    List<SourceFault> all(ApiKind<?> kind) {
        List<SourceFault> all = new ArrayList<>();
        nameless.forEach(reason ->
                all.add(new SourceFault(kind.title(), "one of them has no valid name and is ignored: " + reason)));
        byKey.entrySet().stream().sorted(Map.Entry.comparingByKey()).forEach(entry -> all.add(entry.getValue()));
        return all;
    }
}
