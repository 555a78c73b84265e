package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.kernels.Transpose;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.seam.Region;
import ai.sparktron.trainer.seam.VocabularyGroup;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Shape;
import ai.sparktron.trainer.tensor.Tensor;

/**
 * Final norm, product with the vocabulary, cross entropy; or in a model that scores, a product that gives one number of a token. Works on the trained tokens alone, a chunk of rows at a time, and takes the gradient of a chunk while
 * its logits are there: all logits [T, V] never exist, and none is computed twice.
 */
final class Head {

    private static final String NAME = "head";
    /** Of the largest tiles of results that GPUs' products have. */
    private static final long TILE_ROWS = 256;

    private final Norm norm;
    private final Parameter weight;
    private final Linear product;
    private final Region region;
    private final VocabularyGroup vocabulary;
    private final long chunkBytes;
    private final Objectives objectives;
    private final boolean scores;

    /** What the head does for a {@link SequenceObjective}. */
    interface Objectives {
        /**
         * Asks the objective of a pass.
         *
         * @param x     [N, D] the trained rows, null when there are none; when training, replaced by their gradients
         * @param train whether gradients are wanted
         */
        void run(Tensor x, boolean train, Pass pass);
    }

    /**
     * @param weight     [V', D]: the head's, or the embedding's when tied
     * @param product    with it
     * @param chunkBytes largest size of a chunk's logits
     * @param scores     whether the weight gives one number [1, D]
     */
    Head(Norm norm, Parameter weight, Linear product, Region region, VocabularyGroup vocabulary, long chunkBytes, boolean scores) {
        this.norm = norm;
        this.weight = weight;
        this.product = product;
        this.region = region;
        this.vocabulary = vocabulary;
        this.chunkBytes = chunkBytes;
        this.scores = scores;
        this.objectives = scores ? new ScoreLoss(product) : new ObjectiveLoss(weight, product, vocabulary, chunkBytes);
    }

    /** logits [rows, V'] of rows {@code first} to {@code first + rows}. */
    void logits(Stream in, long first, long rows, Tensor logits, Pass pass) {
        try (Arena.Frame scratch = pass.scratch().open(NAME)) {
            Tensor normed = scratch.tensor("normed", in.residual().dtype(), in.residual().rows(), in.residual().columns());
            norm.forward(in, normed, null, pass);
            Tensor entered = region.enter(normed, scratch);
            product.forward(entered.rows(first, rows), logits, pass);
        }
    }

    /** Adds the scaled losses to the pass's sum, or asks its objective. In a training pass, also the gradients of parameters, and that of the stream into the pass's gradient. */
    void loss(Stream in, Pass pass) {
        boolean train = pass.gradient() != null;
        try (Arena.Frame scratch = pass.scratch().open(NAME)) {
            long tokens = in.residual().rows();
            Tensor normed = scratch.tensor("normed", in.residual().dtype(), tokens, in.residual().columns());
            Tensor inverseRms = train ? scratch.tensor("inverse_rms", DType.F32, tokens, 1) : null;
            Tensor sum = norm.forward(in, normed, inverseRms, pass);
            Tensor entered = region.enter(normed, scratch);
            // Ranks that share a layer's weights have the same rows, and a weight that gives one number is not cut: one of them scores.
            Tensor trained = scores && !vocabulary.isFirst() ? null : trainedRows(entered, scratch, pass);
            if (pass.objective() != null) {
                objectives.run(trained, train, pass);
            } else if (scores) {
                throw new IllegalStateException("a head that gives one number of a token has no loss of tokens: an objective is expected");
            } else if (trained != null) {
                lossOfRows(trained, train, pass);
            }
            if (train) {
                // The rows' gradients now lie where the rows were; back to the tokens' places, in the normed activation's own memory.
                Tensor dEntered = region.enteredGradient(normed, scratch);
                scatter(trained, dEntered, pass);
                region.enterGrad(dEntered, normed);
                norm.backward(normed, sum, inverseRms, pass.gradient(), Write.OVERWRITE, pass);
            }
        }
    }

    /** The rows that are trained; null when there are none. */
    private static Tensor trainedRows(Tensor x, Arena.Frame scratch, Pass pass) {
        TokenBatch.Targets targets = pass.batch().targets();
        if (targets.count() == 0) {
            return null;
        }
        if (targets.rows() == null) {
            return x;
        }
        Tensor rows = scratch.tensor("trained", x.dtype(), targets.count(), x.columns());
        pass.kernels().embedding(targets.rows(), x, 0, rows);
        return rows;
    }

    private static void scatter(Tensor trained, Tensor all, Pass pass) {
        if (trained == null) {
            pass.kernels().fill(all, 0);
        } else if (pass.batch().targets().rows() != null) {
            pass.kernels().fill(all, 0);
            pass.kernels().embeddingGrad(pass.batch().targets().rows(), trained, 0, all);
        } else if (trained != all) {
            pass.kernels().copy(trained, all);
        }
    }

    /** Losses of x [N, D]; when training its rows are replaced by their gradients. */
    private void lossOfRows(Tensor x, boolean train, Pass pass) {
        long vocabularyHere = weight.value().rows();
        long most = Math.max(1, Math.min(x.rows(), chunkBytes / (vocabularyHere * x.dtype().sizeBytes())));
        long chunk = equalRows(x.rows(), most);
        try (Arena.Frame scratch = pass.scratch().open("cross_entropy")) {
            Tensor logits = scratch.tensor("logits", x.dtype(), most, vocabularyHere);
            Tensor logSumExp = scratch.tensor("log_sum_exp", DType.F32, x.rows());
            Tensor picked = scratch.tensor("picked", DType.F32, x.rows());
            for (long from = 0; from < x.rows(); from += chunk) {
                long rows = Math.min(chunk, x.rows() - from);
                chunkLoss(x.rows(from, rows), from, logits.rows(0, rows), logSumExp.rows(from, rows), picked.rows(from, rows), train, pass);
            }
            addLoss(logSumExp, picked, pass);
        }
    }

    /**
     * Rows of a chunk where all chunks but the last have equally many, in whole tiles of products: a short last chunk is slow. Memory is kept for the most, which is
     * never less for more rows.
     *
     * @param most that a chunk may have
     */
    static long equalRows(long rows, long most) {
        long chunks = (rows + most - 1) / most;
        long equal = (rows + chunks - 1) / chunks;
        return Math.min(most, (equal + TILE_ROWS - 1) / TILE_ROWS * TILE_ROWS);
    }

    /** Adds the scaled differences of log_sum_exp and picked logits to the pass's sum: a number of each row, so all chunks' at once. */
    private static void addLoss(Tensor logSumExp, Tensor picked, Pass pass) {
        Kernels kernels = pass.kernels();
        kernels.addScaled(-1, picked, logSumExp);
        Shape row = Shape.of(1, picked.elements());
        kernels.matmul(logSumExp.reshape(row), Transpose.NO, pass.batch().targets().scale().reshape(row), Transpose.YES, pass.lossSum().reshape(Shape.of(1, 1)),
                Write.ACCUMULATE);
    }

    private void chunkLoss(Tensor x, long from, Tensor logits, Tensor logSumExp, Tensor picked, boolean train, Pass pass) {
        Kernels kernels = pass.kernels();
        TokenBatch.Targets targets = pass.batch().targets();
        Tensor labels = targets.labels().rows(from, x.rows());
        Tensor scale = targets.scale().rows(from, x.rows());
        long firstColumn = weight.slices().get(0).firstRow();
        Pass named = pass.ofTrained(from, x.rows());
        product.forward(x, logits, named);
        kernels.softmaxStatistics(logits, labels, firstColumn, logSumExp, picked);
        vocabulary.combine(kernels, pass.scratch(), logSumExp, picked);
        if (train) {
            kernels.crossEntropyGrad(logits, logSumExp, labels, firstColumn, scale);
            product.backward(logits, x, x, named);
        }
    }
}
