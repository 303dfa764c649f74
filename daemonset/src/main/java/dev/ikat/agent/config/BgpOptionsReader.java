package dev.ikat.agent.config;

import dev.ikat.agent.overlay.OverlayMode;
import dev.ikat.bgp.BgpSettings;
import dev.ikat.bgp.BgpSettings.Mesh;
import dev.ikat.cluster.BgpPeer.Bfd;
import dev.ikat.cluster.InvalidObjectException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.Optional;

/** Turns the settings for BGP into options. */
final class BgpOptionsReader {
    private static final long PRIVATE_AS = 64_512;
    private static final String OFF = "off";

    private BgpOptionsReader() {}

    static BgpOptions read(OptionReader reader, OverlayMode overlay) {
        boolean spoken = reader.truth(Setting.BGP);
        if (overlay == OverlayMode.BGP && !spoken) {
            reader.fault(Setting.OVERLAY, "bgp needs --bgp=true");
        }
        long as = reader.parse(
                Setting.BGP_AS,
                PRIVATE_AS,
                BgpOptionsReader::as,
                "is invalid: it has to be the number of an autonomous system, 1 to 4294967295");
        Mesh mesh = reader.parse(
                Setting.BGP_MESH,
                Mesh.FULL,
                text -> Mesh.valueOf(text.toUpperCase(Locale.ROOT)),
                "is invalid: it has to be full, reflectors or none");
        Optional<Bfd> bfd = reader.parse(Setting.BGP_BFD, Optional.<Bfd>empty(), BgpOptionsReader::bfd, "");
        Optional<String> key =
                reader.parse(Setting.BGP_MESH_PASSWORD, Optional.<String>empty(), BgpOptionsReader::key, "");
        Path passwords = reader.parse(Setting.BGP_PASSWORD_DIR, Path.of(""), Path::of, "");
        boolean podRoutes = overlay == OverlayMode.BGP || overlay == OverlayMode.NONE;
        return new BgpOptions(spoken, new BgpSettings(as, mesh, bfd, key, podRoutes), passwords.toAbsolutePath());
    }

    private static long as(String text) {
        long as = Long.parseLong(text);
        if (as < 1 || as > 0xffff_ffffL) {
            throw new IllegalArgumentException(text);
        }
        return as;
    }

    private static Optional<Bfd> bfd(String text) {
        if (text.equals(OFF)) {
            return Optional.empty();
        }
        try {
            Duration interval = OptionReader.duration(text);
            return Optional.of(new Bfd(interval, Bfd.DEFAULT.multiplier()));
        } catch (InvalidObjectException e) {
            throw new IllegalArgumentException("'" + text + "' is invalid: it " + e.reason(), e);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(
                    "'" + text + "' is invalid: it has to be a duration such as 300ms, or " + OFF, e);
        }
    }

    private static Optional<String> key(String text) {
        if (!text.matches("[-._a-zA-Z0-9]{0,253}") || text.startsWith(".")) {
            throw new IllegalArgumentException(
                    "'" + text + "' is invalid: it has to be the name of a file in --bgp-password-dir");
        }
        return text.isEmpty() ? Optional.empty() : Optional.of(text);
    }
}
