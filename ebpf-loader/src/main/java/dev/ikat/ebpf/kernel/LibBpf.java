package dev.ikat.ebpf.kernel;

import jnr.ffi.Pointer;
import org.jspecify.annotations.Nullable;

/** The functions of libbpf that Ikat calls, named and documented as in {@code bpf/libbpf.h}. */
public interface LibBpf {
    @Nullable
    Pointer bpf_object__open_mem(byte[] object, long size, @Nullable Pointer options);

    int bpf_object__load(Pointer object);

    void bpf_object__close(Pointer object);

    @Nullable
    Pointer bpf_object__find_program_by_name(Pointer object, String name);

    @Nullable
    Pointer bpf_object__find_map_by_name(Pointer object, String name);

    @Nullable
    Pointer bpf_object__next_program(Pointer object, @Nullable Pointer former);

    String bpf_program__section_name(Pointer program);

    int bpf_program__set_type(Pointer program, int type);

    int bpf_program__set_expected_attach_type(Pointer program, int type);

    int bpf_program__set_log_buf(Pointer program, Pointer buffer, long size);

    int bpf_program__set_log_level(Pointer program, int level);

    int bpf_program__fd(Pointer program);

    int bpf_map__fd(Pointer map);

    int bpf_map__reuse_fd(Pointer map, int fd);

    int bpf_map__set_max_entries(Pointer map, int entries);

    int bpf_map__max_entries(Pointer map);

    int bpf_map__key_size(Pointer map);

    int bpf_map__value_size(Pointer map);

    int bpf_map__type(Pointer map);

    int libbpf_num_possible_cpus();

    @Nullable
    Pointer libbpf_set_print(@Nullable Pointer function);

    @Nullable
    Pointer ring_buffer__new(int map, SampleCallback callback, @Nullable Pointer context, @Nullable Pointer options);

    int ring_buffer__poll(Pointer ring, int milliseconds);

    void ring_buffer__free(Pointer ring);

    /** {@code ring_buffer_sample_fn}. */
    interface SampleCallback {
        @jnr.ffi.annotations.Delegate
        int sample(Pointer context, Pointer data, long size);
    }
}
