@NullMarked
package dev.ikat.ebpf.service;

import org.jspecify.annotations.NullMarked;
