package ai.sparktron.trainer.layer;

import java.util.EnumSet;
import java.util.Objects;
import java.util.Set;

/**
 * What is computed again in backward instead of being saved. Megatron's options {@code recompute_granularity}, {@code recompute_method},
 * {@code recompute_num_layers} and {@code recompute_modules}.
 *
 * @param granularity nothing, parts of layers, or whole layers
 * @param method      how whole layers are chosen; null unless {@code granularity} is full
 * @param layers      UNIFORM: layers run again together; BLOCK: number of layers of a stage run again
 * @param modules     the parts; empty unless selective
 */
public record Recompute(Granularity granularity, Method method, int layers, Set<Module> modules) {

    /** {@code recompute_granularity}. */
    public enum Granularity { NONE, SELECTIVE, FULL }

    /** {@code recompute_method}. */
    public enum Method { UNIFORM, BLOCK }

    /** {@code recompute_modules}. */
    public enum Module {
        /** Attention between the projections: its output and log-sum-exps; scores are never saved, asked for or not. */
        CORE_ATTN,
        /** The feed-forward of layers without experts. */
        MLP,
        /** Experts with their router and what they share. */
        MOE,
        /** The activation of experts: it is never saved, asked for or not. */
        MOE_ACT,
        /** Queries, keys and values that latent attention makes of its latents. */
        MLA_UP_PROJ,
        /** The norms' outputs: these are never saved, asked for or not. */
        LAYERNORM
    }

    public Recompute {
        Objects.requireNonNull(granularity, "granularity");
        modules = modules.isEmpty() ? Set.of() : Set.copyOf(EnumSet.copyOf(modules));
        if (granularity == Granularity.FULL && (method == null || layers <= 0)) {
            throw new IllegalArgumentException("recompute_granularity full needs recompute_method (uniform or block) and recompute_num_layers > 0; got "
                    + method + " and " + layers);
        }
        if (granularity != Granularity.FULL && method != null) {
            throw new IllegalArgumentException("recompute_method " + method + " goes with recompute_granularity full only");
        }
    }

    public static Recompute none() {
        return new Recompute(Granularity.NONE, null, 0, Set.of());
    }

    public static Recompute selective(Set<Module> modules) {
        return new Recompute(Granularity.SELECTIVE, null, 0, modules);
    }

    public static Recompute full(Method method, int layers) {
        return new Recompute(Granularity.FULL, method, layers, Set.of());
    }

    boolean has(Module module) {
        return granularity == Granularity.SELECTIVE && modules.contains(module);
    }
}
