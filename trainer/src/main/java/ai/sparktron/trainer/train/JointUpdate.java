package ai.sparktron.trainer.train;

import ai.sparktron.trainer.checkpoint.StatePiece;
import ai.sparktron.trainer.comm.Communicator;
import ai.sparktron.trainer.comm.Reduction;
import ai.sparktron.trainer.layer.ParameterUse;
import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.model.TensorSpec;
import ai.sparktron.trainer.tensor.Tensor;
import java.io.IOException;
import java.util.List;
import java.util.function.Function;

/**
 * Parameters in parts whose gradients are summed over different ranks: experts, and all the rest. The norm is that of the whole model, so all parts are clipped by
 * the same factor.
 */
final class JointUpdate implements ModelUpdate, ParameterUse {

    private final List<ParameterUpdate> parts;
    private final Clipping clipping;
    private final Communicator ranks;
    private final boolean meets;

    /**
     * @param clipping of the model as a whole
     * @param ranks    all there are
     * @param meets    whether ranks meet in every pass
     */
    JointUpdate(List<ParameterUpdate> parts, Clipping clipping, Communicator ranks, boolean meets) {
        this.parts = List.copyOf(parts);
        this.clipping = clipping;
        this.ranks = ranks;
        this.meets = meets;
    }

    @Override
    public Tensor apply(double learningRate, double denominator) {
        parts.forEach(part -> part.addSquares(clipping.squares()));
        if (ranks.size() > 1) {
            ranks.allReduce(clipping.squares(), Reduction.SUM);
        }
        Tensor factor = clipping.factor(denominator);
        parts.forEach(part -> part.step(learningRate, factor));
        return clipping.norm();
    }

    @Override
    public ParameterUse use() {
        return this;
    }

    @Override
    public void beforeForward(List<Parameter> used) {
        parts.forEach(part -> part.use().beforeForward(used));
    }

    @Override
    public void beforeBackward(List<Parameter> used) {
        parts.forEach(part -> part.use().beforeBackward(used));
    }

    @Override
    public void afterBackward(List<Parameter> used) {
        parts.forEach(part -> part.use().afterBackward(used));
    }

    @Override
    public void lastPass(Runnable pass) {
        Runnable inner = pass;
        for (ParameterUpdate part : parts) {
            Runnable within = inner;
            inner = () -> part.lastPass(within);
        }
        inner.run();
    }

    @Override
    public boolean meetsInEveryPass() {
        return meets;
    }

    @Override
    public void load(Loader loader) throws IOException {
        for (ParameterUpdate part : parts) {
            part.load(loader);
        }
    }

    @Override
    public void clear() {
        parts.forEach(ParameterUpdate::clear);
    }

    @Override
    public void bring(TensorSpec tensor) {
        parts.forEach(part -> part.bring(tensor));
    }

    @Override
    public void addSquaresOfValues(Tensor squares) {
        parts.forEach(part -> part.addSquaresOfValues(squares));
    }

    @Override
    public long steps() {
        return parts.stream().mapToLong(ParameterUpdate::steps).max().orElseThrow();
    }

    @Override
    public void restore(long steps) {
        parts.forEach(part -> part.restore(steps));
    }

    @Override
    public List<StatePiece> toSave(boolean withOptimizer) {
        return ofParts(part -> part.toSave(withOptimizer));
    }

    @Override
    public List<StatePiece> valuesToLoad() {
        return ofParts(ParameterUpdate::valuesToLoad);
    }

    @Override
    public List<StatePiece> optimizerToLoad() {
        return ofParts(ParameterUpdate::optimizerToLoad);
    }

    private List<StatePiece> ofParts(Function<ParameterUpdate, List<StatePiece>> pieces) {
        return parts.stream().flatMap(part -> pieces.apply(part).stream()).toList();
    }

    @Override
    public long heldBytes() {
        return parts.stream().mapToLong(ParameterUpdate::heldBytes).sum();
    }

    @Override
    public void close() {
        parts.forEach(ParameterUpdate::close);
    }
}
