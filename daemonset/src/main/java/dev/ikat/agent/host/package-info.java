/** What other programs of the host have to be told about Ikat. */
@NullMarked
package dev.ikat.agent.host;

import org.jspecify.annotations.NullMarked;
