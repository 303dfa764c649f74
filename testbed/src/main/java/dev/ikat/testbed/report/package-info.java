/** Text for a terminal: colours, progress, tables. */
@NullMarked
package dev.ikat.testbed.report;

import org.jspecify.annotations.NullMarked;
