@NullMarked
package dev.ikat.files;

import org.jspecify.annotations.NullMarked;
