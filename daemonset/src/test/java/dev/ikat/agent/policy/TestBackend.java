package dev.ikat.agent.policy;

import dev.ikat.backendtests.InNamespace;
import dev.ikat.dataplane.PolicyBackend;
import dev.ikat.ebpf.EbpfBackend;
import dev.ikat.ebpf.EbpfSettings;
import dev.ikat.iptables.IptablesBackend;
import dev.ikat.iptables.IptablesVariant;
import dev.ikat.iptables.Programs;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.nftables.NftablesBackend;
import dev.ikat.nftables.NftablesTable;
import dev.ikat.testbed.host.TestNamespace;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/** Each backend, as an agent has it. */
enum TestBackend {
    NFTABLES {
        @Override
        PolicyBackend open(TestNamespace node) {
            NftablesTable table = InNamespace.call(node.path(), () -> NftablesTable.open(true));
            return new NftablesBackend(table, OptionalInt.empty());
        }
    },
    IPTABLES_LEGACY {
        @Override
        PolicyBackend open(TestNamespace node) {
            return iptables(node, IptablesVariant.LEGACY);
        }
    },
    IPTABLES_NFT {
        @Override
        PolicyBackend open(TestNamespace node) {
            return iptables(node, IptablesVariant.NFT);
        }
    },
    EBPF {
        @Override
        PolicyBackend open(TestNamespace node) {
            return new EbpfBackend(
                    NetworkNamespace.open(node.path()), EbpfSettings.USUAL, Optional::empty, Optional.empty());
        }
    };

    /** Opens it in the namespace of a node. */
    abstract PolicyBackend open(TestNamespace node);

    private static PolicyBackend iptables(TestNamespace node, IptablesVariant variant) {
        return new IptablesBackend(new Programs(node.entering(List.of())), variant, OptionalInt.empty());
    }
}
