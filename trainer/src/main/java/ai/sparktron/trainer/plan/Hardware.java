package ai.sparktron.trainer.plan;

import ai.sparktron.trainer.config.PlanOptions;
import ai.sparktron.trainer.tensor.DType;
import java.util.List;

/**
 * GPUs and what joins them, by datasheets.
 *
 * @param name             of the GPU
 * @param memoryBytes      of one GPU
 * @param halfFlops        peak rate of dense products of 16 bits, FLOP/s
 * @param singleFlops      of float32
 * @param memoryBandwidth  of its memory, bytes/s
 * @param linkBandwidth    to other GPUs of the host, bytes/s in one direction
 * @param networkBandwidth to other hosts, bytes/s in one direction, of each GPU
 * @param gpusPerHost      GPUs of a host
 */
public record Hardware(String name, long memoryBytes, double halfFlops, double singleFlops, double memoryBandwidth, double linkBandwidth,
                       double networkBandwidth, int gpusPerHost) {

    /**
     * What a run takes of a GPU outside of its arenas: the driver's context, loaded kernels, workspaces of libraries, NCCL's buffers. An allowance, not a
     * measurement.
     */
    public static final long OUTSIDE_BYTES = 2L << 30;

    private static final double GB = 1e9;
    private static final double TB = 1e12;
    private static final double TERA = 1e12;

    private static final List<Hardware> KNOWN = List.of(
            gpu("A100-40GB", 40, 312, 19.5, 1.56, 300),
            gpu("A100", 80, 312, 19.5, 2.04, 300),
            gpu("A800", 80, 312, 19.5, 2.04, 200),
            gpu("H100", 80, 989.5, 67, 3.35, 450),
            gpu("H800", 80, 989.5, 67, 3.35, 200),
            gpu("H20", 96, 148, 44, 4.0, 450),
            gpu("H200", 141, 989.5, 67, 4.8, 450),
            gpu("B200", 180, 2250, 80, 8.0, 900),
            gpu("L40S", 48, 362, 91.6, 0.864, 32),
            gpu("A10", 24, 125, 31.2, 0.6, 32),
            gpu("L4", 24, 121, 30.3, 0.3, 32),
            gpu("RTX-4090", 24, 165.2, 82.6, 1.008, 32));

    private static Hardware gpu(String name, double memoryGb, double halfTera, double singleTera, double memoryTb, double linkGb) {
        return new Hardware(name, (long) (memoryGb * GB), halfTera * TERA, singleTera * TERA, memoryTb * TB, linkGb * GB, 0, 0);
    }

    /** The GPUs that the options describe. */
    public static Hardware of(PlanOptions options) {
        Hardware known = KNOWN.stream().filter(gpu -> gpu.name.equals(options.gpu())).findFirst()
                .orElseThrow(() -> new IllegalStateException("--gpu " + options.gpu() + " is refused when options are parsed"));
        return new Hardware(known.name, options.gpuMemoryBytes().orElse(known.memoryBytes), known.halfFlops, known.singleFlops, known.memoryBandwidth,
                known.linkBandwidth, options.networkBandwidth() * GB, options.gpusPerHost());
    }

    /** Names of the GPUs that are known. */
    static List<String> names() {
        return KNOWN.stream().map(Hardware::name).toList();
    }

    /** Peak rate of products of a type, FLOP/s. */
    double productFlops(DType type) {
        return type == DType.F32 ? singleFlops : halfFlops;
    }

    /**
     * Bytes/s in one direction of each member when a group exchanges: inside of a host over its links; across hosts every member's own share of the network, of which
     * the members on a host have as many together.
     *
     * @param ranks members of the group, ranks of a host being neighbours
     */
    double bandwidth(List<Integer> ranks) {
        long hosts = ranks.stream().map(rank -> rank / gpusPerHost).distinct().count();
        if (hosts == 1) {
            return linkBandwidth;
        }
        return Math.min(linkBandwidth, networkBandwidth * ranks.size() / hosts);
    }

    /** Whether the members of a group are on several hosts. */
    boolean crossesHosts(List<Integer> ranks) {
        return ranks.stream().anyMatch(rank -> rank / gpusPerHost != ranks.get(0) / gpusPerHost);
    }
}
