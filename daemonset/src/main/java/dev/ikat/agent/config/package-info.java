/**
 * The settings: read from the command line, the environment and a file, in that precedence, and validated before
 * anything is started. {@link dev.ikat.agent.config.Setting} lists them all; {@link dev.ikat.agent.config.AgentOptions}
 * has their values. Whoever is configured by them takes values, never a setting by its name.
 */
@NullMarked
package dev.ikat.agent.config;

import org.jspecify.annotations.NullMarked;
