package ai.sparktron.trainer.config;

import java.util.Optional;

/** What computes. */
@Concern(title = "Engine", commands = {Command.PT, Command.SFT, Command.RLHF, Command.INFER, Command.EXPORT, Command.VERIFY, Command.PLAN})
public record EngineOptions(
        @Option(value = "nd4j", doc = "nd4j: CPU; cuda: NVIDIA GPUs.") Engine engine,
        @Option(value = "host", doc = "Kernels of the nd4j engine: host (fused loops over ND4J memory), nd4j (plain ND4J, readable, slower).") HostKernels kernels,
        @Option(doc = "Folder in which the cuda engine keeps compiled kernels and the algorithms it chose; absent: .cache/sparktron/kernels of the user.")
        Optional<String> kernelCache) {

    /** Engines. */
    public enum Engine { ND4J, CUDA }

    /** Kernels of the CPU engine. */
    public enum HostKernels { HOST, ND4J }
}
