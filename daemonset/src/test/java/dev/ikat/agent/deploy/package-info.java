/** What is installed in clusters: manifests and image, held to Kubernetes' schema and run as they are. */
@NullMarked
package dev.ikat.agent.deploy;

import org.jspecify.annotations.NullMarked;
