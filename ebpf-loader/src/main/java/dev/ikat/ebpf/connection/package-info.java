/**
 * Open connections that the programs themselves remember: read, handed over between the kernel's connection tracking
 * and this table, ended, and swept once they are over.
 */
@NullMarked
package dev.ikat.ebpf.connection;

import org.jspecify.annotations.NullMarked;
