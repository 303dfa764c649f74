package dev.ikat.controller;

import dev.ikat.controller.allocation.Rules;
import dev.ikat.kubernetes.ApiAddress;
import java.util.Objects;

/**
 * What the controller is told.
 *
 * @param api the cluster's API
 * @param rules which services get addresses
 * @param leaseNamespace where the lease is that its replicas hold in turn
 * @param leaseName the lease's name
 * @param identity the name of this replica, which no other has
 */
public record ControllerOptions(ApiAddress api, Rules rules, String leaseNamespace, String leaseName, String identity) {
    public ControllerOptions {
        Objects.requireNonNull(api, "api");
        Objects.requireNonNull(rules, "rules");
        Objects.requireNonNull(leaseNamespace, "leaseNamespace");
        Objects.requireNonNull(leaseName, "leaseName");
        Objects.requireNonNull(identity, "identity");
    }
}
