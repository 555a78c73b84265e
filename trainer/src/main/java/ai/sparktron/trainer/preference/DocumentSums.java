package ai.sparktron.trainer.preference;

import ai.sparktron.trainer.comm.Communicator;
import ai.sparktron.trainer.comm.Reduction;
import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

/** Log-probabilities of documents: weighted sums over their trained tokens, over all ranks that share the micro-batch. One thread, the engine's. */
public final class DocumentSums {

    /** Documents summed over ranks at a time. */
    private static final int PIECE = 512;

    private final Engine engine;
    private final List<Communicator> sharers;
    private final Tensor piece;
    private final ByteBuffer bytes = ByteBuffer.allocateDirect(PIECE * Double.BYTES).order(ByteOrder.nativeOrder());

    /**
     * @param sharers along each axis, ranks that each hold some of the tokens of every micro-batch
     * @param run     gives a small tensor
     */
    public DocumentSums(Engine engine, List<Communicator> sharers, Arena.Frame run) {
        this.engine = engine;
        this.sharers = sharers.stream().filter(ranks -> ranks.size() > 1).toList();
        this.piece = run.tensor("document sums", DType.F64, PIECE);
    }

    /**
     * Sums up. All ranks that share the micro-batch call it.
     *
     * @param logProbabilities [N] of this rank's tokens
     * @param documents        [N] document of each
     * @param weights          [N] weight of each
     * @param count            documents of the micro-batch, padding left out
     * @return [count], the same on all of them
     */
    public double[] of(float[] logProbabilities, int[] documents, float[] weights, int count) {
        double[] sums = new double[count];
        for (int i = 0; i < documents.length; i++) {
            sums[documents[i]] += (double) weights[i] * logProbabilities[i];
        }
        for (Communicator ranks : sharers) {
            for (int from = 0; from < count; from += PIECE) {
                overRanks(ranks, sums, from, Math.min(PIECE, count - from));
            }
        }
        return sums;
    }

    private void overRanks(Communicator ranks, double[] sums, int from, int count) {
        Tensor part = piece.rows(0, count);
        bytes.clear().limit(count * Double.BYTES);
        bytes.asDoubleBuffer().put(sums, from, count);
        engine.write(part, bytes);
        ranks.allReduce(part, Reduction.SUM);
        bytes.clear().limit(count * Double.BYTES);
        engine.read(part, bytes);
        bytes.clear();
        bytes.asDoubleBuffer().get(sums, from, count);
    }
}
