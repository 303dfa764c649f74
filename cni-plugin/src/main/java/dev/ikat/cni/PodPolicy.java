package dev.ikat.cni;

import dev.ikat.ipam.Lease;

/** Enforces pods' policies. Provided by the plugin's process. Thread-safe. */
public interface PodPolicy {
    /** Enforces nothing: for a host without a cluster. */
    PodPolicy NONE = new PodPolicy() {
        @Override
        public Enforcement enforce(Lease lease) {
            return () -> {};
        }

        @Override
        public void release(Lease lease) {}
    };

    /** Begins to enforce the policy of the lease's pod. Its link need not exist yet. Idempotent. */
    Enforcement enforce(Lease lease);

    /**
     * Ends the enforcement, now or soon, but before any later {@link #enforce} begins. Does nothing if none was begun.
     */
    void release(Lease lease);

    /** A policy that is being put in force. When it is awaited, the pod's link exists and its routes do not. */
    @FunctionalInterface
    interface Enforcement {
        /**
         * Returns when it is in force.
         *
         * @throws CniException if it can't be put in force, {@link CniError#TRY_AGAIN_LATER} if that is temporary
         */
        void await();
    }
}
