package ai.sparktron.trainer.parallel;

import ai.sparktron.trainer.comm.Communicator;
import ai.sparktron.trainer.comm.Reduction;
import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.seam.VocabularyGroup;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Shape;
import ai.sparktron.trainer.tensor.Tensor;

/**
 * Statistics of a vocabulary that is cut over ranks: two numbers a token are exchanged, never logits. The log-sum-exp over all entries is that over the ranks'
 * own log-sum-exps, which a kernel knows how to take.
 */
record SharedVocabulary(Communicator group) implements VocabularyGroup {

    private static final float NO_LABEL = -1;

    @Override
    public boolean isFirst() {
        return group.rank() == 0;
    }

    @Override
    public void combine(Kernels kernels, Arena scratch, Tensor logSumExp, Tensor picked) {
        long tokens = logSumExp.elements();
        try (Arena.Frame frame = scratch.open("vocabulary")) {
            Tensor byRank = frame.tensor("log_sum_exp.ranks", DType.F32, group.size(), tokens);
            group.allGather(logSumExp, byRank);
            Tensor byToken = frame.tensor("log_sum_exp.tokens", DType.F32, tokens, group.size());
            for (int member = 0; member < group.size(); member++) {
                kernels.copy(byRank.rows(member, 1).reshape(Shape.of(tokens, 1)), byToken.columns(member, 1));
            }
            Tensor noLabels = frame.tensor("no_labels", DType.I32, tokens);
            kernels.fill(noLabels, NO_LABEL);
            kernels.softmaxStatistics(byToken, noLabels, 0, logSumExp, frame.tensor("none_picked", DType.F32, tokens));
        }
        group.allReduce(picked, Reduction.SUM);
    }
}
