package ai.sparktron.trainer.train;

import ai.sparktron.trainer.checkpoint.StatePiece;
import ai.sparktron.trainer.layer.ParameterUse;
import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.model.Parameters;
import ai.sparktron.trainer.model.TensorSpec;
import ai.sparktron.trainer.optimizer.GradientScale;
import java.io.IOException;
import java.util.List;
import java.util.function.Function;

/**
 * Parameters in parts whose gradients are summed over different ranks: experts, and all the rest. The norm is that of the whole model, so all parts are clipped by
 * the same factor.
 */
final class JointUpdate implements ModelUpdate, ParameterUse {

    private final Parameters parameters;
    private final List<ParameterUpdate> parts;
    private final double clip;
    private final boolean meets;

    /**
     * @param parameters those of all parts
     * @param meets      whether ranks meet in every pass
     */
    JointUpdate(Parameters parameters, List<ParameterUpdate> parts, double clip, boolean meets) {
        this.parameters = parameters;
        this.parts = List.copyOf(parts);
        this.clip = clip;
        this.meets = meets;
    }

    @Override
    public GradientScale apply(double learningRate, double denominator) {
        double squares = parts.stream().mapToDouble(ParameterUpdate::reducedSquares).sum();
        GradientScale scale = GradientScale.of(squares, denominator, clip);
        parts.forEach(part -> part.step(learningRate, scale));
        return scale;
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
        loader.load(parameters);
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
}
