package ai.sparktron.trainer.parallel;

import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.seam.TokenDeal;
import ai.sparktron.trainer.tensor.Tensor;

/**
 * A micro-batch in 2 * ranks chunks of equal length, of which rank r holds chunk r and chunk 2 * ranks - 1 - r: under a causal mask late tokens see more than early
 * ones, and so every rank has as much to compute.
 *
 * @param ranks that share the micro-batch
 * @param rank  this one
 */
record HeadTail(int ranks, int rank) implements TokenDeal {

    /** Tokens of a chunk. */
    int chunk(int tokens) {
        if (tokens % (2 * ranks) != 0) {
            throw new IllegalStateException(tokens + " tokens of a micro-batch do not make 2 x " + ranks + " chunks of context_parallel_size " + ranks
                    + ": pad them to ParallelPlan.tokenMultiple()");
        }
        return tokens / (2 * ranks);
    }

    @Override
    public int[] held(int rank, int tokens) {
        int chunk = chunk(tokens);
        int tail = (2 * ranks - 1 - rank) * chunk;
        int[] held = new int[2 * chunk];
        for (int i = 0; i < chunk; i++) {
            held[i] = rank * chunk + i;
            held[chunk + i] = tail + i;
        }
        return held;
    }

    /** Row of a chunk's first token where the ranks' tokens lie one rank after the other. */
    private long rowByRank(int index, long chunk) {
        boolean head = index < ranks;
        int holder = head ? index : 2 * ranks - 1 - index;
        return holder * 2 * chunk + (head ? 0 : chunk);
    }

    /** byToken [T, N], in the order of tokens, = byRank [T, N], one rank's tokens after the other's; types are converted. */
    void toTokenOrder(Kernels kernels, Tensor byRank, Tensor byToken) {
        long chunk = chunk(Math.toIntExact(byRank.rows()));
        for (int index = 0; index < 2 * ranks; index++) {
            kernels.copy(byRank.rows(rowByRank(index, chunk), chunk), byToken.rows(index * chunk, chunk));
        }
    }

    /** The way back. */
    void toRankOrder(Kernels kernels, Tensor byToken, Tensor byRank) {
        long chunk = chunk(Math.toIntExact(byRank.rows()));
        for (int index = 0; index < 2 * ranks; index++) {
            kernels.copy(byToken.rows(index * chunk, chunk), byRank.rows(rowByRank(index, chunk), chunk));
        }
    }
}
