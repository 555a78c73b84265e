package ai.sparktron.trainer.seam;

import ai.sparktron.trainer.tensor.Tensor;
import java.util.stream.IntStream;

/**
 * How the tokens of a micro-batch are dealt to the ranks that share it (context parallel). By default this rank has them all. Each rank has the whole
 * micro-batch on the host and takes its own tokens from it.
 */
public interface TokenDeal {

    /** Ranks that share a micro-batch. */
    int ranks();

    /** This rank's place among them; the first speaks for all where something is counted once a micro-batch. */
    int rank();

    /**
     * The tokens that a rank holds, as indices in the micro-batch, ascending; all ranks hold as many, and every token is held once.
     *
     * @param rank   any of the ranks
     * @param tokens of the micro-batch
     * @throws IllegalStateException when they cannot be dealt evenly
     */
    int[] held(int rank, int tokens);

    /** x = the sum over the ranks that share a micro-batch. */
    default void sum(Tensor x) {
        // Nobody else has tokens of it.
    }

    /** All tokens are here. */
    static TokenDeal whole() {
        return Whole.INSTANCE;
    }

    /** The default. */
    enum Whole implements TokenDeal {
        INSTANCE;

        @Override
        public int ranks() {
            return 1;
        }

        @Override
        public int rank() {
            return 0;
        }

        @Override
        public int[] held(int rank, int tokens) {
            return IntStream.range(0, tokens).toArray();
        }
    }
}
