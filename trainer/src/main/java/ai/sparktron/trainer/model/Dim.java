package ai.sparktron.trainer.model;

import java.util.Objects;

/**
 * One dimension of a parameter: what it counts, and in what units it may be cut. The rows of a query projection are H units (heads) of K elements, so
 * tensor parallelism can only cut between heads.
 *
 * @param kind     what the units are
 * @param units    how many
 * @param unitSize elements of one unit
 */
public record Dim(Kind kind, long units, long unitSize) {

    /** What a dimension counts; strategies decide by it which dimensions they cut. */
    public enum Kind {
        /** Vocabulary entries V. */
        VOCAB,
        /** Query heads H. */
        HEADS,
        /** Key/value heads G. */
        KV_HEADS,
        /** Feed-forward columns F. */
        FFN,
        /** Columns of a single expert. */
        EXPERT_FFN,
        /** Experts E of a router: never cut. */
        EXPERTS,
        /** Width of a latent vector: never cut. */
        LATENT,
        /** Embedding D: never cut. */
        EMBED,
        /** Numbers that a head gives of a token: never cut, but one of the ranks makes them for all. */
        SCORES,
        /** Elements of a single head K: never cut. */
        HEAD,
        /** Rank of a low-rank addition to a weight that is cut: never cut itself, but each rank sees its own part of the weight alone. */
        LOW_RANK;

        /** Whether tensor-parallel ranks may share it out. */
        public boolean mayBeCut() {
            return switch (this) {
                case VOCAB, HEADS, KV_HEADS, FFN -> true;
                case EXPERT_FFN, EXPERTS, LATENT, EMBED, SCORES, HEAD, LOW_RANK -> false;
            };
        }
    }

    public Dim {
        Objects.requireNonNull(kind, "kind");
        if (units <= 0 || unitSize <= 0) {
            throw new IllegalArgumentException("dimension " + kind + " of " + units + " units of " + unitSize + ": expected both > 0");
        }
    }

    public static Dim of(Kind kind, long units) {
        return new Dim(kind, units, 1);
    }

    /** Number of elements. */
    public long size() {
        return units * unitSize;
    }
}
