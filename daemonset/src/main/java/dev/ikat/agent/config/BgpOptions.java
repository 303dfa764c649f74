package dev.ikat.agent.config;

import dev.ikat.bgp.BgpSettings;
import java.nio.file.Path;

/**
 * What the operator wants of BGP.
 *
 * @param spoken whether this node speaks it
 * @param settings what it is to speak
 * @param passwords the directory of the passwords, a file each
 */
public record BgpOptions(boolean spoken, BgpSettings settings, Path passwords) {}
