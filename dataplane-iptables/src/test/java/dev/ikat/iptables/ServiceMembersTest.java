package dev.ikat.iptables;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.model.IpFamily;
import java.util.List;
import org.junit.jupiter.api.Test;

final class ServiceMembersTest {
    private static final ServiceMember ADDRESS = member(ServiceSet.ADDRESSES);
    private static final ServiceMember FRONTEND = member(ServiceSet.FRONTENDS);
    private static final ServiceMember UNSERVED = member(ServiceSet.UNSERVED);

    private final ServiceMembers members = new ServiceMembers(new ServiceNames('a'));

    private static ServiceMember member(ServiceSet set) {
        return new ServiceMember(set, IpFamily.IPV4, "x");
    }

    @Test
    void memberStaysAsLongAsAnythingNeedsIt() {
        members.change(List.of(), List.of(ADDRESS, ADDRESS));

        assertThat(members.change(List.of(ADDRESS), List.of()).gone()).isEmpty();
        assertThat(members.change(List.of(ADDRESS), List.of(ADDRESS)).gone()).isEmpty();
        assertThat(members.change(List.of(ADDRESS), List.of()).gone()).containsExactly(ADDRESS);
    }

    @Test
    void addressesRefuseOnlyWhileTheirFrontendsServe() {
        ServiceMembers.Change come = members.change(List.of(), List.of(ADDRESS, FRONTEND));
        ServiceMembers.Change gone = members.change(List.of(ADDRESS, FRONTEND), List.of());

        assertThat(come.before()).hasToString("add ikatsvc4a-frontends x\n");
        assertThat(come.after()).hasToString("add ikatsvc4a-addresses x\n");
        assertThat(gone.before()).hasToString("del ikatsvc4a-addresses x\n");
        assertThat(gone.after()).hasToString("del ikatsvc4a-frontends x\n");
    }

    @Test
    void whatRefusesIsThereBeforeNothingServesAnyMoreAndGoesOnceSomethingDoes() {
        members.change(List.of(), List.of(FRONTEND));
        ServiceMembers.Change refused = members.change(List.of(FRONTEND), List.of(UNSERVED));

        assertThat(refused.before()).hasToString("add ikatsvc4a-unserved x\n");
        assertThat(refused.after()).hasToString("del ikatsvc4a-frontends x\n");
        assertThat(refused.takeBack()).hasToString("add ikatsvc4a-frontends x\ndel ikatsvc4a-unserved x\n");
    }
}
