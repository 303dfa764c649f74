package dev.ikat.iptables;

import dev.ikat.model.IpFamily;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;

/** What is in services' sets: a member is there as long as anything needs it. Not thread-safe. */
final class ServiceMembers {
    private static final int MOST_MEMBERS = 1 << 20;

    private final ServiceNames names;
    /** How many need each. */
    private final Map<ServiceMember, Integer> needs = new HashMap<>();

    /** None yet. */
    ServiceMembers(ServiceNames names) {
        this.names = names;
    }

    ServiceNames names() {
        return names;
    }

    /** Members that are not needed any more, and new ones; both in the order of their sets. */
    record Change(ServiceNames names, List<ServiceMember> gone, List<ServiceMember> come) {
        /** Commands for before the rules change. */
        StringBuilder before() {
            StringBuilder commands = new StringBuilder();
            commands(commands, "del", gone.stream().filter(Change::isLast), names);
            commands(commands, "add", come.stream().filter(member -> !isLast(member)), names);
            return commands;
        }

        /** Commands for after the rules have changed. */
        StringBuilder after() {
            StringBuilder commands = new StringBuilder();
            commands(commands, "add", come.stream().filter(Change::isLast), names);
            commands(commands, "del", gone.reversed().stream().filter(member -> !isLast(member)), names);
            return commands;
        }

        /** Commands that take the change back, however much of it was made. */
        StringBuilder takeBack() {
            StringBuilder commands = new StringBuilder();
            commands(commands, "add", gone.stream(), names);
            commands(commands, "del", come.reversed().stream(), names);
            return commands;
        }

        private static boolean isLast(ServiceMember member) {
            return member.set() == ServiceSet.ADDRESSES;
        }
    }

    private static void commands(
            StringBuilder commands, String verb, Stream<ServiceMember> members, ServiceNames names) {
        members.forEach(member -> commands.append(verb)
                .append(' ')
                .append(names.set(member.set(), member.family()))
                .append(' ')
                .append(member.entry())
                .append('\n'));
    }

    /** Some of those that need members no longer do, and others do. */
    Change change(Collection<ServiceMember> former, Collection<ServiceMember> now) {
        Map<ServiceMember, Integer> differences = new HashMap<>();
        former.forEach(member -> differences.merge(member, -1, Integer::sum));
        now.forEach(member -> differences.merge(member, 1, Integer::sum));
        List<ServiceMember> gone = new ArrayList<>();
        List<ServiceMember> come = new ArrayList<>();
        differences.forEach((member, difference) -> {
            int before = needs.getOrDefault(member, 0);
            int after = before + difference;
            if (after == 0) {
                needs.remove(member);
            } else {
                needs.put(member, after);
            }
            if (before == 0 && after > 0) {
                come.add(member);
            } else if (before > 0 && after == 0) {
                gone.add(member);
            }
        });
        Comparator<ServiceMember> order = Comparator.comparing(ServiceMember::set);
        gone.sort(order);
        come.sort(order);
        return new Change(names, gone, come);
    }

    /** Commands that make all sets with their members. */
    StringBuilder create() {
        StringBuilder commands = new StringBuilder();
        for (ServiceSet set : ServiceSet.values()) {
            for (IpFamily family : IpFamily.values()) {
                commands.append("create %s %s family %s maxelem %d%n"
                        .formatted(names.set(set, family), set.type(), inet(family), MOST_MEMBERS));
            }
        }
        commands(commands, "add", needs.keySet().stream(), names);
        return commands;
    }

    /** As ipset calls a family. */
    static String inet(IpFamily family) {
        return switch (family) {
            case IPV4 -> "inet";
            case IPV6 -> "inet6";
        };
    }

    /** What has to be in the sets, by their names. */
    Map<String, Set<String>> contents() {
        Map<String, Set<String>> contents = new TreeMap<>();
        for (ServiceSet set : ServiceSet.values()) {
            for (IpFamily family : IpFamily.values()) {
                contents.put(names.set(set, family), new HashSet<>());
            }
        }
        needs.keySet()
                .forEach(member -> contents.computeIfAbsent(
                                names.set(member.set(), member.family()), _ -> new TreeSet<>())
                        .add(member.entry()));
        return contents;
    }
}
