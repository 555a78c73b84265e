package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.kernels.AttentionShape;
import ai.sparktron.trainer.kernels.Direction;
import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.kernels.RopeLayout;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.seam.AttentionCore;
import ai.sparktron.trainer.seam.AttentionCore.Operands;
import ai.sparktron.trainer.seam.Region;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;

/**
 * Grouped-query causal attention with rope: one merged product gives [query | key | value], another takes the heads back to the stream.
 *
 * <p>Saves the merged product, the heads' output and its log-sum-exps (not with {@link Settings#recomputeCore()}). Without query/key norms rope turns the
 * saved product in place; with them the product is saved as it came, because the norms' gradients need it, and norm and rope are done again.
 */
final class SelfAttention implements Branch {

    /**
     * @param name          of this layer's entries
     * @param layer         index in the model, by which a cache knows it
     * @param shape         heads of this rank
     * @param recomputeCore {@code recompute_modules core_attn}: attention is run again in backward instead of saving its output
     */
    record Settings(String name, int layer, AttentionShape shape, boolean recomputeCore) {
    }

    private final Settings settings;
    private final Linear qkv;
    private final Norm queryNorm;
    private final Norm keyNorm;
    private final Linear output;
    private final Parameter outputBias;
    private final AttentionCore core;
    private final Region region;

    /**
     * @param queryNorm  null = none, then {@code keyNorm} as well
     * @param outputBias added after the region's sum, once; null = none
     */
    SelfAttention(Settings settings, Linear qkv, Norm queryNorm, Norm keyNorm, Linear output, Parameter outputBias, AttentionCore core, Region region) {
        this.settings = settings;
        this.qkv = qkv;
        this.queryNorm = queryNorm;
        this.keyNorm = keyNorm;
        this.output = output;
        this.outputBias = outputBias;
        this.core = core;
        this.region = region;
    }

    /** Merged product [T, (H + 2G) K]; heads' output [T, H K] and log-sum-exps [T, H], null when they are to be computed again. */
    private record Kept(Tensor qkv, Tensor heads, Tensor logSumExp) {
    }

    @Override
    public void forward(Tensor x, Tensor out, Pass pass) {
        int tokens = region.tokensInside((int) x.rows());
        boolean keepHeads = pass.saved().isKeeping() && !settings.recomputeCore();
        try (Saved.Slot slot = pass.saved().push(settings.name())) {
            Tensor merged = slot.tensor("qkv", x.dtype(), tokens, qkv.outputs());
            Tensor kept = keepHeads ? slot.tensor("heads", x.dtype(), tokens, output.inputs()) : null;
            Tensor logSumExp = keepHeads ? slot.tensor("log_sum_exp", DType.F32, tokens, settings.shape().heads()) : null;
            slot.keep(new Kept(merged, kept, logSumExp));
            try (Arena.Frame scratch = pass.scratch().open(settings.name())) {
                Tensor heads = keepHeads ? kept : scratch.tensor("heads", x.dtype(), tokens, output.inputs());
                qkv.forward(region.enter(x, scratch), merged, pass);
                Tensor turned = queryNorm == null ? turn(merged, pass) : normAndTurn(merged, null, null, scratch, pass);
                pass.attend(settings.layer(), operands(turned, merged, pass), core, heads, logSumExp);
                Tensor partial = region.partial(out, scratch);
                output.forward(heads, partial, pass);
                region.exit(partial, out);
            }
            if (outputBias != null) {
                pass.kernels().addBias(out, outputBias.value());
            }
        }
    }

    @Override
    public void backward(Tensor dOut, Tensor x, Tensor dx, Pass pass) {
        try (Saved.Popped saved = pass.saved().pop(settings.name()); Arena.Frame scratch = pass.scratch().open(settings.name())) {
            if (outputBias != null && outputBias.isTrained()) {
                pass.kernels().addBiasGrad(dOut, outputBias.gradient());
            }
            Tensor dPartial = region.exitGrad(dOut, scratch);
            Tensor dMerged = attentionGrad(dPartial, saved.as(Kept.class), scratch, pass);
            Tensor entered = region.enter(x, scratch);
            Tensor dEntered = region.enteredGradient(dx, scratch);
            qkv.backward(dMerged, entered, dEntered, pass);
            region.enterGrad(dEntered, dx);
        }
    }

    /** Gradient [T, (H + 2G) K] of the merged product. */
    private Tensor attentionGrad(Tensor dPartial, Kept kept, Arena.Frame scratch, Pass pass) {
        Kernels kernels = pass.kernels();
        Tensor merged = kept.qkv();
        Tensor dMerged = scratch.tensor("qkv.grad", merged.dtype(), merged.rows(), merged.columns());
        AttentionShape shape = settings.shape();
        boolean normed = queryNorm != null;
        Tensor queryRms = normed ? scratch.tensor("query.inverse_rms", DType.F32, merged.rows(), shape.heads()) : null;
        Tensor keyRms = normed ? scratch.tensor("key.inverse_rms", DType.F32, merged.rows(), shape.kvHeads()) : null;
        Tensor turned = normed ? normAndTurn(merged, queryRms, keyRms, scratch, pass) : queriesAndKeys(merged);
        Operands operands = operands(turned, merged, pass);
        try (Arena.Frame inner = pass.scratch().open(settings.name() + ".core")) {
            Tensor heads = kept.heads();
            Tensor logSumExp = kept.logSumExp();
            if (heads == null) {
                heads = inner.tensor("heads", merged.dtype(), merged.rows(), output.inputs());
                logSumExp = inner.tensor("log_sum_exp", DType.F32, merged.rows(), shape.heads());
                core.forward(kernels, pass.scratch(), operands, heads, logSumExp);
            }
            Tensor dHeads = inner.tensor("heads.grad", merged.dtype(), merged.rows(), output.inputs());
            output.backward(dPartial, heads, dHeads, pass);
            Operands gradients = operands(queriesAndKeys(dMerged), dMerged, pass);
            core.backward(kernels, pass.scratch(), operands, dHeads, heads, logSumExp, gradients);
        }
        kernels.rope(queriesAndKeys(dMerged), shape.keySize(), pass.tokens().positions(), pass.ropeTable(), RopeLayout.HALVES, Direction.BACKWARD);
        if (normed) {
            normGrad(queryNorm, queries(dMerged), queries(merged), queryRms, pass);
            normGrad(keyNorm, keys(dMerged), keys(merged), keyRms, pass);
        }
        return dMerged;
    }

    private static void normGrad(Norm norm, Tensor gradient, Tensor x, Tensor inverseRms, Pass pass) {
        norm.backward(gradient, x, inverseRms, gradient, Write.OVERWRITE, pass);
    }

    /** Rope in place; returns the turned columns [T, (H + G) K]. */
    private Tensor turn(Tensor merged, Pass pass) {
        Tensor turned = queriesAndKeys(merged);
        pass.kernels().rope(turned, settings.shape().keySize(), pass.tokens().positions(), pass.ropeTable(), RopeLayout.HALVES, Direction.FORWARD);
        return turned;
    }

    /** Norms and rope into scratch [T, (H + G) K]; {@code merged} stays as it is. */
    private Tensor normAndTurn(Tensor merged, Tensor queryRms, Tensor keyRms, Arena.Frame scratch, Pass pass) {
        AttentionShape shape = settings.shape();
        Tensor turned = scratch.tensor("queries_keys", merged.dtype(), merged.rows(), (long) (shape.heads() + shape.kvHeads()) * shape.keySize());
        queryNorm.forward(queries(merged), queries(turned), queryRms, pass);
        keyNorm.forward(keys(merged), keys(turned), keyRms, pass);
        return turn(turned, pass);
    }

    private Operands operands(Tensor turned, Tensor merged, Pass pass) {
        long from = (long) (settings.shape().heads() + settings.shape().kvHeads()) * settings.shape().keySize();
        return new Operands(queries(turned), keys(turned), merged.columns(from, merged.columns() - from), settings.shape(), pass.tokens(), pass.tokens(),
                pass.dealt());
    }

    private Tensor queriesAndKeys(Tensor merged) {
        return merged.columns(0, (long) (settings.shape().heads() + settings.shape().kvHeads()) * settings.shape().keySize());
    }

    private Tensor queries(Tensor merged) {
        return merged.columns(0, (long) settings.shape().heads() * settings.shape().keySize());
    }

    private Tensor keys(Tensor merged) {
        long from = (long) settings.shape().heads() * settings.shape().keySize();
        return merged.columns(from, (long) settings.shape().kvHeads() * settings.shape().keySize());
    }
}
