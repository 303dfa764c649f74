/**
 * What a cluster does with network policies, case by case: policies as manifests, a table of who then reaches whom
 * written by hand, what the evaluator makes of the same manifests, and real connections between real pods. The cases
 * are text files in this package's resources; docs/conformance.md lists them.
 */
@NullMarked
package dev.ikat.agent.conformance;

import org.jspecify.annotations.NullMarked;
