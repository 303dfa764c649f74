package dev.ikat.bgp;

import static dev.ikat.bgp.BgpScene.advertisement;
import static dev.ikat.bgp.BgpScene.node;
import static dev.ikat.bgp.BgpScene.passwords;
import static dev.ikat.bgp.BgpScene.peer;
import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.cluster.BgpAdvertisement;
import dev.ikat.cluster.BgpPeer;
import dev.ikat.cluster.LabelSelector;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

class PeerReviewTest {
    private final PeerReview review = new PeerReview();
    private final List<BgpNode> nodes = List.of(node(1, "rack", "a"), node(2, "rack", "b"));

    private PeerReview.Result review(Passwords passwords, BgpPeer... peers) {
        return review.review(List.of(peers), List.of(), nodes, passwords);
    }

    private static BgpPeer signed(String key, String address) {
        return peer("tor", address, LabelSelector.EVERYTHING, Optional.of(key), List.of());
    }

    @Test
    void peerThatMakesSenseIsInForce() {
        PeerReview.Result result = review(BgpScene.NO_PASSWORDS, peer("tor", "192.0.2.254"));

        assertThat(result.peers()).extracting(BgpPeer::name).containsExactly("tor");
        assertThat(result.findings()).isEmpty();
    }

    @Test
    void passwordThatIsMissingKeepsTheFormerPeerInForceAndIsSaid() {
        review(passwords(Map.of("old", "secret")), signed("old", "192.0.2.254"));

        PeerReview.Result result = review(passwords(Map.of("old", "secret")), signed("new", "192.0.2.253"));

        assertThat(result.peers()).containsExactly(signed("old", "192.0.2.254"));
        assertThat(result.findings())
                .singleElement()
                .satisfies(finding -> assertThat(finding.reason()).isEqualTo("PasswordMissing"))
                .satisfies(finding -> assertThat(finding.field()).isEqualTo("spec.passwordKey"));
    }

    @Test
    void newPeerWithoutItsPasswordIsNotSpokenTo() {
        PeerReview.Result result = review(BgpScene.NO_PASSWORDS, signed("new", "192.0.2.253"));

        assertThat(result.peers()).isEmpty();
        assertThat(result.findings()).hasSize(1);
    }

    @Test
    void passwordThatWasLostStaysInUseAndIsSaid() {
        Passwords lost = _ -> new Passwords.Entry(Optional.of(new Password("former")), Optional.of("is missing"));

        PeerReview.Result result = review(lost, signed("key", "192.0.2.253"));

        assertThat(result.peers()).hasSize(1);
        assertThat(result.findings()).singleElement().asString().contains("the former one stays in use");
    }

    @Test
    void peerThatIsANodeThatItSelectsIsSaidAndOthersSpeakToIt() {
        PeerReview.Result result = review(BgpScene.NO_PASSWORDS, peer("node", "192.0.2.2"));

        assertThat(result.peers()).hasSize(1);
        assertThat(result.findings())
                .singleElement()
                .satisfies(finding -> assertThat(finding.reason()).isEqualTo("PeerIsNode"))
                .asString()
                .contains("192.0.2.2 is node node-2 itself");
    }

    @Test
    void ofTwoPeersWithOneNeighbourTheOneThatWasThereStays() {
        BgpPeer former = peer("tor-z", "192.0.2.254");
        review(BgpScene.NO_PASSWORDS, former);

        PeerReview.Result result = review(BgpScene.NO_PASSWORDS, peer("tor-a", "192.0.2.254"), former);

        assertThat(result.peers()).containsExactly(former);
        assertThat(result.findings())
                .singleElement()
                .satisfies(finding -> assertThat(finding.object().name()).isEqualTo("tor-a"))
                .satisfies(finding -> assertThat(finding.reason()).isEqualTo("SameNeighbour"));
    }

    @Test
    void oneNeighbourForDifferentNodesIsNoFault() {
        PeerReview.Result result = review(
                BgpScene.NO_PASSWORDS,
                peer("a", "192.0.2.254", LabelSelector.of("rack", "a"), Optional.empty(), List.of()),
                peer("b", "192.0.2.254", LabelSelector.of("rack", "b"), Optional.empty(), List.of()));

        assertThat(result.peers()).hasSize(2);
        assertThat(result.findings()).isEmpty();
    }

    @Test
    void selectorThatSelectsNothingIsSaid() {
        BgpAdvertisement lost = advertisement("lost", true, Set.of(), Set.of(), LabelSelector.of("rack", "nowhere"));

        PeerReview.Result result = review.review(
                List.of(peer("c", "192.0.2.254", LabelSelector.of("rack", "c"), Optional.empty(), List.of())),
                List.of(lost, advertisement("found", true)),
                nodes,
                BgpScene.NO_PASSWORDS);

        assertThat(result.findings())
                .extracting(finding -> finding.object().name() + " " + finding.reason())
                .containsExactly("lost NoPeerSelected", "c NoNodeSelected");
    }
}
