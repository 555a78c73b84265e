package ai.sparktron.trainer.config;

import java.util.List;
import java.util.Optional;

/** What is thrown away in forward and rebuilt in backward. */
@Concern(title = "Recompute", commands = {Command.PT, Command.SFT, Command.RLHF, Command.VERIFY, Command.PLAN})
public record RecomputeOptions(
        @Option(value = "selective",
                doc = "full: rebuild whole layers; selective: rebuild the parts in recompute_modules; none: keep all.",
                note = "The attention kernels never keep scores, so the default, selective core_attn, is what none does; named, core_attn rebuilds attention's output too.")
        Granularity recomputeGranularity,
        @Option(doc = "uniform: units of recompute_num_layers layers; block: that many layers of each stage.")
        Optional<Method> recomputeMethod,
        @Option(range = "[1,)", doc = "Layers of a unit (uniform) or recomputed layers of a stage (block).")
        Optional<Integer> recomputeNumLayers,
        @Option(value = "core_attn", of = {"core_attn", "moe_act", "layernorm", "mla_up_proj", "mlp", "moe"},
                doc = "Parts rebuilt under selective.", note = "moe_act and layernorm are never kept, listed or not.")
        List<String> recomputeModules) {

    /** How much is rebuilt. */
    public enum Granularity { FULL, SELECTIVE, NONE }

    /** How layers are grouped under full. */
    public enum Method { UNIFORM, BLOCK }

    public RecomputeOptions {
        recomputeModules = List.copyOf(recomputeModules);
    }
}
