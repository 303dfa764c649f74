package dev.ikat.ebpf.kernel;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import jnr.ffi.LibraryLoader;
import jnr.ffi.Memory;
import jnr.ffi.Pointer;
import jnr.ffi.Runtime;
import org.jspecify.annotations.Nullable;

/**
 * The programs of one object file and their maps, loaded into the kernel; they are unloaded when this is closed, unless
 * something else holds them.
 */
public final class BpfObject implements AutoCloseable {
    private static final String LIBRARY = "libbpf.so.1";

    /**
     * {@code BPF_PROG_TYPE_NETFILTER}, {@code linux/bpf.h}; defined here because libbpf may be older than the kernel.
     */
    public static final int NETFILTER = 32;

    private static final int PERCPU_ARRAY = 6; // linux/bpf.h

    /** The section of programs for netfilter, which an older libbpf does not know. */
    private static final String NETFILTER_SECTION = "netfilter";

    private static final int LOG_BYTES = 1 << 20;
    private static final int LOG_SHOWN = 4000;

    private final LibBpf library;
    private final Code code;
    private final Pointer object;
    private final Map<String, BpfMap> maps = new HashMap<>();
    private boolean closed;

    /** The module's object files, beside this class. */
    public enum Code {
        /** What sees packets. */
        PACKETS("ikat.bpf.o"),
        /** What sees system calls of sockets. */
        SOCKETS("sockets.bpf.o");

        private final String file;

        Code(String file) {
            this.file = file;
        }

        private byte[] bytes() {
            try (InputStream in = BpfObject.class.getResourceAsStream(file)) {
                if (in == null) {
                    throw new IllegalStateException(file + " is not in the jar");
                }
                return in.readAllBytes();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    private BpfObject(LibBpf library, Code code, Pointer object) {
        this.library = library;
        this.code = code;
        this.object = object;
    }

    /** Loads on first use, so that a node without the library runs everything else. */
    private static final class Loaded {
        static final LibBpf LIBRARY_INSTANCE = load();

        private Loaded() {}

        private static LibBpf load() {
            LibBpf library =
                    LibraryLoader.create(LibBpf.class).failImmediately().load(LIBRARY);
            // It would write to standard error; what matters is in the exceptions.
            library.libbpf_set_print(null);
            return library;
        }
    }

    /**
     * The library.
     *
     * @throws EbpfUnavailableException if it can't be loaded
     */
    public static LibBpf library() {
        try {
            return Loaded.LIBRARY_INSTANCE;
        } catch (LinkageError e) {
            // jnr-ffi reports a missing library as UnsatisfiedLinkError; on a second try the class is erroneous.
            throw new EbpfUnavailableException(
                    LIBRARY + " cannot be loaded; install the package libbpf1 (Debian) or libbpf, or choose another"
                            + " policy backend",
                    e);
        }
    }

    /**
     * Loads programs and maps.
     *
     * @param code which ones
     * @param capacities those of the maps that have none in the code, by name, in elements
     * @param reused maps that already exist, by name
     * @throws BpfException with the verifier's message if the kernel refuses
     */
    public static BpfObject load(Code code, Map<String, Integer> capacities, Map<String, Integer> reused) {
        return load(code, code.bytes(), capacities, reused);
    }

    /** Loads other bytes than those of the module's own file. */
    static BpfObject load(Code code, byte[] bytes, Map<String, Integer> capacities, Map<String, Integer> reused) {
        LibBpf library = library();
        Pointer opened = library.bpf_object__open_mem(bytes, bytes.length, null);
        if (opened == null) {
            throw new IllegalStateException("libbpf can't read " + code.file);
        }
        BpfObject object = new BpfObject(library, code, opened);
        try {
            object.load(capacities, reused, library);
            return object;
        } catch (RuntimeException e) {
            object.close();
            throw e;
        }
    }

    private void load(Map<String, Integer> capacities, Map<String, Integer> reused, LibBpf bpf) {
        capacities.forEach((name, entries) ->
                require("size the map " + name, bpf.bpf_map__set_max_entries(mapPointer(name), entries)));
        reused.forEach((name, fd) -> require("reuse the map " + name, bpf.bpf_map__reuse_fd(mapPointer(name), fd)));
        Pointer log = Memory.allocateDirect(Runtime.getRuntime(bpf), LOG_BYTES);
        for (Pointer program : programs()) {
            if (bpf.bpf_program__section_name(program).equals(NETFILTER_SECTION)) {
                require("set a program's type", bpf.bpf_program__set_type(program, NETFILTER));
                require(
                        "set a program's attach type",
                        bpf.bpf_program__set_expected_attach_type(program, Bpf.BPF_NETFILTER));
            }
            // Filled only by a program that is refused.
            require("set the log", bpf.bpf_program__set_log_buf(program, log, LOG_BYTES));
            require("set the log's level", bpf.bpf_program__set_log_level(program, 0));
        }
        int result = bpf.bpf_object__load(object);
        if (result < 0) {
            String said = log.getString(0);
            throw new BpfException(
                    "load the eBPF programs", -result, said.substring(Math.max(0, said.length() - LOG_SHOWN)));
        }
    }

    private List<Pointer> programs() {
        List<Pointer> programs = new ArrayList<>();
        Pointer next = library.bpf_object__next_program(object, null);
        while (next != null) {
            programs.add(next);
            next = library.bpf_object__next_program(object, next);
        }
        return programs;
    }

    private static void require(String what, int result) {
        if (result < 0) {
            throw new BpfException(what, -result);
        }
    }

    private Pointer program(String name) {
        return present(library.bpf_object__find_program_by_name(object, name), "program", name);
    }

    private Pointer mapPointer(String name) {
        return present(library.bpf_object__find_map_by_name(object, name), "map", name);
    }

    private Pointer present(@Nullable Pointer found, String kind, String name) {
        if (found == null) {
            throw new IllegalArgumentException(code.file + " has no " + kind + " " + name);
        }
        return found;
    }

    /** A program's descriptor, open as long as this is. */
    public int programFd(String name) {
        return library.bpf_program__fd(program(name));
    }

    /** A map, usable as long as this is open. */
    public BpfMap map(String name) {
        return Optional.ofNullable(maps.get(name)).orElseGet(() -> {
            Pointer found = mapPointer(name);
            int value = library.bpf_map__value_size(found);
            // Of maps by processor all are read, each on eight bytes.
            int lookup = library.bpf_map__type(found) == PERCPU_ARRAY
                    ? (value + 7) / 8 * 8 * library.libbpf_num_possible_cpus()
                    : value;
            BpfMap map = new BpfMap(
                    name,
                    library.bpf_map__fd(found),
                    library.bpf_map__key_size(found),
                    value,
                    lookup,
                    library.bpf_map__max_entries(found));
            maps.put(name, map);
            return map;
        });
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            library.bpf_object__close(object);
        }
    }
}
