package ai.sparktron.trainer.config;

import java.util.Optional;

/** The GPUs that a run is planned for. */
@Concern(title = "Plan", commands = {Command.PLAN})
public record PlanOptions(
        @Option(value = "H100", of = {"A100-40GB", "A100", "A800", "H100", "H800", "H20", "H200", "B200", "L40S", "A10", "L4", "RTX-4090"},
                doc = "Kind of GPU: its memory and the rates of its datasheet.")
        String gpu,
        @Option(syntax = "bytes", doc = "Memory of a GPU, as in 80GB; absent: that of its kind.") Optional<String> gpuMemory,
        @Option(value = "8", range = "[1,)", doc = "GPUs of a host, which are joined by faster links than hosts are.") int gpusPerHost,
        @Option(value = "50", range = "(0,)", doc = "Network of each GPU to other hosts in gigabytes per second and direction.") double networkBandwidth,
        @Option(value = "5", range = "[0,)", doc = "Number of other grids to propose; 0: none are looked for.") int proposals,
        @Option(value = "false", doc = "Print the plan as JSON alone.") boolean json) {

    /** {@code gpu_memory} in bytes, where it is given. */
    public Optional<Long> gpuMemoryBytes() {
        return gpuMemory.map(ByteSize::parse);
    }
}
