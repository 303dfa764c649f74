package dev.ikat.cni;

import dev.ikat.ipam.Lease;

/** Who keeps pods to their policy, supplied by the plugin's host. Thread-safe. */
public interface PodPolicy {
    /** Keeps nobody to anything: for a host without a cluster. */
    PodPolicy NONE = new PodPolicy() {
        @Override
        public Enforcement enforce(Lease lease) {
            return () -> {};
        }

        @Override
        public void release(Lease lease) {}
    };

    /**
     * Begins to keep the lease's pod to its policy. Its link may not be there yet; nothing is different if the policy
     * is in force already.
     */
    Enforcement enforce(Lease lease);

    /** Ends it, now or soon, and before any later {@link #enforce} begins. Nothing happens where nothing was begun. */
    void release(Lease lease);

    /** Policy that is being put in force; when it is waited for, the link is there and its routes are not. */
    @FunctionalInterface
    interface Enforcement {
        /**
         * Returns when it is in force.
         *
         * @throws CniException if it can't be, {@link CniError#TRY_AGAIN_LATER} where that will pass
         */
        void await();
    }
}
