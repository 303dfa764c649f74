package dev.ikat.cni;

import dev.ikat.model.InterfaceName;
import java.nio.file.Path;

/** Pods of this host have their leases in another directory than the one that this process was told to use. */
public final class ForeignStoreException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    ForeignStoreException(InterfaceName hostEnd, String other, Path own) {
        super("pods of this host, such as the one behind " + hostEnd + ", have their leases in " + other + ", not in "
                + own + "; a host needs a single lease store, or addresses would be assigned twice: use the "
                + "former run directory (--run-dir of the agent, IKAT_RUN_DIR of the plugin), or end these "
                + "pods first");
    }
}
