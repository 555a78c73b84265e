package ai.sparktron.trainer.parallel;

import ai.sparktron.trainer.comm.Communicator;
import ai.sparktron.trainer.comm.Reduction;
import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.mesh.Axis;
import ai.sparktron.trainer.model.ModelConfig;
import ai.sparktron.trainer.model.ParameterSpec;
import ai.sparktron.trainer.seam.AttentionCore;
import ai.sparktron.trainer.seam.Seams;
import ai.sparktron.trainer.seam.TokenDeal;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.Tensor;

/**
 * Ranks that share the tokens of each micro-batch. Everything but attention looks at one token at a time, so only keys and values travel. Documents may cross the
 * borders of chunks: positions and documents travel along, and attention goes by them.
 */
final class ContextParallel implements ParallelStrategy {

    private final Communicator group;
    private final KeyExchange exchange;
    private final int tensorRanks;

    /**
     * @param group       the ranks along the axis, in order
     * @param exchange    how keys and values travel
     * @param tensorRanks that heads are cut over already
     */
    ContextParallel(Communicator group, KeyExchange exchange, int tensorRanks) {
        this.group = group;
        this.exchange = exchange;
        this.tensorRanks = tensorRanks;
    }

    @Override
    public Axis axis() {
        return Axis.CONTEXT;
    }

    @Override
    public void validate(ModelConfig config, int maxLength) {
        if (exchange == KeyExchange.HEADS) {
            requireHeads("attention heads (num_attention_heads)", config.heads());
            requireHeads("key/value heads (num_key_value_heads)", config.kvHeads());
        }
    }

    private void requireHeads(String what, int count) {
        if (count % (group.size() * tensorRanks) != 0) {
            throw new IllegalArgumentException("--cp_comm_type a2a deals heads to the ranks of --context_parallel_size " + group.size()
                    + (tensorRanks == 1 ? "" : " x --tensor_model_parallel_size " + tensorRanks) + ": the model's " + count + " " + what
                    + " do not divide by " + group.size() * tensorRanks + "; choose --cp_comm_type p2p or all_gather, which deal tokens alone");
        }
    }

    @Override
    public Seams decorate(Seams seams) {
        HeadTail deal = new HeadTail(group.size(), group.rank());
        AttentionCore core = switch (exchange) {
            case RING -> new RingAttention(group);
            case GATHER -> new GatheredAttention(group);
            case HEADS -> new ExchangedHeads(group, deal);
        };
        return new Seams(seams.slicing(), new Summed(deal, group), seams.region(), new BesideCaches(core, seams.attention()), seams.vocabulary(), seams.dispatcher(),
                seams.choices());
    }

    /** Every rank saw some tokens only. */
    @Override
    public boolean gradientIsPartial(ParameterSpec parameter) {
        return true;
    }

    /** A deal among ranks that can add up. */
    private record Summed(TokenDeal deal, Communicator group) implements TokenDeal {

        @Override
        public int ranks() {
            return deal.ranks();
        }

        @Override
        public int rank() {
            return deal.rank();
        }

        @Override
        public int[] held(int rank, int tokens) {
            return deal.held(rank, tokens);
        }

        @Override
        public void sum(Tensor x) {
            group.allReduce(x, Reduction.SUM);
        }
    }

    /** A cache has all keys of its sequence here, and nothing is dealt then. */
    private record BesideCaches(AttentionCore dealt, AttentionCore local) implements AttentionCore {

        private AttentionCore of(Operands in) {
            if (in.dealt() == null && in.keys() == in.queries()) {
                throw new IllegalStateException("attention of dealt tokens without the documents of the other ranks' tokens (Operands.dealt)");
            }
            return in.dealt() == null ? local : dealt;
        }

        @Override
        public void forward(Kernels kernels, Arena scratch, Operands in, Tensor out, Tensor logSumExp) {
            of(in).forward(kernels, scratch, in, out, logSumExp);
        }

        @Override
        public void backward(Kernels kernels, Arena scratch, Operands in, Tensor dOut, Tensor out, Tensor logSumExp, Operands gradients) {
            of(in).backward(kernels, scratch, in, dOut, out, logSumExp, gradients);
        }
    }
}
