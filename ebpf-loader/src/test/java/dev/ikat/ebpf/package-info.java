@NullMarked
package dev.ikat.ebpf;

import org.jspecify.annotations.NullMarked;
