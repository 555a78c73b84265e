package ai.sparktron.trainer.kernels.nd4j;

import static ai.sparktron.trainer.kernels.nd4j.Nd4jArrays.block;

import ai.sparktron.trainer.kernels.AttentionShape;
import ai.sparktron.trainer.kernels.TokenLayout;
import ai.sparktron.trainer.tensor.Tensor;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.BooleanIndexing;
import org.nd4j.linalg.indexing.conditions.Conditions;
import org.nd4j.linalg.ops.transforms.Transforms;

/** Attention as its formula: the whole matrix of scores of one document and head at a time. */
final class Nd4jAttention {

    private Nd4jAttention() {
    }

    /** One document of the queries that has keys, and one head. */
    private record Part(int from, int queries, int firstKey, int keys, int head, int kvHead, INDArray mask) {

        INDArray ofQueries(Tensor tensor, int size) {
            return block(tensor, from, queries, (long) head * size, size, 1);
        }

        INDArray ofKeys(Tensor tensor, int size) {
            return block(tensor, firstKey, keys, (long) kvHead * size, size, 1);
        }

        /** Scaled scores, -infinity where a query does not see a key. */
        INDArray scores(Tensor q, Tensor k, AttentionShape shape) {
            return ofQueries(q, shape.keySize()).mmul(ofKeys(k, shape.keySize()).transpose()).muli(shape.scale()).addi(mask);
        }
    }

    private interface PartCall {
        void at(Part part);
    }

    private static void parts(AttentionShape shape, TokenLayout queries, TokenLayout keys, PartCall call) {
        for (int d = 0; d + 1 < queries.starts().length; d++) {
            int from = queries.starts()[d];
            int to = queries.starts()[d + 1];
            for (int e = 0; e + 1 < keys.starts().length; e++) {
                int firstKey = keys.starts()[e];
                int lastKey = keys.starts()[e + 1];
                if (keys.hostDocuments()[firstKey] != queries.hostDocuments()[from]) {
                    continue;
                }
                INDArray mask = mask(queries, from, to, keys, firstKey, lastKey);
                for (int head = 0; head < shape.heads(); head++) {
                    call.at(new Part(from, to - from, firstKey, lastKey - firstKey, head, head / (shape.heads() / shape.kvHeads()), mask));
                }
            }
        }
    }

    private static INDArray mask(TokenLayout queries, int from, int to, TokenLayout keys, int firstKey, int lastKey) {
        float[] mask = new float[(to - from) * (lastKey - firstKey)];
        for (int i = 0; i < mask.length; i++) {
            int query = from + i / (lastKey - firstKey);
            int key = firstKey + i % (lastKey - firstKey);
            mask[i] = keys.hostPositions()[key] <= queries.hostPositions()[query] ? 0 : Float.NEGATIVE_INFINITY;
        }
        return Nd4j.createFromArray(mask).reshape(to - from, lastKey - firstKey);
    }

    static void forward(Tensor q, Tensor k, Tensor v, AttentionShape shape, TokenLayout queries, TokenLayout keys, Tensor out, Tensor logSumExpOrNull) {
        if (out.elements() == 0) {
            return;
        }
        Nd4jArrays.of(out).assign(0);
        if (logSumExpOrNull != null) {
            Nd4jArrays.of(logSumExpOrNull).assign(Float.NEGATIVE_INFINITY);
        }
        parts(shape, queries, keys, part -> {
            INDArray scores = part.scores(q, k, shape);
            // A query that sees nothing has -infinity alone: a finite largest number keeps its exponentials at 0.
            INDArray largest = Transforms.max(scores.max(true, 1), -Float.MAX_VALUE, false);
            INDArray weights = Transforms.exp(scores.subiColumnVector(largest), false);
            INDArray sums = weights.sum(true, 1);
            if (logSumExpOrNull != null) {
                part.ofQueries(logSumExpOrNull, 1).assign(Transforms.log(sums, true).addi(largest));
            }
            INDArray divisors = Transforms.max(sums, Float.MIN_NORMAL, false);
            part.ofQueries(out, shape.valueSize()).assign(weights.mmul(part.ofKeys(v, shape.valueSize())).diviColumnVector(divisors));
        });
    }

    static void merge(Tensor partOut, Tensor partLogSumExp, Tensor out, Tensor logSumExp) {
        if (out.elements() == 0) {
            return;
        }
        // A finite smallest number: -infinity less -infinity would be NaN.
        INDArray own = Transforms.max(Nd4jArrays.of(logSumExp), -Float.MAX_VALUE, true);
        INDArray part = Transforms.max(Nd4jArrays.of(partLogSumExp), -Float.MAX_VALUE, true);
        INDArray larger = Transforms.max(own, part, true);
        INDArray keep = Transforms.exp(own.sub(larger), false);
        INDArray take = Transforms.exp(part.sub(larger), false);
        INDArray sums = keep.add(take);
        int size = Math.toIntExact(out.columns() / logSumExp.columns());
        for (int head = 0; head < logSumExp.columns(); head++) {
            INDArray weights = keep.getColumn(head, true).div(sums.getColumn(head, true));
            INDArray partWeights = take.getColumn(head, true).div(sums.getColumn(head, true));
            INDArray merged = block(out, 0, out.rows(), (long) head * size, size, 1);
            merged.muliColumnVector(weights).addi(block(partOut, 0, out.rows(), (long) head * size, size, 1).mulColumnVector(partWeights));
        }
        INDArray logSums = larger.add(Transforms.log(sums, false));
        BooleanIndexing.replaceWhere(logSums, Float.NEGATIVE_INFINITY, Conditions.lessThan(-Float.MAX_VALUE / 2));
        Nd4jArrays.of(logSumExp).assign(logSums);
    }

    /** Adds this call's shares to the gradients. */
    static void backward(Tensor dOut, Tensor q, Tensor k, Tensor v, Tensor out, Tensor logSumExp, AttentionShape shape, TokenLayout queries,
                         TokenLayout keys, Tensor dq, Tensor dk, Tensor dv) {
        parts(shape, queries, keys, part -> {
            // Where nothing is seen, scores less log-sum would be NaN.
            INDArray logSums = Transforms.max(part.ofQueries(logSumExp, 1), -Float.MAX_VALUE, true);
            INDArray weights = Transforms.exp(part.scores(q, k, shape).subiColumnVector(logSums), false);
            INDArray grad = part.ofQueries(dOut, shape.valueSize());
            INDArray inner = grad.mul(part.ofQueries(out, shape.valueSize())).sum(true, 1);
            part.ofKeys(dv, shape.valueSize()).addi(weights.transpose().mmul(grad));
            INDArray dScores = grad.mmul(part.ofKeys(v, shape.valueSize()).transpose()).subiColumnVector(inner).muli(weights).muli(shape.scale());
            part.ofQueries(dq, shape.keySize()).addi(dScores.mmul(part.ofKeys(k, shape.keySize())));
            part.ofKeys(dk, shape.keySize()).addi(dScores.transpose().mmul(part.ofQueries(q, shape.keySize())));
        });
    }
}
