package dev.ikat.nftables;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import jnr.ffi.LibraryLoader;
import jnr.ffi.Pointer;
import org.jspecify.annotations.Nullable;

/**
 * One libnftables context: it runs transactions in the JSON form of libnftables-json(5), each as a whole or not at all.
 * Its netlink socket belongs to the network namespace of the thread that opened it, from whichever thread it is used
 * later. Thread-safe: one transaction at a time.
 */
public final class Nftables implements AutoCloseable {
    private static final String LIBRARY = "libnftables.so.1";
    private static final ObjectMapper JSON = new ObjectMapper();

    private final LibNftables library;
    private @Nullable Pointer context;

    private Nftables(LibNftables library, Pointer context) {
        this.library = library;
        this.context = context;
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
    public static Nftables open() {
        LibNftables library;
        try {
            library = Loaded.LIBRARY_INSTANCE;
        } catch (LinkageError e) {
            // jnr-ffi reports a missing library as UnsatisfiedLinkError; on a second try the class is erroneous.
            throw new NftablesUnavailableException(
                    LIBRARY + " cannot be loaded; install the package libnftables1 (Debian) or nftables-libs, or turn"
                            + " masquerading off",
                    e);
        }
        Pointer context = library.nft_ctx_new(LibNftables.NFT_CTX_DEFAULT);
        if (context == null) {
            throw new NftablesUnavailableException(
                    "libnftables gave no context: out of memory, or no netfilter socket");
        }
        library.nft_ctx_output_set_flags(context, LibNftables.NFT_CTX_OUTPUT_JSON);
        if (library.nft_ctx_buffer_output(context) != 0 || library.nft_ctx_buffer_error(context) != 0) {
            library.nft_ctx_free(context);
            throw new NftablesUnavailableException("libnftables could not set up its output buffers: out of memory");
        }
        return new Nftables(library, context);
    }

    /** A list of commands to be filled and given to {@link #run}. */
    static ArrayNode transaction() {
        return JsonNodeFactory.instance.arrayNode();
    }

    /** The command {@code {verb: {kind: object}}} of libnftables-json(5). */
    static ObjectNode command(String verb, String kind, JsonNode object) {
        ObjectNode command = JsonNodeFactory.instance.objectNode();
        command.putObject(verb).set(kind, object);
        return command;
    }

    /**
     * Runs the commands as one transaction and returns the objects they listed, an empty array where they list none.
     *
     * @throws NftablesException with nftables' own words if it refuses
     */
    synchronized JsonNode run(ArrayNode commands) {
        Pointer open = context;
        if (open == null) {
            throw new IllegalStateException("this nftables context is closed");
        }
        ObjectNode input = JsonNodeFactory.instance.objectNode();
        input.set("nftables", commands);
        int result = library.nft_run_cmd_from_buffer(open, input.toString());
        String output = library.nft_ctx_get_output_buffer(open);
        String error = library.nft_ctx_get_error_buffer(open);
        if (result != 0) {
            throw new NftablesException("nftables refused " + abbreviated(commands) + ": "
                    + (error == null || error.isBlank() ? "no reason given" : error.strip()));
        }
        if (output == null || output.isBlank()) {
            return transaction();
        }
        try {
            return JSON.readTree(output).path("nftables");
        } catch (JsonProcessingException e) {
            throw new NftablesException("nftables answered something other than JSON: " + e.getOriginalMessage(), e);
        }
    }

    private static String abbreviated(ArrayNode commands) {
        String text = commands.toString();
        return text.length() <= 300 ? text : text.substring(0, 300) + "…";
    }

    /** Frees the context; what it put into the kernel stays. Does nothing the second time. */
    @Override
    public synchronized void close() {
        Pointer open = context;
        context = null;
        if (open != null) {
            library.nft_ctx_free(open);
        }
    }
}
