package ai.sparktron.trainer.parallel;

import ai.sparktron.trainer.comm.BackgroundCollectives;
import ai.sparktron.trainer.comm.Communicator;
import ai.sparktron.trainer.mesh.Mesh;
import ai.sparktron.trainer.model.Dim;
import ai.sparktron.trainer.model.ModelConfig;
import ai.sparktron.trainer.model.Slicing;
import ai.sparktron.trainer.model.TensorSlice;
import ai.sparktron.trainer.model.TensorSpec;
import ai.sparktron.trainer.seam.Seams;
import ai.sparktron.trainer.seam.TokenDispatcher;
import java.util.Optional;

/**
 * Ranks that share the experts of each layer (arXiv 2006.16668): a rank holds some experts whole, or with expert tensor parallelism equal columns of each of them,
 * and tokens travel to their experts and back. The ranks are those of a stage folded anew: they are replicas, or share a row or a layer, for everything else.
 */
final class ExpertParallel {

    private final Communicator block;
    private final Mesh mesh;
    private final int part;
    private final int tensorPart;
    private final TokenExchange exchange;
    private final BackgroundCollectives background;

    /**
     * @param block    ranks that together hold all experts, in order: parts of an expert are neighbours
     * @param exchange   how tokens travel
     * @param background collectives of the block beside the device thread's work, where tokens travel so; else null
     */
    ExpertParallel(Communicator block, Mesh mesh, TokenExchange exchange, BackgroundCollectives background) {
        this.block = block;
        this.mesh = mesh;
        this.part = block.rank() / mesh.expertTensor();
        this.tensorPart = block.rank() % mesh.expertTensor();
        this.exchange = exchange;
        this.background = background;
    }

    Communicator block() {
        return block;
    }

    Optional<BackgroundCollectives> background() {
        return Optional.ofNullable(background);
    }

    /** @throws IllegalArgumentException with option, value and the fix */
    void validate(ModelConfig config) {
        if (config.experts() == null) {
            throw new IllegalArgumentException("--expert_model_parallel_size " + mesh.expert() + " and --expert_tensor_parallel_size " + mesh.expertTensor()
                    + " share experts out, and " + config.family().name() + " has none: set both to 1");
        }
        requireMultiple("--expert_model_parallel_size " + mesh.expert(), config.experts().experts(), "experts", mesh.expert());
        requireMultiple("--expert_tensor_parallel_size " + mesh.expertTensor(), config.experts().ffnSize(), "columns of an expert (moe_intermediate_size)",
                mesh.expertTensor());
    }

    private static void requireMultiple(String option, int count, String what, int size) {
        if (count % size != 0) {
            throw new IllegalArgumentException(option + ": the model's " + count + " " + what + " do not divide by it; choose a size that divides " + count);
        }
    }

    Seams decorate(Seams seams) {
        TokenDispatcher dispatcher = switch (exchange) {
            case ALL_TO_ALL, ALL_TO_ALL_BESIDE -> new TravellingTokens(block, mesh.expert(), background);
            case ALL_GATHER -> new GatheredTokens(block, mesh.expert());
        };
        return new Seams(new Dealt(seams.slicing()), seams.tokens(), seams.region(), seams.attention(), seams.vocabulary(), dispatcher,
                seams.choices());
    }

    /** Experts are dealt in order; whatever else there is is held as before. */
    private final class Dealt implements Slicing {
        private final Slicing others;

        Dealt(Slicing others) {
            this.others = others;
        }

        @Override
        public boolean holds(TensorSpec tensor) {
            return tensor.ofExpert() ? tensor.expert().index() / (tensor.expert().of() / mesh.expert()) == part : others.holds(tensor);
        }

        @Override
        public TensorSlice slice(TensorSpec tensor) {
            if (!tensor.ofExpert()) {
                return others.slice(tensor);
            }
            boolean rowsCut = tensor.dims().get(0).kind() == Dim.Kind.EXPERT_FFN;
            boolean columnsCut = tensor.dims().get(1).kind() == Dim.Kind.EXPERT_FFN;
            long rows = rowsCut ? tensor.rows() / mesh.expertTensor() : tensor.rows();
            long columns = columnsCut ? tensor.columns() / mesh.expertTensor() : tensor.columns();
            return new TensorSlice(tensor, rowsCut ? tensorPart * rows : 0, rows, columnsCut ? tensorPart * columns : 0, columns);
        }
    }
}
