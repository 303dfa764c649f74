package dev.ikat.netlink.route;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ikat.model.InterfaceName;
import dev.ikat.netlink.Errno;
import dev.ikat.netlink.NetlinkException;
import dev.ikat.netlink.Request;
import org.junit.jupiter.api.Test;

final class FakeNetlinkTest extends NetlinkContract {
    private final FakeNetlink fake = new FakeNetlink();

    @Override
    Netlink open() {
        return fake;
    }

    @Override
    RouteEvents listen() {
        return fake.listen();
    }

    @Test
    void whatTheTestWantsRefusedIsRefused() {
        Request create = Requests.create(VxlanSpec.of(new InterfaceName("vx0"), 1, 4789));
        fake.refuse("create vxlan", Errno.EOPNOTSUPP);
        assertThatThrownBy(() -> fake.execute(create))
                .isInstanceOf(NetlinkException.class)
                .hasMessageContaining("EOPNOTSUPP");
        fake.refuseNothing();
        fake.execute(create);
        assertThat(fake.executed()).endsWith(create.toString());
    }
}
