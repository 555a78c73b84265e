package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.kernels.TokenLayout;
import ai.sparktron.trainer.seam.AttentionCore;
import ai.sparktron.trainer.seam.AttentionCore.Operands;
import ai.sparktron.trainer.seam.DealtLayout;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.stream.IntStream;

/**
 * One micro-batch on its way through the layers of a rank. Made by {@link DecoderModel#begin}; closing it frees what is still saved, also after a failure.
 * Many may be in flight, each with its own micro-batch arena; they share the scratch arena, because one call runs at a time.
 */
public final class Pass implements AutoCloseable {

    /** What a pass is for. */
    public enum Mode {
        /** Forward then backward. */
        TRAIN,
        /** Forward alone, for its loss or its logits: nothing is saved. */
        EVALUATE
    }

    private final Engine engine;
    private final PassArenas arenas;
    private final Arena.Frame frame;
    private final Saved saved;
    private final TokenBatch batch;
    private final Tensor ropeTable;
    private final AttentionCache cache;
    private final LossRequest loss;
    private final Borders borders;
    private final Mode mode;

    /**
     * The stream where it enters and leaves the layers held here; lives until the pass is closed.
     *
     * @param input    [T, D]
     * @param output   of the blocks, null where there are none
     * @param gradient [T, D] where the head leaves the gradient of the stream; null but in a training pass of a stage with a head
     */
    record Borders(Tensor input, Stream output, Tensor gradient) {
    }

    Pass(Engine engine, PassArenas arenas, Arena.Frame frame, Saved saved, TokenBatch batch, Tensor ropeTable, AttentionCache cache, LossRequest loss,
         Borders borders, Mode mode) {
        this.engine = engine;
        this.arenas = arenas;
        this.frame = frame;
        this.saved = saved;
        this.batch = batch;
        this.ropeTable = ropeTable;
        this.cache = cache;
        this.loss = loss;
        this.borders = borders;
        this.mode = mode;
    }

    /** The same micro-batch with another stack: for layers whose forward is run again in backward. */
    Pass with(Saved other) {
        return new Pass(engine, arenas, frame, other, batch, ropeTable, cache, loss, borders, mode);
    }

    Engine engine() {
        return engine;
    }

    /** Whether backward follows. */
    boolean isTraining() {
        return mode == Mode.TRAIN;
    }

    /** The same with the names of some of the trained tokens alone, for layers that see no others. */
    Pass ofTrained(long from, long count) {
        TokenNames names = batch.targets().names();
        if (names == null) {
            return this;
        }
        TokenNames own = names.pick(IntStream.range((int) from, (int) (from + count)).toArray());
        return new Pass(engine, arenas, frame, saved, batch.named(own), ropeTable, cache, loss, borders, mode);
    }

    /** The same with the names of some neighbouring tokens alone, for layers that see no others. */
    Pass ofTokens(long from, long count) {
        if (batch.names() == null || from == 0 && count == batch.layout().tokens()) {
            return this;
        }
        return new Pass(engine, arenas, frame, saved, batch.named((int) from, (int) count), ropeTable, cache, loss, borders, mode);
    }

    /** Number of layers behind the last one that learn in this pass. */
    int furtherPredictions() {
        return loss.further().size();
    }

    /**
     * The pass of a layer that predicts tokens further on, which sees and learns other tokens.
     *
     * @param index    of the layer, from 0
     * @param gradient [T, D], where the head leaves the gradient of this layer's stream
     */
    Pass further(int index, Tensor gradient) {
        LossRequest.Further own = loss.further().get(index);
        return new Pass(engine, arenas, frame, saved, own.batch(), ropeTable, cache, new LossRequest(own.sum(), null),
                new Borders(borders.input(), borders.output(), gradient), mode);
    }

    Kernels kernels() {
        return engine.kernels();
    }

    /** Memory of a call. */
    Arena scratch() {
        return arenas.scratch();
    }

    Saved saved() {
        return saved;
    }

    /** A stack for layers that are run again in backward; to be closed when their backward is done. */
    Saved repeated() {
        return Saved.keeping(arenas.repeated().get());
    }

    TokenBatch batch() {
        return batch;
    }

    TokenLayout tokens() {
        return batch.layout();
    }

    /** Documents of all ranks' tokens; null where all tokens are here. */
    DealtLayout dealt() {
        return batch.dealt();
    }

    /** float32 [P, R], see {@link Kernels#rope}. */
    Tensor ropeTable() {
        return ropeTable;
    }

    /**
     * Attention of this pass's tokens to themselves, or in generation to what is cached as well.
     *
     * @param layer     index in the model
     * @param out       [T, H*Kv]
     * @param logSumExp float32 [T, H] or null; null in generation
     */
    void attend(int layer, Operands operands, AttentionCore core, Tensor out, Tensor logSumExp) {
        if (cache == null) {
            core.forward(kernels(), arenas.scratch(), operands, out, logSumExp);
        } else {
            cache.attend(layer, operands, core, kernels(), arenas.scratch(), out);
        }
    }

    /** float32 [1] that the head adds the scaled losses to; null when no loss is asked for. */
    Tensor lossSum() {
        return loss.sum();
    }

    /** Asked for the loss; null where losses of tokens are summed. */
    SequenceObjective objective() {
        return loss.objective();
    }

    Borders borders() {
        return borders;
    }

    /** [T, D]: where the head leaves the gradient of the stream; null but in a training pass of a stage with a head. */
    Tensor gradient() {
        return borders.gradient();
    }

    /** Frees the micro-batch's memory. */
    @Override
    public void close() {
        saved.close();
        frame.close();
    }
}
