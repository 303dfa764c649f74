@NullMarked
package dev.ikat.agent.reconcile;

import org.jspecify.annotations.NullMarked;
