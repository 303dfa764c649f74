/**
 * A policy program as rows: {@link dev.ikat.ebpf.program.Tables} says which rows a change makes,
 * {@link dev.ikat.ebpf.program.Generation} has the maps that hold them. Rows come in force together, by the one number
 * that says which of two versions counts; what a version refers to is never changed, and goes only when nothing refers
 * to it any more.
 */
@NullMarked
package dev.ikat.ebpf.program;

import org.jspecify.annotations.NullMarked;
