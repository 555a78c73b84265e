package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.kernels.AttentionShape;
import ai.sparktron.trainer.kernels.Direction;
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
 * Multi-head latent attention (arXiv 2405.04434). The stream is projected to narrow vectors, [query latent | key-value latent | rotary key], of which all heads'
 * queries, keys and values are made; the rotary key is one for all heads. Without a query latent, queries come from the stream itself.
 *
 * <p>The region is entered with the narrow vectors: they, not the stream, travel between ranks. Letters: Lq and Lk widths of the latents, R of the rotary part,
 * K and Kv of key and value heads.
 *
 * <p>Saves the latents before their norms, queries, keys and values (not with {@link Settings#recomputeUp()}), the heads' output and its log-sum-exps (not with
 * {@link Settings#recomputeCore()}).
 */
final class LatentAttention implements Branch {

    /**
     * @param name          of this layer's entries
     * @param layer         index in the model, by which a cache knows it
     * @param shape         heads of this rank
     * @param rotarySize    R
     * @param layout        of pairs that are turned
     * @param recomputeCore {@code recompute_modules core_attn}
     * @param recomputeUp   {@code recompute_modules mla_up_proj}: queries, keys and values are made again in backward
     */
    record Settings(String name, int layer, AttentionShape shape, int rotarySize, RopeLayout layout, boolean recomputeCore, boolean recomputeUp) {
    }

    /**
     * Projections and norms.
     *
     * @param queryDown null = queries come from the stream; then {@code queryNorm} as well
     * @param queryUp   of the query latent, or of the stream
     * @param keyDown   gives [key-value latent | rotary key]
     * @param keyUp     gives each head's key without position and its value
     */
    record Projections(Linear queryDown, Norm queryNorm, Linear queryUp, Linear keyDown, Norm keyNorm, Linear keyUp, Linear output) {
        private long queryLatent() {
            return queryDown == null ? 0 : queryDown.outputs();
        }
    }

    private final Settings settings;
    private final Projections projections;
    private final Parameter outputBias;
    private final AttentionCore core;
    private final Region region;
    private final long queryLatent;
    private final long keyLatent;
    private final long latents;

    /** @param outputBias added after the region's sum, once; null = none */
    LatentAttention(Settings settings, Projections projections, Parameter outputBias, AttentionCore core, Region region) {
        this.settings = settings;
        this.projections = projections;
        this.outputBias = outputBias;
        this.core = core;
        this.region = region;
        this.queryLatent = projections.queryLatent();
        this.keyLatent = projections.keyDown().outputs() - settings.rotarySize();
        this.latents = queryLatent + keyLatent + settings.rotarySize();
    }

    /** Queries [T, H K], keys [T, H K] and values [T, H Kv], rope done. */
    private record Heads(Tensor q, Tensor k, Tensor v) {
    }

    /** Latents [T outside, Lq + Lk + R] as projected; heads and [T, H Kv] output and [T, H] log-sum-exps, null when they are to be computed again. */
    private record Kept(Tensor latents, Heads heads, Tensor out, Tensor logSumExp) {
    }

    private Heads heads(Saved.Slot slot, Arena.Frame scratch, DType dtype, int tokens) {
        AttentionShape shape = settings.shape();
        long[] columns = {(long) shape.heads() * shape.keySize(), (long) shape.heads() * shape.keySize(), (long) shape.heads() * shape.valueSize()};
        Tensor[] made = new Tensor[columns.length];
        for (int i = 0; i < made.length; i++) {
            String what = new String[] {"queries", "keys", "values"}[i];
            made[i] = slot != null ? slot.tensor(what, dtype, tokens, columns[i]) : scratch.tensor(what, dtype, tokens, columns[i]);
        }
        return new Heads(made[0], made[1], made[2]);
    }

    @Override
    public void forward(Tensor x, Tensor out, Pass pass) {
        int tokens = region.tokensInside((int) x.rows());
        boolean keeping = pass.saved().isKeeping();
        boolean keepOut = keeping && !settings.recomputeCore();
        AttentionShape shape = settings.shape();
        try (Saved.Slot slot = pass.saved().push(settings.name())) {
            Tensor narrow = slot.tensor("latents", x.dtype(), x.rows(), latents);
            Heads saved = keeping && !settings.recomputeUp() ? heads(slot, null, x.dtype(), tokens) : null;
            Tensor kept = keepOut ? slot.tensor("heads", x.dtype(), tokens, projections.output().inputs()) : null;
            Tensor logSumExp = keepOut ? slot.tensor("log_sum_exp", DType.F32, tokens, shape.heads()) : null;
            slot.keep(new Kept(narrow, saved, kept, logSumExp));
            if (queryLatent > 0) {
                projections.queryDown().forward(x, queryPart(narrow), pass);
            }
            projections.keyDown().forward(x, keyAndRotaryPart(narrow), pass);
            try (Arena.Frame scratch = pass.scratch().open(settings.name())) {
                Heads heads = saved == null ? heads(null, scratch, x.dtype(), tokens) : saved;
                Tensor entered = region.enter(normed(narrow, null, null, scratch, pass), scratch);
                expand(x, entered, heads, scratch, pass);
                Tensor result = keepOut ? kept : scratch.tensor("heads", x.dtype(), tokens, projections.output().inputs());
                pass.attend(settings.layer(), operands(heads, pass), core, result, logSumExp);
                Tensor partial = region.partial(out, scratch);
                projections.output().forward(result, partial, pass);
                region.exit(partial, out);
            }
            if (outputBias != null) {
                pass.kernels().addBias(out, outputBias.value());
            }
        }
    }

    /** [norm of query latent | norm of key-value latent | rotary key as it is], in scratch. Inverse root mean squares [T, 1] are written for gradients, or null. */
    private Tensor normed(Tensor narrow, Tensor queryRms, Tensor keyRms, Arena.Frame scratch, Pass pass) {
        Tensor normed = scratch.tensor("latents.normed", narrow.dtype(), narrow.rows(), latents);
        if (queryLatent > 0) {
            projections.queryNorm().forward(queryPart(narrow), queryPart(normed), queryRms, pass);
        }
        projections.keyNorm().forward(keyPart(narrow), keyPart(normed), keyRms, pass);
        pass.kernels().copy(rotaryPart(narrow), rotaryPart(normed));
        return normed;
    }

    /** Queries, keys and values of the latents inside the region, whose rotary part is turned in place. */
    private void expand(Tensor x, Tensor entered, Heads heads, Arena.Frame scratch, Pass pass) {
        projections.queryUp().forward(queryLatent > 0 ? queryPart(entered) : region.enter(x, scratch), heads.q(), pass);
        turn(turned(heads.q()), settings.shape().keySize(), Direction.FORWARD, pass);
        turn(rotaryPart(entered), settings.rotarySize(), Direction.FORWARD, pass);
        try (Arena.Frame inner = pass.scratch().open(settings.name() + ".up")) {
            Tensor up = inner.tensor("up", entered.dtype(), entered.rows(), projections.keyUp().outputs());
            projections.keyUp().forward(keyPart(entered), up, pass);
            pass.kernels().latentHeads(up, rotaryPart(entered), settings.shape(), heads.k(), heads.v());
        }
    }

    @Override
    public void backward(Tensor dOut, Tensor x, Tensor dx, Pass pass) {
        try (Saved.Popped saved = pass.saved().pop(settings.name()); Arena.Frame scratch = pass.scratch().open(settings.name())) {
            if (outputBias != null && outputBias.isTrained()) {
                pass.kernels().addBiasGrad(dOut, outputBias.gradient());
            }
            Kept kept = saved.as(Kept.class);
            Tensor dPartial = region.exitGrad(dOut, scratch);
            Tensor queryRms = queryLatent > 0 ? scratch.tensor("query.inverse_rms", DType.F32, kept.latents().rows(), 1) : null;
            Tensor keyRms = scratch.tensor("key.inverse_rms", DType.F32, kept.latents().rows(), 1);
            Tensor entered = region.enter(normed(kept.latents(), queryRms, keyRms, scratch, pass), scratch);
            Heads heads = kept.heads();
            if (heads == null) {
                heads = heads(null, scratch, x.dtype(), (int) dPartial.rows());
                expand(x, entered, heads, scratch, pass);
            }
            Heads gradients = heads(null, scratch, x.dtype(), (int) dPartial.rows());
            coreGrad(dPartial, kept, heads, gradients, pass);
            Tensor dQueryInput = queryLatent > 0 ? null : scratch.tensor("stream.grad", x.dtype(), x.rows(), x.columns());
            Tensor dLatents = latentGrad(entered, x, gradients, dQueryInput, scratch, pass);
            if (queryLatent > 0) {
                projections.queryNorm().backward(queryPart(dLatents), queryPart(kept.latents()), queryRms, queryPart(dLatents), Write.OVERWRITE, pass);
            }
            projections.keyNorm().backward(keyPart(dLatents), keyPart(kept.latents()), keyRms, keyPart(dLatents), Write.OVERWRITE, pass);
            streamGrad(dLatents, dQueryInput, x, dx, scratch, pass);
        }
    }

    /** Gradients of queries, keys and values before rope, and of the output projection. */
    private void coreGrad(Tensor dPartial, Kept kept, Heads heads, Heads gradients, Pass pass) {
        try (Arena.Frame inner = pass.scratch().open(settings.name() + ".core")) {
            long columns = projections.output().inputs();
            Tensor result = kept.out();
            Tensor logSumExp = kept.logSumExp();
            if (result == null) {
                result = inner.tensor("heads", dPartial.dtype(), dPartial.rows(), columns);
                logSumExp = inner.tensor("log_sum_exp", DType.F32, dPartial.rows(), settings.shape().heads());
                core.forward(pass.kernels(), pass.scratch(), operands(heads, pass), result, logSumExp);
            }
            Tensor dHeads = inner.tensor("heads.grad", dPartial.dtype(), dPartial.rows(), columns);
            projections.output().backward(dPartial, result, dHeads, pass);
            core.backward(pass.kernels(), pass.scratch(), operands(heads, pass), dHeads, result, logSumExp, operands(gradients, pass));
        }
        turn(turned(gradients.q()), settings.shape().keySize(), Direction.BACKWARD, pass);
    }

    /** Gradient [T outside, Lq + Lk + R] of the normed latents; where queries come from the stream, its share goes to {@code dQueryInput}. */
    private Tensor latentGrad(Tensor entered, Tensor x, Heads gradients, Tensor dQueryInput, Arena.Frame scratch, Pass pass) {
        Tensor dLatents = scratch.tensor("latents.grad", x.dtype(), x.rows(), latents);
        Tensor dEntered = region.enteredGradient(dLatents, scratch);
        try (Arena.Frame inner = pass.scratch().open(settings.name() + ".up")) {
            Tensor dUp = inner.tensor("up.grad", x.dtype(), entered.rows(), projections.keyUp().outputs());
            pass.kernels().latentHeadsGrad(gradients.k(), gradients.v(), settings.shape(), dUp, rotaryPart(dEntered));
            turn(rotaryPart(dEntered), settings.rotarySize(), Direction.BACKWARD, pass);
            projections.keyUp().backward(dUp, keyPart(entered), keyPart(dEntered), pass);
        }
        if (queryLatent > 0) {
            projections.queryUp().backward(gradients.q(), queryPart(entered), queryPart(dEntered), pass);
        } else {
            Tensor dInput = region.enteredGradient(dQueryInput, scratch);
            projections.queryUp().backward(gradients.q(), region.enter(x, scratch), dInput, pass);
            region.enterGrad(dInput, dQueryInput);
        }
        region.enterGrad(dEntered, dLatents);
        return dLatents;
    }

    private void streamGrad(Tensor dLatents, Tensor dQueryInput, Tensor x, Tensor dx, Arena.Frame scratch, Pass pass) {
        Tensor ofQueries = dQueryInput;
        if (queryLatent > 0) {
            ofQueries = scratch.tensor("stream.grad", x.dtype(), x.rows(), x.columns());
            projections.queryDown().backward(queryPart(dLatents), x, ofQueries, pass);
        }
        projections.keyDown().backward(keyAndRotaryPart(dLatents), x, dx, pass);
        pass.kernels().add(dx, ofQueries, dx);
    }

    private void turn(Tensor x, int headSize, Direction direction, Pass pass) {
        pass.kernels().rope(x, headSize, pass.tokens().positions(), pass.ropeTable(), settings.layout(), direction);
    }

    /** A view that begins with the rotary part of the first head. */
    private Tensor turned(Tensor queries) {
        long plain = settings.shape().keySize() - settings.rotarySize();
        return queries.columns(plain, queries.columns() - plain);
    }

    private Tensor queryPart(Tensor narrow) {
        return narrow.columns(0, queryLatent);
    }

    private Tensor keyPart(Tensor narrow) {
        return narrow.columns(queryLatent, keyLatent);
    }

    private Tensor rotaryPart(Tensor narrow) {
        return narrow.columns(queryLatent + keyLatent, settings.rotarySize());
    }

    private Tensor keyAndRotaryPart(Tensor narrow) {
        return narrow.columns(queryLatent, keyLatent + settings.rotarySize());
    }

    private Operands operands(Heads heads, Pass pass) {
        return new Operands(heads.q(), heads.k(), heads.v(), settings.shape(), pass.tokens(), pass.tokens(), pass.dealt());
    }
}
