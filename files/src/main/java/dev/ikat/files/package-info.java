/**
 * Directories and files of the agent's own, made and replaced so that nobody else's link is followed and nobody else
 * can put anything in their place.
 */
@NullMarked
package dev.ikat.files;

import org.jspecify.annotations.NullMarked;
