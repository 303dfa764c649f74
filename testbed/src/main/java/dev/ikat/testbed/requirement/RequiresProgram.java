package dev.ikat.testbed.requirement;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * The test calls these programs; it is skipped, naming the missing one, unless all are on the PATH or are absolute
 * paths.
 */
@Target({ElementType.TYPE, ElementType.METHOD})
@Retention(RetentionPolicy.RUNTIME)
@ExtendWith(Requirements.class)
public @interface RequiresProgram {
    /** Names looked up on the PATH (and in the sbin directories), or absolute paths. */
    String[] value();
}
