package dev.ikat.kubernetes;

import java.util.List;

/** A part of a manifest can't be read, for one reason or several. Never leaves this package. */
final class ManifestFaultException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final transient List<ManifestFault> faults;

    ManifestFaultException(List<ManifestFault> faults) {
        super(faults.toString(), null, false, false);
        this.faults = List.copyOf(faults);
    }

    List<ManifestFault> faults() {
        return faults;
    }
}
