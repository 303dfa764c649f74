@NullMarked
package dev.ikat.ebpf.kernel;

import org.jspecify.annotations.NullMarked;
