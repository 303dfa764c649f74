package dev.ikat.iptables;

import dev.ikat.model.IpAddress;
import dev.ikat.services.program.Backend;
import dev.ikat.services.program.Frontend;
import dev.ikat.services.program.FrontendProgram;
import dev.ikat.services.program.ServiceProgram;
import dev.ikat.services.program.StickyClient;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What is in the sets of backends' clients, which the kernel fills by itself. */
final class StickyClients {
    private StickyClients() {}

    /**
     * Commands that add clients to those of these sets that are their backends'. Where connections from inside and from
     * outside are treated otherwise, a client is in the sets of both: only one of them is ever looked into for it.
     */
    static StringBuilder add(Set<String> sets, Collection<StickyClient> clients) {
        StringBuilder commands = new StringBuilder();
        for (StickyClient client : clients) {
            for (String set : names(client.frontend(), client.backend())) {
                if (sets.contains(set)) {
                    // A time of 0 would be without end.
                    long seconds = Math.max(1, client.left().toSeconds());
                    commands.append("add %s %s timeout %d%n".formatted(set, client.address(), seconds));
                }
            }
        }
        return commands;
    }

    private static List<String> names(Frontend frontend, Backend backend) {
        return List.of(ServiceNames.clients(frontend, false, backend), ServiceNames.clients(frontend, true, backend));
    }

    private record Place(Frontend frontend, Backend backend) {}

    /** The clients of the program's backends of which {@code ipset save} tells. */
    static List<StickyClient> in(String saved, ServiceProgram program) {
        Map<String, Place> places = new HashMap<>();
        for (FrontendProgram frontend : program.frontends().values()) {
            if (frontend.affinity().isPresent()) {
                frontend.backends()
                        .forEach(backend -> names(frontend.frontend(), backend)
                                .forEach(name -> places.put(name, new Place(frontend.frontend(), backend))));
            }
        }
        List<StickyClient> clients = new ArrayList<>();
        saved.lines().filter(line -> line.startsWith("add ")).forEach(line -> {
            String[] words = line.split(" ", -1);
            Place place = places.get(words[1]);
            if (place != null && words.length > 4 && words[3].equals("timeout")) {
                long seconds = Long.parseLong(words[4]);
                if (seconds > 0) {
                    clients.add(new StickyClient(
                            IpAddress.parse(words[2]), place.frontend(), place.backend(), Duration.ofSeconds(seconds)));
                }
            }
        });
        return clients;
    }
}
