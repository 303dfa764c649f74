package dev.ikat.cluster;

import java.util.Objects;

/**
 * What an object's status says of it (meta/v1 Condition), without the time.
 *
 * @param type what it is about, as in {@code Accepted}
 * @param holds whether it is so: {@code status} True or False
 * @param reason one word for programs, in capitals as in {@code PasswordMissing}
 * @param message a sentence for people
 * @param observedGeneration which generation of the object it is about
 */
public record ObjectCondition(String type, boolean holds, String reason, String message, long observedGeneration) {
    public ObjectCondition {
        Objects.requireNonNull(type, "type");
        Objects.requireNonNull(reason, "reason");
        Objects.requireNonNull(message, "message");
    }
}
