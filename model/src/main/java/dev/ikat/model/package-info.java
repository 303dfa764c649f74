/**
 * Immutable values, parsed once at the border and passed on as themselves: IP addresses and prefixes, link-layer
 * addresses, interface names, and the identifiers that the Container Network Interface (CNI) gives to containers and
 * networks. Every constructor validates and throws {@link IllegalArgumentException} with the value and the rule, so
 * that a value that exists is valid.
 *
 * <p>Every other module uses this one, and it uses only the JDK.
 */
@NullMarked
package dev.ikat.model;

import org.jspecify.annotations.NullMarked;
