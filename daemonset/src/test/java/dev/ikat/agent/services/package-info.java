@NullMarked
package dev.ikat.agent.services;

import org.jspecify.annotations.NullMarked;
