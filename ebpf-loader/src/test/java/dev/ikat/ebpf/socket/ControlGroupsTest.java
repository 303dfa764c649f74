package dev.ikat.ebpf.socket;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ControlGroupsTest {
    private static final String OTHER = "23 28 0:21 / /proc rw,nosuid shared:12 - proc proc rw";

    @Test
    void hostHasOneTree() {
        assertThat(ControlGroups.top(List.of(
                        OTHER,
                        "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755",
                        "37 31 0:34 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids",
                        "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:9 master:3 - cgroup2 cgroup2 rw")))
                .contains(Path.of("/sys/fs/cgroup/unified"));
    }

    @Test
    void containerWithItsOwnRootTakesTheHostsTreeWhereThatIsMounted() {
        assertThat(ControlGroups.top(List.of(
                        "650 640 0:26 / /sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw",
                        "670 640 0:26 /../../../.. /host/sys/fs/cgroup ro,relatime - cgroup2 cgroup2 rw")))
                .contains(Path.of("/host/sys/fs/cgroup"));
    }

    @Test
    void containerThatSeesTheHostsRootTakesThat() {
        assertThat(ControlGroups.top(List.of(
                        "670 640 0:26 / /host/sys/fs/a\\040b/unified ro,relatime - cgroup2 cgroup2 rw",
                        "650 640 0:26 /kubepods/pod1/c2 /sys/fs/cgroup/unified ro,nosuid - cgroup2 cgroup rw")))
                .contains(Path.of("/host/sys/fs/a b/unified"));
    }

    @Test
    void withoutATreeThereIsNone() {
        assertThat(ControlGroups.top(List.of(OTHER, ""))).isEmpty();
    }

    @Test
    void variableNamesAnother() {
        assertThat(ControlGroups.top(Map.of("IKAT_CGROUP", "/some/group"))).contains(Path.of("/some/group"));
    }
}
