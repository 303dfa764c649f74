@NullMarked
package dev.ikat.ebpf.program;

import org.jspecify.annotations.NullMarked;
