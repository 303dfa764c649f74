@NullMarked
package dev.ikat.ebpf.socket;

import org.jspecify.annotations.NullMarked;
