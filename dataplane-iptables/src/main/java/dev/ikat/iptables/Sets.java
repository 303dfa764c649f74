package dev.ikat.iptables;

import dev.ikat.model.Cidr;
import dev.ikat.model.IpFamily;
import dev.ikat.policy.program.AddressSet;
import dev.ikat.policy.program.SetId;
import dev.ikat.policy.program.SetMember;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * The ipsets of one generation: a program that replaces another as a whole has sets of other names, so that the old
 * rules keep the old ones until the new rules are there.
 */
final class Sets implements SetNames {
    /** What the names of all sets of programs look like. */
    static final String NAME = "ikat[a-l][46]-.*";

    /** No set of addresses has a name with a hyphen in it. */
    private static final String BLOCK = "net-";

    private static final Pattern BLOCK_SET = Pattern.compile("--match-set (ikat[a-l][46]-" + BLOCK + "\\S+)");
    private static final int MOST_MEMBERS = 1 << 20;

    private final char generation;
    private final Map<SetId, AddressSet.Form> forms = new HashMap<>();
    /** What the kernel has, as ipset writes it. */
    private final Map<String, Set<String>> entries = new TreeMap<>();
    /** Block sets that were asked for since the last call of {@link #createAsked}. */
    private final Map<String, SortedSet<Cidr>> asked = new TreeMap<>();

    Sets(char generation) {
        this.generation = generation;
    }

    /** None yet, in the first generation that none of these is of; masquerading has the letter m. */
    static Sets beside(Set<String> names) {
        for (char generation = 'a'; generation <= 'l'; generation++) {
            Sets sets = new Sets(generation);
            if (names.stream().noneMatch(sets::isOfThisGeneration)) {
                return sets;
            }
        }
        throw new IptablesException(
                "every generation of sets from a to l has some; remove those that are not in use with "
                        + "'ipset destroy'");
    }

    boolean isOfThisGeneration(String name) {
        return name.charAt(4) == generation;
    }

    Map<String, Set<String>> entries() {
        return entries;
    }

    @Override
    public AddressSet.Form form(SetId id) {
        AddressSet.Form form = forms.get(id);
        if (form == null) {
            throw new IptablesException("the program refers to the unknown set " + id);
        }
        return form;
    }

    @Override
    public String name(SetId id, IpFamily family) {
        return prefix(family) + id;
    }

    private String prefix(IpFamily family) {
        return "ikat" + generation + (family == IpFamily.IPV4 ? "4-" : "6-");
    }

    @Override
    public Optional<String> blocks(SortedSet<Cidr> prefixes, IpFamily family) {
        if (prefixes.isEmpty()) {
            return Optional.empty();
        }
        // Equal blocks are one set, whichever rules they are in.
        String text = prefixes.stream().map(Cidr::toString).collect(Collectors.joining(" "));
        String name = prefix(family) + BLOCK + digest(text);
        asked.put(name, prefixes);
        return Optional.of(name);
    }

    /** The block set that a rule refers to. */
    static Optional<String> blockSetOf(String rule) {
        Matcher block = BLOCK_SET.matcher(rule);
        return block.find() ? Optional.of(block.group(1)) : Optional.empty();
    }

    /** Commands that remove the block sets that no rule refers to any more. */
    void destroyUnusedBlocks(Set<String> used, StringBuilder commands) {
        entries.keySet().stream()
                .filter(name -> name.contains("-" + BLOCK) && !used.contains(name))
                .toList()
                .forEach(name -> destroy(name, commands));
    }

    /** A name's part that stands for a text: 16 digits. */
    static String digest(String text) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(digest, 0, 8);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("SHA-256, which every Java platform has, is missing", e);
        }
    }

    /** Commands that make the set, of both families, with its members. */
    void create(AddressSet set, StringBuilder commands) {
        forms.put(set.id(), set.form());
        String type = switch (set.form()) {
            case ADDRESSES -> "hash:ip";
            case PORTS -> "hash:ip,port";
        };
        for (IpFamily family : IpFamily.values()) {
            create(name(set.id(), family), type, family, commands);
        }
        change(set.id(), Set.of(), set.members(), commands);
    }

    private void create(String name, String type, IpFamily family, StringBuilder commands) {
        String inet = family == IpFamily.IPV4 ? "inet" : "inet6";
        commands.append("create ")
                .append(name)
                .append(' ')
                .append(type)
                .append(" family ")
                .append(inet);
        commands.append(" maxelem ").append(MOST_MEMBERS).append('\n');
        entries.put(name, new HashSet<>());
    }

    /** Commands that change a set's members. */
    void change(SetId id, Collection<SetMember> removed, Collection<SetMember> added, StringBuilder commands) {
        removed.forEach(member -> command("del", name(id, member.address().family()), entry(member), commands));
        added.forEach(member -> command("add", name(id, member.address().family()), entry(member), commands));
    }

    /** Commands that take back a change that was not made yet, however much of it will have been made. */
    void takeBack(SetId id, Collection<SetMember> removed, Collection<SetMember> added, StringBuilder commands) {
        added.stream().filter(member -> !has(id, member)).forEach(member -> line("del", id, member, commands));
        removed.stream().filter(member -> has(id, member)).forEach(member -> line("add", id, member, commands));
    }

    private boolean has(SetId id, SetMember member) {
        return entries.getOrDefault(name(id, member.address().family()), Set.of())
                .contains(entry(member));
    }

    private void line(String verb, SetId id, SetMember member, StringBuilder commands) {
        String set = name(id, member.address().family());
        commands.append(verb)
                .append(' ')
                .append(set)
                .append(' ')
                .append(entry(member))
                .append('\n');
    }

    private void command(String verb, String set, String entry, StringBuilder commands) {
        commands.append(verb).append(' ').append(set).append(' ').append(entry).append('\n');
        Set<String> members = entries.get(set);
        if (members == null) {
            throw new IptablesException("the change refers to the unknown set " + set);
        }
        if (verb.equals("add")) {
            members.add(entry);
        } else {
            members.remove(entry);
        }
    }

    private static String entry(SetMember member) {
        return switch (member) {
            case SetMember.AddressMember(var address) -> address.toString();
            case SetMember.PortMember(var address, var protocol, int port) ->
                address + "," + protocol.name().toLowerCase(Locale.ROOT) + ":" + port;
        };
    }

    /** Commands that make the block sets that rules have asked for and that are not there. */
    void createAsked(StringBuilder commands) {
        asked.forEach((name, prefixes) -> {
            if (!entries.containsKey(name)) {
                IpFamily family = prefixes.first().family();
                create(name, "hash:net", family, commands);
                prefixes.forEach(prefix -> command("add", name, network(prefix), commands));
            }
        });
        asked.clear();
    }

    /** As ipset writes it: a host without its length. */
    static String network(Cidr prefix) {
        return prefix.prefixLength() == prefix.family().bits()
                ? prefix.network().toString()
                : prefix.toString();
    }

    /** Commands that remove a set that no rule refers to any more. */
    void destroy(SetId id, StringBuilder commands) {
        forms.remove(id);
        for (IpFamily family : IpFamily.values()) {
            destroy(name(id, family), commands);
        }
    }

    private void destroy(String name, StringBuilder commands) {
        commands.append("destroy ").append(name).append('\n');
        entries.remove(name);
    }

    /** What {@code ipset save} says of the sets whose names look like this. */
    static Map<String, Set<String>> parse(String saved, String names) {
        Map<String, Set<String>> found = new TreeMap<>();
        saved.lines().forEach(line -> {
            String[] words = line.split(" ", 4);
            if (words.length >= 3 && words[1].matches(names)) {
                Set<String> entries = found.computeIfAbsent(words[1], _ -> new TreeSet<>());
                if (words[0].equals("add")) {
                    entries.add(words[2]);
                }
            }
        });
        return found;
    }
}
