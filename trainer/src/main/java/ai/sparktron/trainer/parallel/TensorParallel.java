package ai.sparktron.trainer.parallel;

import ai.sparktron.trainer.comm.Communicator;
import ai.sparktron.trainer.comm.Reduction;
import ai.sparktron.trainer.mesh.Axis;
import ai.sparktron.trainer.model.Dim;
import ai.sparktron.trainer.model.ModelConfig;
import ai.sparktron.trainer.model.ParameterSpec;
import ai.sparktron.trainer.model.TensorSlice;
import ai.sparktron.trainer.model.TensorSpec;
import ai.sparktron.trainer.seam.Region;
import ai.sparktron.trainer.seam.Seams;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.List;

/**
 * Ranks that share the weights of each layer (arXiv 1909.08053): query heads, key/value heads, feed-forward columns and vocabulary entries are cut into equal
 * parts, everything else is whole on all. Stretches between cut products end in an all-reduce.
 */
final class TensorParallel implements ParallelStrategy {

    private static final String OPTION = "--tensor_model_parallel_size ";

    private final Communicator group;
    private final boolean sequence;

    /**
     * @param group    the ranks along the axis, in order
     * @param sequence whether tokens are cut outside of regions
     */
    TensorParallel(Communicator group, boolean sequence) {
        this.group = group;
        this.sequence = sequence;
    }

    @Override
    public Axis axis() {
        return Axis.TENSOR;
    }

    @Override
    public void validate(ModelConfig config, int maxLength) {
        requireMultiple("attention heads (num_attention_heads)", config.heads());
        requireMultiple("key/value heads (num_key_value_heads)", config.kvHeads());
        if (config.experts() == null || !config.experts().denseLayers().isEmpty()) {
            requireMultiple("feed-forward columns (intermediate_size)", config.ffnSize());
        }
        if (config.experts() != null) {
            requireMultiple("columns of the shared experts", config.experts().sharedSize());
            if (!sequence) {
                throw new IllegalArgumentException(OPTION + group.size() + " of a model with experts: without --sequence_parallel true every rank would route the"
                        + " same tokens; set it");
            }
        }
        requireMultiple("vocabulary entries (vocab_size)", config.vocabularySize());
    }

    private void requireMultiple(String what, int count) {
        if (count % group.size() != 0) {
            throw new IllegalArgumentException(OPTION + group.size() + ": the model's " + count + " " + what + " do not divide by it; choose a size that divides "
                    + count + ", or 1 and more replicas");
        }
    }

    @Override
    public Seams decorate(Seams seams) {
        return new Seams(this::slice, seams.tokens(), sequence ? new SequenceRegion(group) : new SummedRegion(group), seams.attention(),
                new SharedVocabulary(group), seams.dispatcher(), seams.choices());
    }

    private TensorSlice slice(TensorSpec tensor) {
        boolean vector = tensor.dims().size() == 1;
        boolean rowsCut = !vector && tensor.dims().get(0).kind().mayBeCut();
        boolean columnsCut = tensor.dims().get(tensor.dims().size() - 1).kind().mayBeCut();
        long rows = rowsCut ? tensor.rows() / group.size() : tensor.rows();
        long columns = columnsCut ? tensor.columns() / group.size() : tensor.columns();
        return new TensorSlice(tensor, rowsCut ? group.rank() * rows : 0, rows, columnsCut ? group.rank() * columns : 0, columns);
    }

    /**
     * Norms of queries and keys are whole, but see the heads of this rank alone; the whole one of an addition's two matrices sees this rank's part of the other; a head
     * that gives one number is used by one of the ranks.
     * What else is whole sees everything, or with sequence parallel some tokens.
     */
    @Override
    public boolean gradientIsPartial(ParameterSpec parameter) {
        List<Dim> dims = parameter.parts().stream().flatMap(part -> part.dims().stream()).toList();
        return sequence || dims.stream().allMatch(dim -> dim.kind() == Dim.Kind.HEAD) || dims.stream().anyMatch(dim -> dim.kind() == Dim.Kind.LOW_RANK || dim.kind() == Dim.Kind.SCORES);
    }

    /** Entered as it is, left by an all-reduce; backward the other way round. */
    private record SummedRegion(Communicator group) implements Region {

        @Override
        public Tensor enter(Tensor x, Arena.Frame scratch) {
            return x;
        }

        @Override
        public Tensor partial(Tensor out, Arena.Frame scratch) {
            return out;
        }

        @Override
        public void exit(Tensor partial, Tensor out) {
            group.allReduce(out, Reduction.SUM);
        }

        @Override
        public Tensor exitGrad(Tensor dOut, Arena.Frame scratch) {
            return dOut;
        }

        @Override
        public Tensor enteredGradient(Tensor dx, Arena.Frame scratch) {
            return dx;
        }

        @Override
        public void enterGrad(Tensor dEntered, Tensor dx) {
            group.allReduce(dx, Reduction.SUM);
        }

        @Override
        public int tokensInside(int tokensOutside) {
            return tokensOutside;
        }

        @Override
        public int tokensOutside(int tokensInside) {
            return tokensInside;
        }
    }
}
