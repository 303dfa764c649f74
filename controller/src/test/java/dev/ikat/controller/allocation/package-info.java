@NullMarked
package dev.ikat.controller.allocation;

import org.jspecify.annotations.NullMarked;
