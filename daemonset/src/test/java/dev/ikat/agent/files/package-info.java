@NullMarked
package dev.ikat.agent.files;

import org.jspecify.annotations.NullMarked;
