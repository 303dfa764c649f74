package dev.ikat.nftables;

import jnr.ffi.Pointer;
import org.jspecify.annotations.Nullable;

/** The functions of libnftables that Ikat calls, named and documented as in {@code nftables/libnftables.h}. */
public interface LibNftables {
    /** nft_ctx_new: 0 is NFT_CTX_DEFAULT, the only flag value there is. */
    int NFT_CTX_DEFAULT = 0;

    /** nft_ctx_output_set_flags: NFT_CTX_OUTPUT_JSON, input and output are JSON. */
    int NFT_CTX_OUTPUT_JSON = 1 << 4;

    /** nft_ctx_output_set_flags: NFT_CTX_OUTPUT_HANDLE, lists contain the objects' handles. */
    int NFT_CTX_OUTPUT_HANDLE = 1 << 3;

    /** nft_ctx_output_set_flags: NFT_CTX_OUTPUT_TERSE, lists leave out the sets' elements. */
    int NFT_CTX_OUTPUT_TERSE = 1 << 11;

    @Nullable
    Pointer nft_ctx_new(int flags);

    void nft_ctx_free(Pointer ctx);

    void nft_ctx_output_set_flags(Pointer ctx, int flags);

    int nft_ctx_buffer_output(Pointer ctx);

    int nft_ctx_buffer_error(Pointer ctx);

    @Nullable
    String nft_ctx_get_output_buffer(Pointer ctx);

    @Nullable
    String nft_ctx_get_error_buffer(Pointer ctx);

    int nft_run_cmd_from_buffer(Pointer ctx, String commands);
}
