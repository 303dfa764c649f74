package dev.ikat.nftables;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MappingIterator;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.ikat.netlink.NetlinkException;
import dev.ikat.netlink.netfilter.NftablesBatch;
import dev.ikat.netlink.netfilter.NftablesRuleset;
import dev.ikat.netlink.netfilter.NftablesSocket;
import dev.ikat.netlink.netfilter.TableStatus;
import java.io.IOException;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Supplier;
import jnr.ffi.LibraryLoader;
import jnr.ffi.Pointer;
import org.jspecify.annotations.Nullable;

/**
 * One libnftables context: it runs transactions in nftables' own language, each as a whole or not at all. Its netlink
 * socket belongs to the network namespace of the thread that opened it, from whichever thread it is used later.
 * Thread-safe: one transaction at a time.
 */
final class Nftables implements AutoCloseable {
    private static final String LIBRARY = "libnftables.so.1";
    private static final int MAX_ATTEMPTS = 5;
    private static final ObjectMapper JSON = new ObjectMapper();

    private final LibNftables library;
    private final Optional<NftablesSocket> socket;
    private final NftablesRuleset ruleset;
    private @Nullable Pointer context;

    private Nftables(LibNftables library, Pointer context, Optional<NftablesSocket> socket, NftablesRuleset ruleset) {
        this.library = library;
        this.context = context;
        this.socket = socket;
        this.ruleset = ruleset;
    }

    /** Loads on first use, so that a node without the library runs everything else. */
    private static final class Loaded {
        static final LibNftables LIBRARY_INSTANCE =
                LibraryLoader.create(LibNftables.class).failImmediately().load(LIBRARY);

        private Loaded() {}
    }

    /**
     * Opens a context in the calling thread's network namespace.
     *
     * @throws NftablesUnavailableException if the library cannot be loaded or gives no context
     */
    static Nftables open() {
        LibNftables library;
        try {
            library = Loaded.LIBRARY_INSTANCE;
        } catch (LinkageError e) {
            // jnr-ffi reports a missing library as UnsatisfiedLinkError; on a second try the class is erroneous.
            throw new NftablesUnavailableException(
                    LIBRARY + " cannot be loaded; install the package libnftables1 (Debian) or nftables-libs, or turn "
                            + "masquerade and policies off",
                    e);
        }
        NftablesRuleset ruleset;
        try {
            ruleset = NftablesRuleset.open();
        } catch (NetlinkException e) {
            throw new NftablesUnavailableException("no netfilter socket can be opened: " + e.getMessage(), e);
        }
        try {
            return open(library, ruleset);
        } catch (RuntimeException e) {
            ruleset.close();
            throw e;
        }
    }

    private static Nftables open(LibNftables library, NftablesRuleset ruleset) {
        synchronized (Nftables.class) {
            for (int attempt = 1; ; attempt++) {
                Set<Integer> before = NftablesSocket.all();
                Pointer context = context(library);
                Optional<NftablesSocket> socket = NftablesSocket.since(before);
                if (socket.isPresent() || attempt == MAX_ATTEMPTS) {
                    return new Nftables(library, context, socket, ruleset);
                }
                // Another thread opened one at the same time.
                library.nft_ctx_free(context);
            }
        }
    }

    private static Pointer context(LibNftables library) {
        Pointer context = library.nft_ctx_new(LibNftables.NFT_CTX_DEFAULT);
        if (context == null) {
            throw new NftablesUnavailableException(
                    "libnftables could not create a context: out of memory, or no netfilter socket");
        }
        if (library.nft_ctx_buffer_output(context) != 0 || library.nft_ctx_buffer_error(context) != 0) {
            library.nft_ctx_free(context);
            throw new NftablesUnavailableException("libnftables could not set up its output buffers: out of memory");
        }
        return context;
    }

    /**
     * Runs the commands as one transaction.
     *
     * @param commands as {@code nft -f} takes them
     * @throws NftablesException with nftables' own words if it refuses
     */
    synchronized void run(String commands) {
        run(commands, 0);
    }

    /**
     * Runs commands that list, and returns the objects that they list, each with its handle.
     *
     * @throws NftablesException with nftables' own words if it refuses, also where there is no such object
     */
    synchronized JsonNode list(String commands) {
        String output = run(commands, LibNftables.NFT_CTX_OUTPUT_JSON | LibNftables.NFT_CTX_OUTPUT_HANDLE);
        ArrayNode objects = JsonNodeFactory.instance.arrayNode();
        // One document for each command.
        try (MappingIterator<JsonNode> documents =
                JSON.readerFor(JsonNode.class).readValues(output)) {
            while (documents.hasNextValue()) {
                documents.nextValue().path("nftables").forEach(objects::add);
            }
        } catch (IOException e) {
            throw new NftablesException("nftables answered with something other than JSON: " + e.getMessage(), e);
        }
        return objects;
    }

    private String run(String commands, int flags) {
        Pointer open = open(context);
        library.nft_ctx_output_set_flags(open, flags);
        int result = library.nft_run_cmd_from_buffer(open, commands);
        String output = library.nft_ctx_get_output_buffer(open);
        String error = library.nft_ctx_get_error_buffer(open);
        if (result != 0) {
            throw new NftablesException("nftables refused " + abbreviated(commands) + ": "
                    + (error == null || error.isBlank() ? "no reason given" : abbreviated(error.strip())));
        }
        return output == null ? "" : output;
    }

    /**
     * Sends a transaction of the kernel's own messages; empty where libnftables' socket could not be found.
     *
     * @return 0, or the errno with which it was refused as a whole
     */
    synchronized Optional<Integer> transact(NftablesBatch batch) {
        open(context);
        return socket.map(found -> asked(() -> found.transact(batch)));
    }

    /**
     * Asks the kernel itself, past libnftables.
     *
     * @throws NftablesException if libnftables' socket could not be found
     */
    synchronized <T> T ask(Function<NftablesSocket, T> question) {
        open(context);
        NftablesSocket found = socket.orElseThrow(
                () -> new NftablesException("the netfilter socket of libnftables was not found in this process"));
        return asked(() -> question.apply(found));
    }

    /** Whether {@link #transact} can be used. */
    boolean hasSocket() {
        return socket.isPresent();
    }

    /** The kernel's table of this name, as its socket sees it. */
    synchronized Optional<TableStatus> table(String name) {
        open(context);
        if (socket.isPresent()) {
            return asked(() -> socket.get().table(name));
        }
        for (JsonNode object : list("list tables inet")) {
            if (object.path("table").path("name").asText().equals(name)) {
                return Optional.of(new TableStatus(0, 0));
            }
        }
        return Optional.empty();
    }

    /** The port of its socket, 0 if that could not be found. */
    int port() {
        return socket.map(found -> asked(found::port)).orElse(0);
    }

    /** A number that each transaction of anybody's in this network namespace raises by one. */
    int generation() {
        return asked(ruleset::generation);
    }

    private static <T> T asked(Supplier<T> question) {
        try {
            return question.get();
        } catch (NetlinkException e) {
            throw new NftablesException("nf_tables does not answer: " + e.getMessage(), e);
        }
    }

    private static Pointer open(@Nullable Pointer context) {
        if (context == null) {
            throw new IllegalStateException("this nftables context is closed");
        }
        return context;
    }

    private static String abbreviated(String text) {
        return text.length() <= 400 ? text : text.substring(0, 400) + "…";
    }

    /** Frees the context; what it put into the kernel stays. Does nothing the second time. */
    @Override
    public synchronized void close() {
        Pointer open = context;
        context = null;
        if (open != null) {
            library.nft_ctx_free(open);
            ruleset.close();
        }
    }
}
