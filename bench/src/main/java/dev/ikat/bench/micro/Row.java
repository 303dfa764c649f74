package dev.ikat.bench.micro;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/** A benchmark that has a row in the table, with what it is compared with and what it is to reach. */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.METHOD)
@interface Row {
    /** What is measured. */
    String value();

    /** What it is compared with; empty if with nothing. */
    String beside() default "";

    /** The benchmark of that, a method of the same class. */
    String peer() default "";

    /** How many times the peer's time it may take at most; 0 if there is no aim. */
    double atMostTimes() default 0;

    /** How many microseconds it may take at most; 0 if there is no aim. */
    double atMostMicroseconds() default 0;
}
